//! Owns what is configured for Azure Blob Storage. Never sends a request.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use percent_encoding::percent_decode_str;

use super::SettingsError;
use super::given::{Given, Key, Table, unfit};
use super::http::{self, HttpSettings};
use super::secret::Secret;
use super::surroundings::Surroundings;
use crate::config::StorageOptions;

const KEYS: [Key; 15] = [
    ("account_name", &["azure_storage_account_name", "account"]),
    (
        "account_key",
        &[
            "azure_storage_account_key",
            "azure_storage_access_key",
            "azure_storage_master_key",
            "access_key",
            "master_key",
        ],
    ),
    (
        "sas_token",
        &[
            "azure_storage_sas_token",
            "azure_storage_sas_key",
            "sas_key",
        ],
    ),
    ("connection_string", &["azure_storage_connection_string"]),
    ("bearer_token", &["azure_storage_token", "token"]),
    ("client_id", &["azure_storage_client_id", "azure_client_id"]),
    (
        "client_secret",
        &["azure_storage_client_secret", "azure_client_secret"],
    ),
    (
        "tenant_id",
        &["azure_storage_tenant_id", "azure_tenant_id", "authority_id"],
    ),
    ("federated_token_file", &["azure_federated_token_file"]),
    ("authority_host", &["azure_authority_host"]),
    ("use_azure_cli", &["azure_use_azure_cli"]),
    ("anon", &["azure_skip_signature", "skip_signature"]),
    (
        "account_host",
        &[
            "endpoint",
            "endpoint_url",
            "azure_endpoint",
            "azure_storage_endpoint",
            "account_url",
        ],
    ),
    ("use_emulator", &["azure_storage_use_emulator"]),
    ("msi_endpoint", &["azure_msi_endpoint", "identity_endpoint"]),
];

const TABLE: Table = Table {
    store: "Azure",
    protocols: &["abfs", "az", "abfss", "adl"],
    keys: &KEYS,
    identity: &[
        "account_key",
        "sas_token",
        "connection_string",
        "bearer_token",
        "client_id",
        "client_secret",
        "use_azure_cli",
        "anon",
    ],
    belongings: &["tenant_id", "federated_token_file"],
};

/// The account of Azurite, and its key, which its documentation gives to everybody.
const EMULATOR_ACCOUNT: &str = "devstoreaccount1";
const EMULATOR_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
const EMULATOR_URL: &str = "http://127.0.0.1:10000";
/// What follows an account's name in its host's name.
const SUFFIX: &str = "core.windows.net";

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net::storage) enum AzureCredentials {
    /// Requests carry none.
    Anonymous,
    /// The account's key.
    Key(Secret),
    /// A shared access signature: the query of a URL.
    Sas(Secret),
    /// A token that goes with each request.
    Bearer(Secret),
    /// An application's password.
    ClientSecret {
        client: String,
        secret: Secret,
        tenant: String,
    },
    /// A workload's token, which is in a file.
    Workload {
        client: String,
        tenant: String,
        token_file: PathBuf,
    },
    /// The command line `az`, which is logged in.
    CommandLine,
    /// The identity of the machine, which its metadata address tells.
    Managed {
        client: Option<String>,
        endpoint: Option<String>,
    },
}

/// What is configured for Azure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net::storage) struct AzureSettings {
    pub(in crate::net::storage) container: String,
    pub(in crate::net::storage) account: String,
    /// The account's URL without a slash at its end.
    pub(in crate::net::storage) endpoint: String,
    pub(in crate::net::storage) credentials: AzureCredentials,
    /// Where tokens are asked for, if it is not the usual place.
    pub(in crate::net::storage) authority: Option<String>,
    pub(in crate::net::storage) http: HttpSettings,
}

/// What a connection string says.
#[derive(Debug, Default)]
struct Connection {
    account: Option<String>,
    endpoint: Option<String>,
    credentials: Option<AzureCredentials>,
}

