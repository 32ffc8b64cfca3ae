//! Owns what a WebHDFS server answers: its JSON, and what its errors mean. Never sends a request.

use object_store::{Error, Result};
use reqwest::Response;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::error::Kind;
use super::hdfs_error::Failure;
use super::hdfs_files::Status;

/// What a NameNode answers to `GETFILESTATUS`.
#[derive(Deserialize)]
pub(super) struct OneStatus {
    #[serde(rename = "FileStatus")]
    pub(super) status: WebStatus,
}

/// What a NameNode answers to `LISTSTATUS`.
#[derive(Deserialize)]
pub(super) struct AllStatuses {
    #[serde(rename = "FileStatuses")]
    pub(super) statuses: Statuses,
}

/// What is below a folder.
#[derive(Deserialize)]
pub(super) struct Statuses {
    #[serde(rename = "FileStatus")]
    pub(super) all: Vec<WebStatus>,
}

/// A file or a folder.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WebStatus {
    /// The name below the folder that was listed; empty of what was asked for itself.
    path_suffix: String,
    length: u64,
    modification_time: u64,
    r#type: String,
    file_id: Option<u64>,
}

/// What a NameNode answers to `DELETE`, and to `RENAME` if it knows no options of it.
#[derive(Deserialize)]
pub(super) struct Done {
    pub(super) boolean: bool,
}

/// An exception of the server's.
#[derive(Deserialize)]
struct Thrown {
    #[serde(rename = "RemoteException")]
    exception: Exception,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Exception {
    java_class_name: Option<String>,
    exception: String,
    #[serde(default)]
    message: String,
}

impl WebStatus {
    /// In the form of all protocols. `asked` is the path of the request.
    pub(super) fn of(self, asked: &str) -> Status {
        let path = match (asked, self.path_suffix.as_str()) {
            (path, "") => path.to_owned(),
            ("", name) => name.to_owned(),
            (folder, name) => format!("{folder}/{name}"),
        };
        Status {
            path,
            bytes: self.length,
            is_folder: self.r#type == "DIRECTORY",
            modified: self.modification_time,
            number: self.file_id.filter(|number| *number > 0),
        }
    }
}

/// The error of an answer that is none.
pub(super) async fn thrown(answer: Response) -> Error {
    let status = answer.status();
    let body = answer.bytes().await.unwrap_or_default();
    if let Ok(Thrown { exception }) = serde_json::from_slice(&body) {
        let class = exception.java_class_name.unwrap_or(exception.exception);
        return Failure::exception(&class, &exception.message);
    }
    let kind = match status.as_u16() {
        401 => Kind::Credentials,
        403 => Kind::Denied,
        404 => Kind::NotFound,
        429 => Kind::SlowDown,
        408 | 500..=599 => Kind::Away,
        _ => Kind::Other,
    };
    Failure::error(kind, format!("status {}", status.as_u16()))
}

/// The error of a request without an answer. Its text has no URL: the query may hold a token.
pub(super) fn of_transport(error: reqwest::Error) -> Error {
    let error = error.without_url();
    let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), root_cause);
    Failure::error(Kind::Away, cause)
}

fn root_cause(mut error: &(dyn std::error::Error + 'static)) -> String {
    while let Some(next) = error.source() {
        error = next;
    }
    error.to_string()
}

/// The error of a server that does not keep to the protocol.
pub(super) fn odd(what: &str) -> Error {
    Failure::error(Kind::Other, format!("the server answers with {what}"))
}

/// An answer of the NameNode itself.
pub(super) fn parsed<T: DeserializeOwned>(answer: &[u8]) -> Result<T> {
    serde_json::from_slice(answer).map_err(|_| odd("something else than WebHDFS does"))
}
