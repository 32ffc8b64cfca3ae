//! Owns what is configured for S3 and for stores that speak its protocol. Never sends a request and never runs a
//! command.

use super::SettingsError;
use super::given::{Given, Key, Table};
use super::http::{self, HttpSettings};
use super::identity::{S3Credentials, credentials, incomplete};
use super::profile::{Profile, Profiles};
use super::surroundings::Surroundings;
use crate::config::StorageOptions;

const KEYS: [Key; 18] = [
    (
        "key",
        &[
            "username",
            "aws_access_key_id",
            "access_key_id",
            "client_kwargs.aws_access_key_id",
        ],
    ),
    (
        "secret",
        &[
            "password",
            "aws_secret_access_key",
            "secret_access_key",
            "client_kwargs.aws_secret_access_key",
        ],
    ),
    (
        "token",
        &[
            "aws_session_token",
            "aws_token",
            "session_token",
            "client_kwargs.aws_session_token",
        ],
    ),
    ("anon", &["aws_skip_signature", "skip_signature"]),
    ("profile", &["aws_profile", "client_kwargs.profile_name"]),
    (
        "endpoint_url",
        &[
            "aws_endpoint_url",
            "aws_endpoint",
            "endpoint",
            "aws_endpoint_url_s3",
            "client_kwargs.endpoint_url",
        ],
    ),
    (
        "region",
        &[
            "aws_region",
            "aws_default_region",
            "default_region",
            "region_name",
            "client_kwargs.region_name",
        ],
    ),
    ("addressing_style", &["config_kwargs.s3.addressing_style"]),
    (
        "virtual_hosted_style_request",
        &["aws_virtual_hosted_style_request"],
    ),
    ("signature_version", &["config_kwargs.signature_version"]),
    ("requester_pays", &["aws_request_payer", "request_payer"]),
    (
        "server_side_encryption",
        &[
            "aws_server_side_encryption",
            "s3_additional_kwargs.ServerSideEncryption",
        ],
    ),
    (
        "sse_kms_key_id",
        &["aws_sse_kms_key_id", "s3_additional_kwargs.SSEKMSKeyId"],
    ),
    (
        "sse_bucket_key_enabled",
        &[
            "aws_sse_bucket_key_enabled",
            "s3_additional_kwargs.BucketKeyEnabled",
        ],
    ),
    ("role_arn", &["aws_role_arn"]),
    ("web_identity_token_file", &["aws_web_identity_token_file"]),
    ("role_session_name", &["aws_role_session_name"]),
    ("unsigned_payload", &["aws_unsigned_payload"]),
];

const TABLE: Table = Table {
    store: "S3",
    protocols: &["s3", "s3a"],
    keys: &KEYS,
    identity: &["key", "secret", "anon", "profile", "role_arn"],
    belongings: &["token", "web_identity_token_file", "role_session_name"],
};

/// Encryption of objects by the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net::storage) struct Encryption {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub(in crate::net::storage) kind: String,
    pub(in crate::net::storage) kms_key: Option<String>,
    pub(in crate::net::storage) bucket_key: Option<bool>,
}

/// What is configured for S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net::storage) struct S3Settings {
    /// A URL without a slash at its end; `None` is AWS.
    pub(in crate::net::storage) endpoint: Option<String>,
    /// `None` is the bucket's own, which AWS tells.
    pub(in crate::net::storage) region: Option<String>,
    pub(in crate::net::storage) credentials: S3Credentials,
    /// Whether the bucket is a part of the host's name; `None` is where it can be, on AWS.
    pub(in crate::net::storage) virtual_hosted: Option<bool>,
    pub(in crate::net::storage) requester_pays: bool,
    pub(in crate::net::storage) unsigned_payload: bool,
    pub(in crate::net::storage) encryption: Option<Encryption>,
    /// The address of AWS' token service, if it is not the region's.
    pub(in crate::net::storage) sts_endpoint: Option<String>,
    /// The metadata address, if it is not the usual one.
    pub(in crate::net::storage) metadata_endpoint: Option<String>,
    pub(in crate::net::storage) http: HttpSettings,
}

