//! Owns what can go wrong with a store, read from its client's error: what it means for the caller, whether
//! another try can help, and the hint for the user. Never prints a header or a query: they may hold secrets.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use super::hdfs_error::kind_of_hdfs;
use super::settings::conceal;
use crate::error::{Error, Hinted, Message};
use crate::text::{bounded, visible};

/// Why there are no credentials to ask a store with.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct NoCredentials(pub(super) String);

/// What an error of a store means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Nothing has the key.
    NotFound,
    /// Something has the key, or is no longer the version that was asked for.
    Conflict,
    /// The credentials are known and may not do this.
    Denied,
    /// The credentials are missing, wrong or of a wrong time.
    Credentials,
    /// The credentials were good once.
    Expired,
    /// There is no such bucket, container or file system.
    NoBucket,
    /// The bucket is in another region.
    Region,
    /// Nobody vouches for the store's certificate.
    Untrusted,
    /// The store holds as much as it may.
    Full,
    /// The store asks for fewer requests.
    SlowDown,
    /// The store is not reached, or fails by itself.
    Away,
    /// An upload that was begun is gone: someone else has ended it.
    NoUpload,
    /// Another run has taken over what this one had claimed.
    Superseded,
    /// The request was not begun: the right to it had ended.
    Lapsed,
    /// The store cannot do this at all.
    Unsupported,
    /// Anything else.
    Other,
}

impl Kind {
    /// Whether the same request may succeed a little later.
    pub(super) const fn may_pass(self) -> bool {
        matches!(self, Self::SlowDown | Self::Away)
    }
}

/// A request that failed for good.
#[derive(Clone)]
pub(crate) struct StorageError {
    /// What it means.
    pub(crate) kind: Kind,
    /// The request: a verb and a key.
    what: String,
    source: Option<Arc<object_store::Error>>,
    /// How long it was tried, if it may have passed.
    tried: Option<std::time::Duration>,
}

impl StorageError {
    pub(super) fn new(kind: Kind, what: String, source: Option<object_store::Error>) -> Self {
        Self {
            kind,
            what,
            source: source.map(Arc::new),
            tried: None,
        }
    }

    /// Reads a client's error. `what` is the request: a verb and a key.
    pub(super) fn of(what: String, error: object_store::Error) -> Self {
        Self::new(kind_of(&error), what, Some(error))
    }

    /// Whether no credentials were sent at all.
    fn has_none(&self) -> bool {
        self.source
            .as_ref()
            .is_some_and(|source| is_caused_by::<NoCredentials>(source))
    }

    #[must_use]
    pub(super) fn tried(mut self, time: std::time::Duration) -> Self {
        self.tried = Some(time);
        self
    }

    /// Whether doing the shard again may help: the run lost the right to this try of it.
    pub(crate) fn is_of_one_try(&self) -> bool {
        matches!(self.kind, Kind::NoUpload | Kind::Superseded)
    }