impl AzureSettings {
    /// Reads all sources. `authority` is the URL's: a container, or `container@account.dfs.core.windows.net`.
    ///
    /// # Errors
    /// Files that cannot be read, and values that are unknown, missing or contradict each other.
    pub(in crate::net::storage) fn read(
        authority: &str,
        surroundings: &Surroundings,
        options: &StorageOptions,
    ) -> Result<Self, SettingsError> {
        let given = Given::read(TABLE, surroundings, options)?;
        let (container, host) = match authority.split_once('@') {
            Some((container, host)) => (container, Some(host)),
            None => (authority, None),
        };
        let connection = connection(&given, surroundings)?;
        let of_user = given.text("account_host")?;
        let of_user = of_user
            .as_deref()
            .map(|text| http::endpoint(text, &given))
            .transpose()?;
        let of_url = host
            .map(|host| http::endpoint(&host.replace(".dfs.", ".blob."), &given))
            .transpose()?;
        let named = given.text("account_name")?;
        let variable = surroundings.first(&["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"]);
        let account = of_url
            .as_deref()
            .and_then(account_of)
            .or(named)
            .or(connection.account)
            .or(variable.map(str::to_owned))
            .or(of_user.as_deref().and_then(account_of))
            .ok_or_else(|| {
                SettingsError::new(
                    "no account of Azure is named",
                    "name it in the URL (abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/...), or with account_name=... \
                     or AZURE_STORAGE_ACCOUNT_NAME",
                )
            })?;
        let endpoint = of_user
            .or(of_url)
            .or(connection.endpoint)
            .unwrap_or_else(|| format!("https://{account}.blob.{SUFFIX}"));
        Ok(Self {
            container: container.to_owned(),
            endpoint: below_an_emulator(endpoint, &account),
            account,
            credentials: credentials(&given, connection.credentials, surroundings)?,
            authority: given.text("authority_host")?.or(surroundings
                .variable("AZURE_AUTHORITY_HOST")
                .map(str::to_owned)),
            http: HttpSettings::read(&given, &[], surroundings)?,
        })
    }
}

/// The account that a host of Azure's names.
fn account_of(endpoint: &str) -> Option<String> {
    let (_, host) = endpoint.split_once("://")?;
    let (account, rest) = host.split_once('.')?;
    (rest.starts_with("blob.") || rest.starts_with("dfs.")).then(|| account.to_owned())
}

/// An emulator has its accounts in the path: Azurite at a bare address.
fn below_an_emulator(endpoint: String, account: &str) -> String {
    let host = endpoint.split_once("://").map_or("", |(_, host)| host);
    let is_bare = !host.contains('/');
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_address =
        name == "localhost" || name.starts_with('[') || name.parse::<std::net::Ipv4Addr>().is_ok();
    if is_bare && is_address {
        format!("{endpoint}/{account}")
    } else {
        endpoint
    }
}

/// Reads the connection string, if there is one. The emulator is one that is known.
fn connection(given: &Given, surroundings: &Surroundings) -> Result<Connection, SettingsError> {
    let of_user = given.secret("connection_string")?;
    // An option that names other credentials goes before the environment's string.
    let mut others = TABLE
        .identity
        .iter()
        .filter(|name| **name != "connection_string");
    let has_own = others.any(|name| given.has(name));
    let variable = surroundings
        .variable("AZURE_STORAGE_CONNECTION_STRING")
        .filter(|_| !has_own && of_user.is_none())
        .map(Secret::new);
    let use_emulator = match given.flag("use_emulator")? {
        Some(flag) => flag,
        None => surroundings
            .flag("AZURE_STORAGE_USE_EMULATOR")
            .unwrap_or(false),
    };
    let mut connection = Connection::default();
    let mut is_emulator = use_emulator;
    let mut suffix = None;
    let mut protocol = None;
    if let Some(text) = of_user.or(variable) {
        for part in text
            .expose()
            .split(';')
            .filter(|part| !part.trim().is_empty())
        {
            let Some((name, value)) = part.split_once('=') else {
                return Err(unfit("connection_string", "made of NAME=VALUE parts"));
            };
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "accountname" => connection.account = Some(value.to_owned()),
                "accountkey" => {
                    connection.credentials = Some(AzureCredentials::Key(account_key(value)?));
                }
                "sharedaccesssignature" => {
                    connection.credentials = Some(AzureCredentials::Sas(signature(value)));
                }
                "blobendpoint" => connection.endpoint = Some(http::endpoint(value, given)?),
                "endpointsuffix" => suffix = Some(value.to_owned()),
                "defaultendpointsprotocol" => protocol = Some(value.to_owned()),
                "usedevelopmentstorage" => {
                    is_emulator = super::given::flag_of(value).unwrap_or(false);
                }
                // Endpoints of queues, tables and files.
                _ => {}
            }
        }
    }
    if is_emulator {
        let url = surroundings
            .variable("AZURITE_BLOB_STORAGE_URL")
            .unwrap_or(EMULATOR_URL);
        let account = connection
            .account
            .get_or_insert_with(|| EMULATOR_ACCOUNT.to_owned())
            .clone();
        let url = below_an_emulator(http::endpoint(url, given)?, &account);
        connection.endpoint.get_or_insert(url);
        if account == EMULATOR_ACCOUNT && !has_own {
            let key = || AzureCredentials::Key(Secret::new(EMULATOR_KEY));
            connection.credentials.get_or_insert_with(key);
        }
    }
    if let (None, Some(account)) = (&connection.endpoint, &connection.account)
        && (suffix.is_some() || protocol.is_some())
    {
        let (protocol, suffix) = (protocol.as_deref(), suffix.as_deref());
        let url = format!(
            "{}://{account}.blob.{}",
            protocol.unwrap_or("https"),
            suffix.unwrap_or(SUFFIX)
        );
        connection.endpoint = Some(http::endpoint(&url, given)?);
    }
    Ok(connection)
}

