//! Owns HDFS by its own protocol. The NameNodes are those of the URL, or of Hadoop's configuration if it names
//! a service or nothing; the user is the URL's, or the one that `HADOOP_USER_NAME` or Kerberos names. Never
//! keeps a file open that it does not write.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _};
use hdfs_native::client::FileStatus;
use hdfs_native::file::FileWriter;
use hdfs_native::{Client, ClientBuilder, HdfsError, WriteOptions};
use object_store::{Error, ObjectStore, Result};

use super::error::Kind;
use super::hdfs_error::{Failure, STORE, of_native};
use super::hdfs_files::{FileSystem, Status, Writer, within};
use super::hdfs_store::FileStore;
use super::hdfs_upload::FileParts;
use super::thread;
use super::upload::Parts;
use crate::config::StoreUrl;

/// Most time for an answer of a NameNode. The client itself waits for ever.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Most time to write a piece of a part or to end a file, with DataNodes that are replaced meanwhile.
const WRITE_MAX: Duration = Duration::from_secs(300);
/// How often the client asks NameNodes that do not answer before the request fails: it is tried again later.
const ATTEMPTS: (&str, &str) = ("dfs.client.failover.max.attempts", "3");
/// A NameNode's port where none is given.
const PORT: u16 = 8020;

/// The clients of a URL. Of `options`, `user` names the user, and a key with a dot is Hadoop's.
///
/// # Errors
/// An option that is unknown, or a host that cannot be one.
pub(super) fn open(
    url: &StoreUrl,
    options: &[(String, String)],
) -> Result<(Arc<dyn ObjectStore>, Arc<dyn Parts>)> {
    let (mut user, address) = user_and_address(url.authority());
    let mut config = vec![(ATTEMPTS.0.to_owned(), ATTEMPTS.1.to_owned())];
    for (key, value) in options {
        match key.as_str() {
            "user" => user = user.or(Some(value)),
            _ if key.contains('.') => config.push((key.clone(), value.clone())),
            _ => {
                return Err(Error::UnknownConfigurationKey {
                    store: STORE,
                    key: key.clone(),
                });
            }
        }
    }
    let build = |address: &str| {
        let builder = ClientBuilder::new()
            .with_url(format!("hdfs://{address}"))
            .with_config(config.clone())
            .with_io_runtime(thread::handle().clone());
        match user {
            Some(user) => builder.with_user(user).build(),
            None => builder.build(),
        }
    };
    let client = match build(address) {
        // Without a port it may be a service of Hadoop's configuration; else it is a host.
        Err(HdfsError::InvalidArgument(_)) if !address.is_empty() && !has_port(address) => {
            build(&format!("{address}:{PORT}"))
        }
        built => built,
    };
    let client = client.map_err(of_native)?;
    Ok(clients(Arc::new(Native(client))))
}

/// A file system as the store has it.
pub(super) fn clients(files: Arc<dyn FileSystem>) -> (Arc<dyn ObjectStore>, Arc<dyn Parts>) {
    (
        Arc::new(FileStore(files.clone())),
        Arc::new(FileParts::new(files)),
    )
}

/// The user of an authority, if it has one, and the host with its port.
pub(super) fn user_and_address(authority: &str) -> (Option<&str>, &str) {
    match authority.rsplit_once('@') {
        Some((user, address)) => (Some(user).filter(|user| !user.is_empty()), address),
        None => (None, authority),
    }
}

/// Whether an address has a port after its host.
pub(super) fn has_port(address: &str) -> bool {
    let after = address.rsplit_once(':').map_or("", |(_, port)| port);
    !after.is_empty() && after.bytes().all(|byte| byte.is_ascii_digit())
}

#[derive(Debug)]
struct Native(Client);

/// A path as HDFS has it.
fn absolute(path: &str) -> String {
    format!("/{path}")
}

fn status(found: &FileStatus) -> Status {
    Status {
        path: found.path.trim_start_matches('/').to_owned(),
        bytes: found.length as u64,
        is_folder: found.isdir,
        modified: found.modification_time,
        number: None,
    }
}

/// An answer of a NameNode.
async fn answer<T>(request: impl Future<Output = hdfs_native::Result<T>>) -> Result<T> {
    within(ANSWER_MAX, request.map(|result| result.map_err(of_native))).await
}