    /// What a person can do about it.
    pub(crate) fn hint(&self) -> &'static str {
        match self.kind {
            Kind::NotFound => "check the path",
            Kind::Conflict => "another process changed it meanwhile; the same command goes on",
            Kind::Denied => {
                "the credentials lack a right; docs/stores lists the actions that are needed"
            }
            Kind::Credentials if self.has_none() => {
                "give credentials by the store's environment variables, by ~/.config/fsspec or by --storage_option; \
                 --storage_option anon=true asks without any"
            }
            Kind::Credentials => {
                "check the key, its secret and this machine's clock; --storage_option gives them, and so do \
                 the store's environment variables and ~/.config/fsspec"
            }
            Kind::Expired => "renew the credentials; the same command then goes on",
            Kind::NoBucket => "create it first, or check its name and the endpoint",
            Kind::Region => {
                "set the bucket's own region: AWS_REGION, or --storage_option region=..."
            }
            Kind::Untrusted => {
                "SSL_CERT_FILE, AWS_CA_BUNDLE or --storage_option verify=FILE names the certificates to trust"
            }
            Kind::Full => "make room in the store; the same command then goes on",
            Kind::SlowDown => "the store refuses more requests; the same command goes on later",
            Kind::Away => {
                "is the endpoint right, and the network up? The same command then goes on"
            }
            Kind::NoUpload => "another process has ended the upload; the same command goes on",
            Kind::Superseded | Kind::Lapsed => "the same command goes on",
            Kind::Unsupported => "choose another store for this",
            Kind::Other => "the same command goes on once it is mended",
        }
    }

    /// The error of a run whose list is there.
    pub(crate) fn of_list(self) -> Error {
        let hint = self.hint();
        Error::input(Message::of(self), hint)
    }

    /// The error of a run whose dataset is there.
    pub(crate) fn of_output(self) -> Error {
        let hint = self.hint();
        Error::output(Message::of(self), hint)
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(time) = self.tried {
            write!(f, " failed for {} s", time.as_secs())?;
        }
        let said = match self.kind {
            Kind::NotFound => "nothing is there",
            Kind::Conflict => "something else is there",
            Kind::Denied => "the store denies it",
            Kind::Credentials if self.has_none() => "there are no credentials",
            Kind::Credentials => "the store does not accept the credentials",
            Kind::Expired => "the credentials have expired",
            Kind::NoBucket => "there is no such bucket or container",
            Kind::Region => "the bucket is in another region",
            Kind::Untrusted => "nobody vouches for the store's certificate",
            Kind::Full => "the store's quota is used up",
            Kind::SlowDown => "the store asks for fewer requests",
            Kind::Away => "the store cannot be reached or fails",
            Kind::NoUpload => "the upload is gone",
            Kind::Superseded => "another run has taken it over",
            Kind::Lapsed => "the run is over",
            Kind::Unsupported => "the store cannot do this",
            Kind::Other => "the store refuses it",
        };
        write!(f, ": {said}")?;
        match self.source.as_deref().map(detail) {
            Some(detail) if !detail.is_empty() => write!(f, " ({detail})"),
            _ => Ok(()),
        }
    }
}

/// As it is displayed: the client's own form has the store's whole answer.
impl fmt::Debug for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StorageError({:?}, {self})", self.kind)
    }
}

/// Without a source, whose texts are not cleared of secrets.
impl StdError for StorageError {}

/// For callers that know the file system's errors only.
impl From<StorageError> for io::Error {
    fn from(error: StorageError) -> Self {
        let kind = match error.kind {
            Kind::NotFound | Kind::NoBucket => io::ErrorKind::NotFound,
            Kind::Conflict => io::ErrorKind::AlreadyExists,
            Kind::Denied | Kind::Credentials | Kind::Expired => io::ErrorKind::PermissionDenied,
            Kind::Full => io::ErrorKind::QuotaExceeded,
            Kind::Unsupported => io::ErrorKind::Unsupported,
            Kind::SlowDown | Kind::Away => io::ErrorKind::TimedOut,
            Kind::Region
            | Kind::Untrusted
            | Kind::NoUpload
            | Kind::Superseded
            | Kind::Lapsed
            | Kind::Other => io::ErrorKind::Other,
        };
        Hinted::io(kind, error.hint(), error)
    }
}

/// Codes of S3, Google Cloud Storage and Azure, as they stand in an answer's body, and what they mean.
const CODES: [(&str, Kind); 35] = [
    ("SlowDown", Kind::SlowDown),
    ("ServerBusy", Kind::SlowDown),
    ("TooManyRequests", Kind::SlowDown),
    ("RequestLimitExceeded", Kind::SlowDown),
    ("RequestTimeTooSkewed", Kind::Credentials),
    ("RequestTimeout", Kind::Away),
    ("ServiceUnavailable", Kind::Away),
    ("InternalError", Kind::Away),
    ("OperationAborted", Kind::Away),
    ("ConditionalRequestConflict", Kind::Away),
    ("OperationTimedOut", Kind::Away),
    ("ExpiredToken", Kind::Expired),
    ("TokenRefreshRequired", Kind::Expired),
    ("ExpiredAuthenticationToken", Kind::Expired),
    (
        "Signature not valid in the specified time frame",
        Kind::Expired,
    ),
    ("SignatureDoesNotMatch", Kind::Credentials),
    ("InvalidAccessKeyId", Kind::Credentials),
    ("InvalidToken", Kind::Credentials),
    ("AuthenticationFailed", Kind::Credentials),
    ("Server failed to authenticate", Kind::Credentials),
    ("NoSuchBucket", Kind::NoBucket),
    ("ContainerNotFound", Kind::NoBucket),
    ("ContainerBeingDeleted", Kind::NoBucket),
    ("FilesystemNotFound", Kind::NoBucket),
    ("PermanentRedirect", Kind::Region),
    ("AuthorizationHeaderMalformed", Kind::Region),
    ("IllegalLocationConstraint", Kind::Region),
    ("NoSuchUpload", Kind::NoUpload),
    ("QuotaExceeded", Kind::Full),
    ("QuotaExceededException", Kind::Full),
    ("EntityTooLarge", Kind::Other),
    ("AccessDenied", Kind::Denied),
    ("AuthorizationFailure", Kind::Denied),
    ("AuthorizationPermissionMismatch", Kind::Denied),
    ("NotImplemented", Kind::Unsupported),
];