impl S3Settings {
    /// Reads all sources.
    ///
    /// # Errors
    /// Files that cannot be read, and values that are unknown or contradict each other.
    pub(in crate::net::storage) fn read(
        surroundings: &Surroundings,
        options: &StorageOptions,
    ) -> Result<Self, SettingsError> {
        let given = Given::read(TABLE, surroundings, options)?;
        let profiles = Profiles::read(surroundings);
        let named = match given.text("profile")? {
            Some(name) => Some(name),
            None => surroundings
                .first(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"])
                .map(str::to_owned),
        };
        let profile_name = named.clone().unwrap_or_else(|| "default".to_owned());
        let profile = profiles.named(&profile_name);
        if named.is_some() && profile.is_none() {
            return Err(SettingsError::new(
                format!("there is no AWS profile `{}`", profile_name.escape_debug()),
                "profiles are in ~/.aws/config and ~/.aws/credentials, or where AWS_CONFIG_FILE and \
                 AWS_SHARED_CREDENTIALS_FILE say",
            ));
        }
        let profile = profile.unwrap_or_default();
        let credentials = credentials(&given, &profiles, &profile_name, surroundings)?;
        let of_user = given.text("endpoint_url")?;
        let endpoint = of_user
            .as_deref()
            .or_else(|| surroundings.first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]))
            .or_else(|| profile.get("endpoint_url"));
        let region = given.text("region")?;
        let region = region
            .as_deref()
            .or_else(|| surroundings.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]))
            .or_else(|| profile.get("region"));
        Ok(Self {
            endpoint: endpoint
                .map(|text| http::endpoint(text, &given))
                .transpose()?,
            region: region.map(valid_region).transpose()?,
            credentials,
            virtual_hosted: virtual_hosted(&given, &profile)?,
            requester_pays: requester_pays(&given)?,
            unsigned_payload: given.flag("unsigned_payload")?.unwrap_or(false),
            encryption: encryption(&given)?,
            sts_endpoint: surroundings
                .variable("AWS_ENDPOINT_URL_STS")
                .map(str::to_owned),
            metadata_endpoint: surroundings
                .variable("AWS_EC2_METADATA_SERVICE_ENDPOINT")
                .map(|url| url.trim_end_matches('/').to_owned()),
            http: HttpSettings::read(&given, &["AWS_CA_BUNDLE"], surroundings)?,
        })
    }
}

/// A region is a part of a host's name.
fn valid_region(text: &str) -> Result<String, SettingsError> {
    if is_region(text) {
        return Ok(text.to_owned());
    }
    Err(SettingsError::new(
        format!("`{}` is no region", text.escape_debug()),
        "give it as in region=eu-central-1",
    ))
}

/// Whether a text can be a region's name.
pub(in crate::net::storage) fn is_region(text: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(is_of_name)
}

fn virtual_hosted(given: &Given, profile: &Profile) -> Result<Option<bool>, SettingsError> {
    if let Some(virtual_hosted) = given.flag("virtual_hosted_style_request")? {
        return Ok(Some(virtual_hosted));
    }
    let style = given.text("addressing_style")?;
    let style = style
        .as_deref()
        .or_else(|| profile.of_s3("addressing_style"));
    match style {
        None | Some("auto") => Ok(None),
        Some("path") => Ok(Some(false)),
        Some("virtual") => Ok(Some(true)),
        Some(_) => Err(super::given::unfit(
            "addressing_style",
            "auto, path or virtual",
        )),
    }
}

/// `true`, or the word that AWS' own header has.
fn requester_pays(given: &Given) -> Result<bool, SettingsError> {
    match given.text("requester_pays")?.as_deref() {
        Some("requester") => Ok(true),
        _ => Ok(given.flag("requester_pays")?.unwrap_or(false)),
    }
}

fn encryption(given: &Given) -> Result<Option<Encryption>, SettingsError> {
    let kms_key = given.text("sse_kms_key_id")?;
    let bucket_key = given.flag("sse_bucket_key_enabled")?;
    match given.text("server_side_encryption")? {
        Some(kind) if ["AES256", "aws:kms", "aws:kms:dsse"].contains(&&*kind) => {
            Ok(Some(Encryption {
                kind,
                kms_key,
                bucket_key,
            }))
        }
        Some(_) => Err(super::given::unfit(
            "server_side_encryption",
            "AES256, aws:kms or aws:kms:dsse",
        )),
        None if kms_key.is_some() || bucket_key.is_some() => Err(incomplete(
            "key of the key service",
            "server_side_encryption",
        )),
        None => Ok(None),
    }
}
