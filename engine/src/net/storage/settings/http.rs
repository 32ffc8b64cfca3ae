//! Owns the settings that every store that is asked by HTTP has: times, certificates, endpoints. Never opens a
//! connection.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::super::upload::PART_BYTES;
use super::SettingsError;
use super::given::{Given, Key, flag_of, unfit};
use super::surroundings::Surroundings;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a request may take, with its answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Bytes that a part may have. S3 takes no less than 5 MiB, but for the last one.
const PARTS: RangeInclusive<usize> = 1024 * 1024..=128 * 1024 * 1024;

const CONNECT: Key = (
    "connect_timeout",
    &["config_kwargs.connect_timeout", "aws_connect_timeout"],
);
const WHOLE: Key = (
    "timeout",
    &[
        "read_timeout",
        "config_kwargs.read_timeout",
        "requests_timeout",
        "aws_timeout",
    ],
);
const PART: Key = ("part_bytes", &[]);
const VERIFY: Key = ("verify", &["client_kwargs.verify", "ca_bundle"]);
const INVALID_CERTIFICATES: Key = (
    "allow_invalid_certificates",
    &["aws_allow_invalid_certificates"],
);
const USE_SSL: Key = ("use_ssl", &["client_kwargs.use_ssl"]);

/// The keys of every store that is asked by HTTP.
pub(super) const KEYS: [Key; 6] = [CONNECT, WHOLE, PART, VERIFY, INVALID_CERTIFICATES, USE_SSL];

/// Whose certificates are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net::storage) enum Verify {
    /// Those that the platform's roots vouch for.
    Platform,
    /// Those that the roots of a file vouch for.
    Bundle(PathBuf),
    /// Anybody's.
    Nobody,
}

/// How a store is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::net::storage) struct HttpSettings {
    pub(in crate::net::storage) connect_timeout: Duration,
    pub(in crate::net::storage) timeout: Duration,
    pub(in crate::net::storage) verify: Verify,
    /// Bytes of a part of an upload.
    pub(in crate::net::storage) part_bytes: usize,
}

impl HttpSettings {
    pub(super) fn read(
        given: &Given,
        bundle_variables: &[&str],
        surroundings: &Surroundings,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            connect_timeout: given.seconds(CONNECT.0)?.unwrap_or(CONNECT_TIMEOUT),
            timeout: given.seconds(WHOLE.0)?.unwrap_or(TIMEOUT),
            verify: verify(given, bundle_variables, surroundings)?,
            part_bytes: part_bytes(given)?,
        })
    }
}

fn part_bytes(given: &Given) -> Result<usize, SettingsError> {
    let Some(text) = given.text(PART.0)? else {
        return Ok(PART_BYTES);
    };
    let bytes = text.parse().ok().filter(|bytes| PARTS.contains(bytes));
    bytes.ok_or_else(|| unfit(PART.0, "a number of bytes from 1048576 to 134217728"))
}

fn verify(
    given: &Given,
    bundle_variables: &[&str],
    surroundings: &Surroundings,
) -> Result<Verify, SettingsError> {
    if given.flag(INVALID_CERTIFICATES.0)? == Some(true) {
        return Ok(Verify::Nobody);
    }
    let text = match given.value(VERIFY.0) {
        None => None,
        Some(Value::Bool(verify)) => Some(verify.to_string()),
        Some(Value::String(text)) => Some(text.clone()),
        Some(_) => {
            return Err(unfit(
                VERIFY.0,
                "true, false or the path of a file of certificates",
            ));
        }
    };
    let bundle = |path: &str| Verify::Bundle(surroundings.path(path));
    Ok(match text.as_deref().map(|text| (text, flag_of(text))) {
        Some((_, Some(false))) => Verify::Nobody,
        Some((path, None)) if !path.is_empty() => bundle(path),
        _ => surroundings
            .first(bundle_variables)
            .map_or(Verify::Platform, bundle),
    })
}

/// An endpoint as a URL without a slash at its end: `host:port` gets a scheme, which `use_ssl` chooses.
///
/// # Errors
/// What is no URL of a host, or holds a password or a query.
pub(super) fn endpoint(text: &str, given: &Given) -> Result<String, SettingsError> {
    let scheme = match given.flag(USE_SSL.0)? {
        Some(false) => "http",
        _ => "https",
    };
    let text = match text.split_once("://") {
        Some(_) => text.to_owned(),
        None => format!("{scheme}://{text}"),
    };
    let refused = |why: &str| {
        SettingsError::new(
            format!("the endpoint {why}"),
            "give it as in endpoint_url=https://host:port",
        )
    };
    let url = Url::parse(&text).map_err(|_| refused("is no URL"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(refused("is no http or https URL"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("has a user or a password in it"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("has a query"));
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}