/// What a client's error means. Its variants say little; the store's own code and the status do, and they are
/// in the texts of its sources only.
fn kind_of(error: &object_store::Error) -> Kind {
    use object_store::Error as E;
    if is_caused_by::<NoCredentials>(error) {
        return Kind::Credentials;
    }
    if let Some(kind) = kind_of_hdfs(error) {
        return kind;
    }
    let text = chain(error);
    if text.contains("invalid peer certificate") {
        return Kind::Untrusted;
    }
    let code = CODES.iter().find(|(code, _)| has_word(&text, code));
    match error {
        E::AlreadyExists { .. } | E::Precondition { .. } | E::NotModified { .. } => {
            return match code {
                Some((_, kind)) if kind.may_pass() => *kind,
                _ => Kind::Conflict,
            };
        }
        E::NotSupported { .. } | E::NotImplemented { .. } => return Kind::Unsupported,
        _ => {}
    }
    if let Some((_, kind)) = code {
        return *kind;
    }
    match (error, status(&text)) {
        (E::NotFound { .. }, _) | (_, Some(404)) => Kind::NotFound,
        (E::Unauthenticated { .. }, _) | (_, Some(401)) => Kind::Credentials,
        (E::PermissionDenied { .. }, _) | (_, Some(403)) => Kind::Denied,
        (_, Some(429 | 503)) => Kind::SlowDown,
        (_, Some(501)) => Kind::Unsupported,
        (_, Some(408 | 500..=599)) => Kind::Away,
        (_, Some(301 | 307)) => Kind::Region,
        (_, Some(_)) => Kind::Other,
        // No answer at all.
        (E::Generic { .. }, None) if is_of_transport(error) => Kind::Away,
        _ => Kind::Other,
    }
}

/// Whether an error, or one that it came of, is the HTTP client's or the kernel's.
fn is_of_transport(error: &object_store::Error) -> bool {
    is_caused_by::<object_store::client::HttpError>(error)
        || is_caused_by::<reqwest::Error>(error)
        || is_caused_by::<io::Error>(error)
}

/// Whether an error, or one that it came of, is of a type.
fn is_caused_by<E: StdError + 'static>(error: &object_store::Error) -> bool {
    let mut next: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = next {
        if error.is::<E>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// The texts of an error and of what it came of.
fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        next = error.source();
    }
    text
}

/// Whether a code stands in a text and is not a part of a longer word.
fn has_word(text: &str, word: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphanumeric();
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(is_letter) && !text[at + word.len()..].starts_with(is_letter)
    })
}

/// The status that an answer had.
fn status(text: &str) -> Option<u16> {
    let (_, after) = text.split_once("status code: ")?;
    after.get(..3)?.parse().ok()
}

/// The text of an element of XML.
pub(super) fn between<'t>(text: &'t str, tag: &str) -> Option<&'t str> {
    let start = text.find(&format!("<{tag}>"))? + tag.len() + 2;
    let end = start + text[start..].find(&format!("</{tag}>"))?;
    Some(text[start..end].trim())
}

/// The part of an error's text that tells something and cannot hold a secret: the store's code and message, or
/// the last cause.
fn detail(error: &object_store::Error) -> String {
    let text = chain(error);
    let said = match (between(&text, "Code"), status(&text)) {
        (Some(code), _) => match between(&text, "Message") {
            Some(message) if !message.is_empty() && message != code => format!("{code}: {message}"),
            _ => code.to_owned(),
        },
        (None, Some(status)) => format!("status {status}"),
        (None, None) => {
            let mut last: &(dyn StdError + 'static) = error;
            while let Some(next) = last.source() {
                last = next;
            }
            last.to_string()
        }
    };
    if is_caused_by::<NoCredentials>(error) {
        // Written here, with the paths of files.
        return visible(&said).into_owned();
    }
    // A URL's query may be a signature, and so may any long word. Azure's messages go on with a request's number.
    let first = said.split(['?', '\n']).next().unwrap_or_default();
    visible(&bounded(&conceal(first))).trim().to_owned()
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
