//! Owns what a Hadoop file system is asked for, whichever protocol asks it, and the names of files that are
//! being written. Never writes under a name that a reader looks for.
//!
//! A path is a key: it has no slash at its beginning, and the root is empty.

use std::fmt::{Debug, Write as _};
use std::ops::Range;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use object_store::Result;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::error::Kind;
use super::hdfs_error::{Failure, kind_of_hdfs};

/// What is known of a file or a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) path: String,
    /// Length in bytes; 0 of a folder.
    pub(super) bytes: u64,
    pub(super) is_folder: bool,
    /// When it was written, in milliseconds since 1970 by the server's clock.
    pub(super) modified: u64,
    /// The file's number, where the protocol tells it.
    pub(super) number: Option<u64>,
}

impl Status {
    /// When it was written.
    pub(super) fn modified(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_millis(self.modified)
    }

    /// Changes when the content does: a file is written once, by one rename.
    pub(super) fn version(&self) -> String {
        let mut version = format!("{:x}-{:x}", self.modified, self.bytes);
        if let Some(number) = self.number {
            // Writing to a string cannot fail.
            let _ = write!(version, "-{number:x}");
        }
        version
    }
}

/// A Hadoop file system by one of its protocols. Each error is a [`Failure`].
pub(super) trait FileSystem: Debug + Send + Sync + 'static {
    /// What is known of a file or a folder.
    fn status<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Status>>;
    /// What is right below a folder; the file itself if it is none.
    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<Status>>>;
    /// A range of a file's bytes, which must not reach over its end.
    fn open<'a>(
        &'a self,
        path: &'a str,
        range: Range<u64>,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<Bytes>>>>;
    /// Creates a file, and the folders above it. Fails with [`Kind::Conflict`] if something is there.
    fn create<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Box<dyn Writer>>>;
    /// Renames a file in one step. Without `replace` it fails with [`Kind::Conflict`] if something is there.
    fn rename<'a>(&'a self, from: &'a str, to: &'a str, replace: bool)
    -> BoxFuture<'a, Result<()>>;
    /// Removes a file; [`Kind::NotFound`] if there is none.
    fn delete<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<()>>;
}

/// A file that grows. It is of no use after an error.
pub(super) trait Writer: Send {
    /// Writes at the end.
    fn write(&mut self, content: Bytes) -> BoxFuture<'_, Result<()>>;
    /// Ends the file; its bytes are as safe as the protocol can make them.
    fn close(&mut self) -> BoxFuture<'_, Result<()>>;
}

/// All files below a folder, at any depth; none if it is not there.
pub(super) async fn walk(files: &dyn FileSystem, folder: &str) -> Result<Vec<Status>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for status in below(files, &folder).await? {
            if status.is_folder {
                folders.push(status.path);
            } else {
                found.push(status);
            }
        }
    }
    Ok(found)
}

/// What is right below a folder; nothing if it is not there, or a file.
pub(super) async fn below(files: &dyn FileSystem, folder: &str) -> Result<Vec<Status>> {
    match files.list(folder).await {
        Ok(mut listed) => {
            listed.retain(|status| status.path != folder);
            Ok(listed)
        }
        Err(error) if kind_of_hdfs(&error) == Some(Kind::NotFound) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// Waits for an answer, which a server may never give.
pub(super) async fn within<T>(
    most: Duration,
    answer: impl Future<Output = Result<T>>,
) -> Result<T> {
    match tokio::time::timeout(most, answer).await {
        Ok(result) => result,
        Err(_) => Err(Failure::error(
            Kind::Away,
            format!("no answer for {} s", most.as_secs()),
        )),
    }
}

/// What stands between a file's name and the word of the one that writes it.
const MARK: &str = ".turbo2ds-";
/// How the name of a file that is being written ends.
const END: &str = ".part";

/// The file that is written before it gets its name `path`: hidden, and in the same folder.
pub(super) fn temporary(path: &str, word: &str) -> String {
    let (folder, name) = split(path);
    format!("{folder}.{name}{MARK}{word}{END}")
}

/// The name that a file will have, and the word of the one that writes it; `None` of any other file.
pub(super) fn of_temporary(path: &str) -> Option<(String, String)> {
    let (folder, name) = split(path);
    let (name, word) = name
        .strip_prefix('.')?
        .strip_suffix(END)?
        .rsplit_once(MARK)?;
    let is_ours = !name.is_empty() && is_word(word);
    is_ours.then(|| (format!("{folder}{name}"), word.to_owned()))
}

/// The folder with its slash, and the name.
fn split(path: &str) -> (&str, &str) {
    path.split_at(path.rfind('/').map_or(0, |slash| slash + 1))
}

/// Whether [`word`] may have made it.
pub(super) fn is_word(word: &str) -> bool {
    word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A word that no other file has.
pub(super) fn word() -> Result<String> {
    let mut bytes = [0; 8];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Failure::error(Kind::Other, "the system has no random numbers"))?;
    Ok(format!("{:016x}", u64::from_le_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_written_is_hidden_and_tells_its_name() {
        let word = word().expect("random numbers");
        for path in [
            "a/b/00000.tar",
            "00000.tar",
            "a/.hidden",
            "a/x.turbo2ds-y.part",
        ] {
            let hidden = temporary(path, &word);
            assert_eq!(of_temporary(&hidden), Some((path.to_owned(), word.clone())));
            let (folder, name) = split(&hidden);
            assert!(
                name.starts_with('.') && path.starts_with(folder),
                "{hidden}"
            );
        }
        for other in [
            "a/00000.tar",
            "a/.00000.tar.tmp.1",
            "a/.x.turbo2ds-.part",
            ".turbo2ds-0123456789abcdef.part",
        ] {
            assert_eq!(of_temporary(other), None, "{other}");
        }
    }

    #[test]
    fn a_version_changes_with_time_length_and_number() {
        let status = Status {
            path: "x".into(),
            bytes: 1,
            is_folder: false,
            modified: 2,
            number: None,
        };
        let versions = [
            status.version(),
            Status {
                bytes: 2,
                ..status.clone()
            }
            .version(),
            Status {
                modified: 3,
                ..status.clone()
            }
            .version(),
            Status {
                number: Some(1),
                ..status
            }
            .version(),
        ];
        for (at, version) in versions.iter().enumerate() {
            assert!(!versions[at + 1..].contains(version), "{versions:?}");
        }
    }
}
