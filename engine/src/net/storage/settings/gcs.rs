//! Owns what is configured for Google Cloud Storage. Never sends a request.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::SettingsError;
use super::given::{Given, Key, Table, unfit};
use super::http::{self, HttpSettings};
use super::secret::Secret;
use super::surroundings::Surroundings;
use crate::config::StorageOptions;

const KEYS: [Key; 8] = [
    (
        "token",
        &["google_application_credentials", "application_credentials"],
    ),
    (
        "service_account",
        &[
            "google_service_account",
            "google_service_account_path",
            "service_account_path",
        ],
    ),
    ("service_account_key", &["google_service_account_key"]),
    ("bearer_token", &["google_bearer_token"]),
    ("anon", &["google_skip_signature", "skip_signature"]),
    ("project", &["user_project"]),
    ("requester_pays", &[]),
    ("endpoint_url", &["google_base_url", "base_url", "endpoint"]),
];

const TABLE: Table = Table {
    store: "Google Cloud Storage",
    protocols: &["gs", "gcs"],
    keys: &KEYS,
    identity: &[
        "token",
        "service_account",
        "service_account_key",
        "bearer_token",
        "anon",
    ],
    belongings: &[],
};

/// Where gcloud keeps the credentials of `gcloud auth application-default login`, below the home.
const APPLICATION_DEFAULT: &str = ".config/gcloud/application_default_credentials.json";

/// Where credentials come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net::storage) enum GcsCredentials {
    /// Requests carry none.
    Anonymous,
    /// A token that goes with each request.
    Bearer(Secret),
    /// The JSON text of a service account.
    ServiceAccount(Secret),
    /// A file of gcloud's that holds a user's credentials.
    User(PathBuf),
    /// The metadata address of the machine.
    Instance {
        /// Places where nothing was found.
        looked: Vec<String>,
    },
}

/// What is configured for Google Cloud Storage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net::storage) struct GcsSettings {
    /// A URL without a slash at its end; `None` is Google's.
    pub(in crate::net::storage) endpoint: Option<String>,
    pub(in crate::net::storage) credentials: GcsCredentials,
    /// The project that pays for requests.
    pub(in crate::net::storage) payer: Option<String>,
    pub(in crate::net::storage) http: HttpSettings,
}

impl GcsSettings {
    /// Reads all sources.
    ///
    /// # Errors
    /// Files that cannot be read, and values that are unknown or contradict each other.
    pub(in crate::net::storage) fn read(
        surroundings: &Surroundings,
        options: &StorageOptions,
    ) -> Result<Self, SettingsError> {
        let given = Given::read(TABLE, surroundings, options)?;
        let endpoint = match given.text("endpoint_url")? {
            Some(text) => Some(http::endpoint(&text, &given)?),
            None => emulator(surroundings)?,
        };
        let payer = payer(&given, surroundings)?;
        Ok(Self {
            credentials: credentials(&given, endpoint.is_some(), surroundings)?,
            endpoint,
            payer,
            http: HttpSettings::read(&given, &[], surroundings)?,
        })
    }
}

/// The emulator that a variable names, as gcsfs reads it.
fn emulator(surroundings: &Surroundings) -> Result<Option<String>, SettingsError> {
    let Some(text) = surroundings.variable("STORAGE_EMULATOR_HOST") else {
        return Ok(None);
    };
    if text == "default" {
        return Ok(None);
    }
    let text = match text.split_once("://") {
        Some(_) => text.to_owned(),
        None => format!("http://{text}"),
    };
    http::endpoint(&text, &Given::default()).map(Some)
}

/// `requester_pays` is yes, or the project itself.
fn payer(given: &Given, surroundings: &Surroundings) -> Result<Option<String>, SettingsError> {
    let Some(text) = given.text("requester_pays")? else {
        return Ok(None);
    };
    match super::given::flag_of(&text) {
        Some(false) => Ok(None),
        None => Ok(Some(text)),
        Some(true) => {
            let variable = surroundings.first(&["GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT"]);
            let project = given.text("project")?.or(variable.map(str::to_owned));
            project.map(Some).ok_or_else(|| {
                SettingsError::new(
                    "requester_pays is set and no project is",
                    "set project=... or GOOGLE_CLOUD_PROJECT",
                )
            })
        }
    }
}