impl FileSystem for Native {
    fn status<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Status>> {
        Box::pin(async move {
            let found = answer(self.0.get_file_info(&absolute(path))).await?;
            Ok(status(&found))
        })
    }

    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<Status>>> {
        Box::pin(async move {
            let listing = self.0.list_status_iter(&absolute(folder), false);
            let mut listed = Vec::new();
            while let Some(found) = answer(listing.next().map(Option::transpose)).await? {
                listed.push(status(&found));
            }
            Ok(listed)
        })
    }

    fn open<'a>(
        &'a self,
        path: &'a str,
        range: Range<u64>,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<Bytes>>>> {
        Box::pin(async move {
            let reader = answer(self.0.read(&absolute(path))).await?;
            let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end))
            else {
                return Err(Failure::error(Kind::Unsupported, "the file is too long"));
            };
            // The client panics where a range reaches over the end.
            if start > end || end > reader.file_length() {
                return Err(Failure::error(Kind::Away, "the file is shorter now"));
            }
            let stream = reader.read_range_stream(start, end - start);
            Ok(stream.map(|bytes| bytes.map_err(of_native)).boxed())
        })
    }

    fn create<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Box<dyn Writer>>> {
        Box::pin(async move {
            let path = absolute(path);
            let writer = answer(self.0.create(&path, WriteOptions::default())).await?;
            let found = answer(self.0.get_file_info(&path)).await?;
            let block = found.blocksize.filter(|bytes| *bytes > 0);
            Ok(Box::new(NativeWriter {
                writer,
                block: block.unwrap_or(u64::MAX),
                unsynced: 0,
                in_block: 0,
            }) as Box<dyn Writer>)
        })
    }

    fn rename<'a>(
        &'a self,
        from: &'a str,
        to: &'a str,
        replace: bool,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(
            async move { answer(self.0.rename(&absolute(from), &absolute(to), replace)).await },
        )
    }

    fn delete<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if answer(self.0.delete(&absolute(path), false)).await? {
                return Ok(());
            }
            Err(Failure::error(Kind::NotFound, "nothing was there"))
        })
    }
}

/// A file that is written. A sync reaches the last block only, so each is synced when it is full.
struct NativeWriter {
    writer: FileWriter,
    /// Bytes of a full block.
    block: u64,
    /// Bytes in the last block.
    in_block: u64,
    /// Bytes since the last sync.
    unsynced: u64,
}

impl NativeWriter {
    /// Has every DataNode write the last block to its disk.
    async fn sync(&mut self) -> Result<()> {
        if self.unsynced == 0 {
            return Ok(());
        }
        self.unsynced = 0;
        match self.writer.hsync().await {
            // Nothing better can be had of those.
            Err(HdfsError::OperationFailed(why)) if why.contains("erasure-coded") => Ok(()),
            synced => synced.map_err(of_native),
        }
    }
}

impl Writer for NativeWriter {
    fn write(&mut self, mut content: Bytes) -> BoxFuture<'_, Result<()>> {
        let write = async move {
            while !content.is_empty() {
                let room = usize::try_from(self.block - self.in_block).unwrap_or(usize::MAX);
                let piece = content.split_to(room.min(content.len()));
                let bytes = piece.len() as u64;
                self.writer.write_bytes(piece).await.map_err(of_native)?;
                self.in_block += bytes;
                self.unsynced += bytes;
                if self.in_block == self.block {
                    self.sync().await?;
                    self.in_block = 0;
                }
            }
            Ok(())
        };
        Box::pin(within(WRITE_MAX, write))
    }

    fn close(&mut self) -> BoxFuture<'_, Result<()>> {
        let close = async move {
            self.sync().await?;
            self.writer.close().await.map_err(of_native)
        };
        Box::pin(within(WRITE_MAX, close))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_has_a_user_and_an_address() {
        assert_eq!(user_and_address("me@host:9000"), (Some("me"), "host:9000"));
        assert_eq!(user_and_address("host"), (None, "host"));
        assert_eq!(user_and_address("@host"), (None, "host"));
        assert!(has_port("host:9000") && has_port("[::1]:9000"));
        assert!(!has_port("host") && !has_port("[::1]") && !has_port("host:"));
    }
}
