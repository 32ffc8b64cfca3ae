//! Owns what can go wrong with a Hadoop file system: its classes of exceptions and what they mean, whichever
//! protocol brought them. Never decides whether a request is tried again.

use std::error::Error as StdError;
use std::fmt;

use hdfs_native::HdfsError;

use super::error::Kind;

/// What a Hadoop file system is called where a store is named.
pub(super) const STORE: &str = "HDFS";

/// A request to a Hadoop file system that failed.
#[derive(Debug)]
pub(super) struct Failure {
    kind: Kind,
    /// One line: what the server or the client said.
    said: String,
}

impl Failure {
    /// An error of the client's form.
    pub(super) fn error(kind: Kind, said: impl Into<String>) -> object_store::Error {
        let said = said.into();
        // What follows the first line is the server's stack.
        let said = said.lines().next().unwrap_or_default().to_owned();
        let source = Box::new(Self { kind, said });
        object_store::Error::Generic {
            store: STORE,
            source,
        }
    }

    /// The error of an exception of the server's.
    pub(super) fn exception(class: &str, message: &str) -> object_store::Error {
        let name = class.rsplit(['.', '$']).next().unwrap_or(class);
        Self::error(
            kind_of_exception(name, message),
            format!("{name}: {message}"),
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

impl StdError for Failure {}

/// What an error means that came from a Hadoop file system; `None` if it came from elsewhere.
pub(super) fn kind_of_hdfs(error: &object_store::Error) -> Option<Kind> {
    let object_store::Error::Generic { source, .. } = error else {
        return None;
    };
    source.downcast_ref::<Failure>().map(|failure| failure.kind)
}

/// Classes without their packages, and what they mean.
const CLASSES: [(&str, Kind); 22] = [
    ("FileNotFoundException", Kind::NotFound),
    ("FileAlreadyExistsException", Kind::Conflict),
    ("AlreadyBeingCreatedException", Kind::Conflict),
    ("AccessControlException", Kind::Denied),
    ("AuthorizationException", Kind::Denied),
    ("SaslException", Kind::Credentials),
    ("GSSException", Kind::Credentials),
    ("AuthenticationException", Kind::Credentials),
    ("InvalidToken", Kind::Credentials),
    ("QuotaExceededException", Kind::Full),
    ("DSQuotaExceededException", Kind::Full),
    ("NSQuotaExceededException", Kind::Full),
    ("QuotaByStorageTypeExceededException", Kind::Full),
    ("SafeModeException", Kind::Away),
    ("StandbyException", Kind::Away),
    ("ObserverRetryOnActiveException", Kind::Away),
    ("RetriableException", Kind::Away),
    ("NotReplicatedYetException", Kind::Away),
    ("LeaseExpiredException", Kind::NoUpload),
    ("UnsupportedOperationException", Kind::Unsupported),
    ("RpcNoSuchMethodException", Kind::Unsupported),
    ("RpcNoSuchProtocolException", Kind::Unsupported),
];

/// What an exception means, of its class without its package and of its message.
fn kind_of_exception(name: &str, message: &str) -> Kind {
    let known = CLASSES.iter().find(|(known, _)| *known == name);
    match known.map(|(_, kind)| *kind) {
        Some(Kind::Credentials) if message.contains("expired") => Kind::Expired,
        Some(kind) => kind,
        // No node takes the block: there is none, or all are full.
        None if message.contains("could only be") => {
            if message.contains("There are 0 datanode") {
                Kind::Away
            } else {
                Kind::Full
            }
        }
        None => Kind::Other,
    }
}

/// The error of the native client's.
pub(super) fn of_native(error: HdfsError) -> object_store::Error {
    let kind = match &error {
        HdfsError::RPCError(class, message) | HdfsError::FatalRPCError(class, message) => {
            return Failure::exception(class, message);
        }
        HdfsError::FileNotFound(_) => Kind::NotFound,
        HdfsError::AlreadyExists(_) => Kind::Conflict,
        HdfsError::IOError(_)
        | HdfsError::DataTransferError(_)
        | HdfsError::ChecksumError
        | HdfsError::BlocksNotFound(_) => Kind::Away,
        HdfsError::SASLError(_) | HdfsError::GSSAPIError(..) | HdfsError::NoSASLMechanism => {
            Kind::Credentials
        }
        HdfsError::UnsupportedFeature(_) | HdfsError::UnsupportedErasureCodingPolicy(_) => {
            Kind::Unsupported
        }
        _ => Kind::Other,
    };
    Failure::error(kind, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_say_what_they_mean() {
        for (class, message, kind) in [
            (
                "java.io.FileNotFoundException",
                "File does not exist: /x",
                Kind::NotFound,
            ),
            (
                "org.apache.hadoop.security.AccessControlException",
                "denied",
                Kind::Denied,
            ),
            (
                "org.apache.hadoop.hdfs.server.namenode.SafeModeException",
                "",
                Kind::Away,
            ),
            ("org.apache.hadoop.ipc.StandbyException", "", Kind::Away),
            (
                "org.apache.hadoop.hdfs.protocol.DSQuotaExceededException",
                "",
                Kind::Full,
            ),
            (
                "org.apache.hadoop.security.token.SecretManager$InvalidToken",
                "token (owner=me) is expired",
                Kind::Expired,
            ),
            (
                "org.apache.hadoop.security.token.SecretManager$InvalidToken",
                "token (owner=me) can't be found in cache",
                Kind::Credentials,
            ),
            (
                "org.apache.hadoop.hdfs.server.namenode.LeaseExpiredException",
                "No lease on /x",
                Kind::NoUpload,
            ),
            (
                "java.io.IOException",
                "File /x could only be replicated to 0 nodes. There are 1 datanode(s) running",
                Kind::Full,
            ),
            (
                "java.io.IOException",
                "File /x could only be written to 0 of the 1 minReplication nodes. There are 0 datanode(s)",
                Kind::Away,
            ),
            ("java.io.IOException", "odd", Kind::Other),
        ] {
            let error = Failure::exception(class, message);
            assert_eq!(kind_of_hdfs(&error), Some(kind), "{error}");
        }
        let error = Failure::exception("a.b.XException", "why\n\tat a.b.c(D.java:1)");
        assert!(error.to_string().ends_with("XException: why"), "{error}");
    }

    #[test]
    fn errors_of_the_client_say_what_they_mean() {
        let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
        for (error, kind) in [
            (HdfsError::IOError(refused), Kind::Away),
            (HdfsError::FileNotFound("/x".into()), Kind::NotFound),
            (HdfsError::AlreadyExists("/x".into()), Kind::Conflict),
            (HdfsError::NoSASLMechanism, Kind::Credentials),
            (
                HdfsError::RPCError("org.apache.hadoop.ipc.StandbyException".into(), "".into()),
                Kind::Away,
            ),
        ] {
            assert_eq!(kind_of_hdfs(&of_native(error)), Some(kind));
        }
        let other = object_store::Error::NotImplemented {
            operation: String::new(),
            implementer: String::new(),
        };
        assert_eq!(kind_of_hdfs(&other), None);
    }
}