fn credentials(
    given: &Given,
    is_elsewhere: bool,
    surroundings: &Surroundings,
) -> Result<GcsCredentials, SettingsError> {
    if given.flag("anon")? == Some(true) {
        return Ok(GcsCredentials::Anonymous);
    }
    if let Some(token) = given.secret("bearer_token")? {
        return Ok(GcsCredentials::Bearer(token));
    }
    if let Some(key) = given.value("service_account_key") {
        return of_key(key);
    }
    if let Some(path) = given.text("service_account")? {
        return of_file(&surroundings.path(&path));
    }
    match given.value("token") {
        None => {}
        Some(Value::String(word)) if word.is_empty() || word == "google_default" => {}
        Some(Value::String(word)) if word == "anon" => return Ok(GcsCredentials::Anonymous),
        Some(Value::String(word)) if word == "cloud" => {
            return Ok(GcsCredentials::Instance { looked: Vec::new() });
        }
        Some(Value::String(word)) if word == "cache" || word == "browser" => {
            return Err(SettingsError::new(
                format!("token={word} is gcsfs' own way to log in, which turbo2ds does not have"),
                "`gcloud auth application-default login` logs in for all programs",
            ));
        }
        Some(Value::String(text)) if text.trim_start().starts_with('{') => {
            return of_key(&Value::String(text.clone()));
        }
        // A path, or a token itself.
        Some(Value::String(text)) => {
            let path = surroundings.path(text);
            return if path.exists() || text.contains('/') || text.ends_with(".json") {
                of_file(&path)
            } else {
                Ok(GcsCredentials::Bearer(Secret::new(text)))
            };
        }
        Some(key) => return of_key(key),
    }
    if let Some(path) = surroundings.first(&[
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_SERVICE_ACCOUNT_PATH",
        "SERVICE_ACCOUNT",
    ]) {
        return of_file(&surroundings.path(path));
    }
    if let Some(key) = surroundings.variable("GOOGLE_SERVICE_ACCOUNT_KEY") {
        return of_key(&Value::String(key.to_owned()));
    }
    // What is Google's goes to Google only.
    if is_elsewhere {
        return Ok(GcsCredentials::Anonymous);
    }
    if let Some(path) = surroundings.variable("GOOGLE_APPLICATION_CREDENTIALS") {
        return of_file(&surroundings.path(path));
    }
    let usual = surroundings.below_home(APPLICATION_DEFAULT);
    if let Some(path) = usual.filter(|path| path.exists()) {
        return of_file(&path);
    }
    Ok(GcsCredentials::Instance {
        looked: vec![
            "--storage_option".to_owned(),
            "fsspec's files (~/.config/fsspec)".to_owned(),
            "GOOGLE_APPLICATION_CREDENTIALS".to_owned(),
            format!("~/{APPLICATION_DEFAULT}"),
        ],
    })
}

/// Credentials that stand in a value: an object, or its text.
fn of_key(key: &Value) -> Result<GcsCredentials, SettingsError> {
    let text = match key {
        Value::String(text) => text.clone(),
        object => object.to_string(),
    };
    let parsed: Option<Value> = serde_json::from_str(&text).ok();
    match parsed
        .as_ref()
        .and_then(|parsed| parsed.get("type")?.as_str())
    {
        Some("authorized_user") => Err(SettingsError::new(
            "a user's credentials of Google are read from a file only",
            "give its path: token=~/.config/gcloud/application_default_credentials.json",
        )),
        _ if parsed.as_ref().is_some_and(is_service_account) => {
            Ok(GcsCredentials::ServiceAccount(Secret::new(text)))
        }
        _ => Err(unfit("token", "a service account")),
    }
}

/// Credentials that are in a file.
fn of_file(path: &Path) -> Result<GcsCredentials, SettingsError> {
    let refused = |why: String| {
        SettingsError::new(
            format!("{} {why}", path.display()),
            "it is a service account's key, or what `gcloud auth application-default login` wrote",
        )
    };
    let text =
        fs::read_to_string(path).map_err(|error| refused(format!("cannot be read: {error}")))?;
    // The parser's own text could quote a value.
    let parsed: Value = serde_json::from_str(&text)
        .map_err(|error| refused(format!("is no JSON: line {}", error.line())))?;
    match parsed.get("type").and_then(Value::as_str) {
        Some("authorized_user") => Ok(GcsCredentials::User(path.to_owned())),
        _ if is_service_account(&parsed) => Ok(GcsCredentials::ServiceAccount(Secret::new(text))),
        Some(other) => Err(refused(format!(
            "holds credentials of the type `{}`, which are not read",
            other.escape_debug()
        ))),
        None => Err(refused("holds no credentials".to_owned())),
    }
}

/// Whether an object has what a service account's key has.
fn is_service_account(key: &Value) -> bool {
    ["private_key", "private_key_id", "client_email"]
        .into_iter()
        .all(|name| key.get(name).is_some_and(Value::is_string))
}