/// A shared access signature, whose values are secrets of their own: they come in any order and may be shown apart.
fn signature(query: &str) -> Secret {
    let query = query.trim_start_matches('?');
    for value in query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("sig="))
    {
        let _ = Secret::new(value);
        let _ = Secret::new(percent_decode_str(value).decode_utf8_lossy());
    }
    Secret::new(query)
}

/// A key is the base64 form of bytes.
fn account_key(text: &str) -> Result<Secret, SettingsError> {
    let secret = Secret::new(text);
    BASE64
        .decode(text)
        .map_err(|_| unfit("account_key", "in base64"))?;
    Ok(secret)
}

fn credentials(
    given: &Given,
    of_connection: Option<AzureCredentials>,
    surroundings: &Surroundings,
) -> Result<AzureCredentials, SettingsError> {
    let anonymous = given.flag("anon")?;
    if anonymous == Some(true) {
        return Ok(AzureCredentials::Anonymous);
    }
    if let Some(key) = given.text("account_key")? {
        return account_key(&key).map(AzureCredentials::Key);
    }
    if let Some(token) = given.text("sas_token")? {
        return Ok(AzureCredentials::Sas(signature(&token)));
    }
    if let Some(token) = given.secret("bearer_token")? {
        return Ok(AzureCredentials::Bearer(token));
    }
    if let Some(credentials) = of_connection {
        return Ok(credentials);
    }
    if given.flag("use_azure_cli")? == Some(true) {
        return Ok(AzureCredentials::CommandLine);
    }
    let variable = |names: &[&str]| surroundings.first(names).map(str::to_owned);
    let client = given.text("client_id")?;
    // Of two identities, the parts of one are not used for the other.
    if client.is_none() {
        if let Some(key) = variable(&[
            "AZURE_STORAGE_ACCOUNT_KEY",
            "AZURE_STORAGE_KEY",
            "AZURE_STORAGE_ACCESS_KEY",
        ]) {
            return account_key(&key).map(AzureCredentials::Key);
        }
        if let Some(token) = variable(&["AZURE_STORAGE_SAS_TOKEN", "AZURE_STORAGE_SAS_KEY"]) {
            return Ok(AzureCredentials::Sas(signature(&token)));
        }
    }
    let is_of_user = client.is_some();
    let client = client.or_else(|| variable(&["AZURE_CLIENT_ID", "AZURE_STORAGE_CLIENT_ID"]));
    let secret = match given.secret("client_secret")? {
        Some(secret) => Some(secret),
        None if is_of_user => None,
        None => variable(&["AZURE_CLIENT_SECRET", "AZURE_STORAGE_CLIENT_SECRET"]).map(Secret::new),
    };
    let tenant = given
        .text("tenant_id")?
        .or_else(|| variable(&["AZURE_TENANT_ID", "AZURE_STORAGE_TENANT_ID"]));
    let file = given
        .text("federated_token_file")?
        .or_else(|| variable(&["AZURE_FEDERATED_TOKEN_FILE"]));
    match (client, secret, tenant, file) {
        (Some(client), Some(secret), Some(tenant), _) => Ok(AzureCredentials::ClientSecret {
            client,
            secret,
            tenant,
        }),
        (_, Some(_), _, _) => Err(SettingsError::new(
            "Azure has a client_secret without a client_id and a tenant_id",
            "set all three: client_id, client_secret and tenant_id",
        )),
        (Some(client), None, Some(tenant), Some(file)) => Ok(AzureCredentials::Workload {
            client,
            tenant,
            token_file: surroundings.path(&file),
        }),
        (client, None, _, _) => {
            let endpoint = given
                .text("msi_endpoint")?
                .or_else(|| variable(&["IDENTITY_ENDPOINT", "MSI_ENDPOINT"]));
            // adlfs takes a container for a public one unless it is told that it is not.
            let denied =
                anonymous.or_else(|| surroundings.flag("AZURE_STORAGE_ANON")) == Some(false);
            if denied || client.is_some() || endpoint.is_some() {
                Ok(AzureCredentials::Managed { client, endpoint })
            } else {
                Ok(AzureCredentials::Anonymous)
            }
        }
    }
}
