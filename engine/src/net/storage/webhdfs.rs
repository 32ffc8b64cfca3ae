//! Owns HDFS by its REST protocol, WebHDFS: for clusters of which no more than the web ports are reached, and
//! for HttpFS. The NameNode names a DataNode for each read and write by a redirect. Knows plain users and
//! delegation tokens; Kerberos never.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use object_store::{Error, ObjectStore, Result};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{Client, Method, Response, redirect};
use url::Url;

use super::error::Kind;
use super::hdfs::{clients, has_port, user_and_address};
use super::hdfs_error::Failure;
use super::hdfs_files::{FileSystem, Status, Writer};
use super::thread;
use super::upload::Parts;
use super::webhdfs_answer::{AllStatuses, Done, OneStatus, odd, of_transport, parsed, thrown};
use crate::config::StoreUrl;

/// Most time to reach a server.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Most time for an answer, and between two pieces of one.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Most time for a read or a write of a piece of a file.
const DATA_MAX: Duration = Duration::from_secs(300);
/// A NameNode's web port where none is given.
const PORT: u16 = 9870;
/// What the store is called.
const STORE: &str = "WebHDFS";

/// The clients of a URL. Of `options`, `user` names the user and `token` is a delegation token in its place.
///
/// # Errors
/// An option that is unknown, or a host that cannot be one.
pub(super) fn open(
    url: &StoreUrl,
    options: &[(String, String)],
) -> Result<(Arc<dyn ObjectStore>, Arc<dyn Parts>)> {
    let (user, address) = user_and_address(url.authority());
    let mut user = user.map(str::to_owned);
    let mut token = None;
    for (key, value) in options {
        match key.as_str() {
            "user" => user = user.or_else(|| Some(value.clone())),
            "token" => token = Some(value.clone()),
            _ => {
                return Err(Error::UnknownConfigurationKey {
                    store: STORE,
                    key: key.clone(),
                });
            }
        }
    }
    let variables = ["HADOOP_USER_NAME", "USER", "LOGNAME"];
    let user = user.or_else(|| variables.iter().find_map(|name| std::env::var(name).ok()));
    let identity = match (token, user) {
        (Some(token), _) => Some(("delegation", token)),
        (None, Some(user)) => Some(("user.name", user)),
        (None, None) => None,
    };
    let scheme = match url.scheme() {
        "swebhdfs" => "https",
        _ => "http",
    };
    let address = if has_port(address) {
        address.to_owned()
    } else {
        format!("{address}:{PORT}")
    };
    Ok(clients(Arc::new(Web::new(
        &format!("{scheme}://{address}"),
        identity,
    )?)))
}

/// A NameNode or an HttpFS server.
#[derive(Clone)]
struct Web {
    http: Client,
    /// Where the file system's root is.
    root: Url,
    /// Who asks: a parameter of each request.
    identity: Option<(&'static str, String)>,
}

/// Without the identity, which may be a secret.
impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Web({})", self.root)
    }
}

impl Web {
    fn new(server: &str, identity: Option<(&'static str, String)>) -> Result<Self> {
        // The TLS provider is the store thread's.
        thread::handle();
        let other = |error: &dyn fmt::Display| Failure::error(Kind::Other, error.to_string());
        Ok(Self {
            // A redirect of a write must carry the content, and only it.
            http: Client::builder()
                .redirect(redirect::Policy::none())
                .connect_timeout(CONNECT_MAX)
                .build()
                .map_err(|error| other(&error))?,
            root: Url::parse(&format!("{server}/webhdfs/v1")).map_err(|error| other(&error))?,
            identity,
        })
    }

    fn url(&self, path: &str, operation: &str, parameters: &[(&str, &str)]) -> Url {
        let mut url = self.root.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.extend(path.split('/').filter(|part| !part.is_empty()));
        }
        let mut query = url.query_pairs_mut();
        query.append_pair("op", operation);
        query.extend_pairs(parameters);
        if let Some((name, value)) = &self.identity {
            query.append_pair(name, value);
        }
        drop(query);
        url
    }

    /// Sends a request; the answer is good or a redirect.
    async fn send(
        &self,
        method: Method,
        url: Url,
        content: Option<Bytes>,
        most: Duration,
    ) -> Result<Response> {
        let mut request = self.http.request(method, url).timeout(most);
        if let Some(content) = content {
            request = request
                .header(CONTENT_TYPE, "application/octet-stream")
                .body(content);
        }
        let answer = request.send().await.map_err(of_transport)?;
        if answer.status().is_success() || answer.status().is_redirection() {
            return Ok(answer);
        }
        Err(thrown(answer).await)
    }

    /// Asks the NameNode for something that it answers by itself.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Bytes> {
        let url = self.url(path, operation, parameters);
        let answer = self.send(method, url, None, ANSWER_MAX).await?;
        if answer.status().is_redirection() {
            return Err(odd("a redirect"));
        }
        answer.bytes().await.map_err(of_transport)
    }

    /// Sends content to the DataNode that the NameNode names.
    async fn deliver(
        &self,
        method: Method,
        path: &str,
        operation: &str,
        parameters: &[(&str, &str)],
        content: Bytes,
    ) -> Result<()> {
        let url = self.url(path, operation, parameters);
        let named = self.send(method.clone(), url, None, ANSWER_MAX).await?;
        let node = location(&named)?.ok_or_else(|| odd("no redirect for a write"))?;
        let answer = self.send(method, node, Some(content), DATA_MAX).await?;
        if answer.status().is_redirection() {
            return Err(odd("a second redirect"));
        }
        Ok(())
    }
}

/// Where a redirect leads; `None` if an answer is none.
fn location(answer: &Response) -> Result<Option<Url>> {
    if !answer.status().is_redirection() {
        return Ok(None);
    }
    let place = answer.headers().get(LOCATION);
    let place = place.and_then(|place| answer.url().join(place.to_str().ok()?).ok());
    place
        .map(Some)
        .ok_or_else(|| odd("a redirect without a place"))
}

impl FileSystem for Web {
    fn status<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Status>> {
        Box::pin(async move {
            let answer = self.ask(Method::GET, path, "GETFILESTATUS", &[]).await?;
            Ok(parsed::<OneStatus>(&answer)?.status.of(path))
        })
    }

    fn list<'a>(&'a self, folder: &'a str) -> BoxFuture<'a, Result<Vec<Status>>> {
        Box::pin(async move {
            let answer = self.ask(Method::GET, folder, "LISTSTATUS", &[]).await?;
            let all = parsed::<AllStatuses>(&answer)?.statuses.all;
            Ok(all.into_iter().map(|status| status.of(folder)).collect())
        })
    }

    fn open<'a>(
        &'a self,
        path: &'a str,
        range: Range<u64>,
    ) -> BoxFuture<'a, Result<BoxStream<'static, Result<Bytes>>>> {
        Box::pin(async move {
            let (offset, length) = (
                range.start.to_string(),
                (range.end - range.start).to_string(),
            );
            let parameters = [("offset", offset.as_str()), ("length", length.as_str())];
            let url = self.url(path, "OPEN", &parameters);
            let mut answer = self.send(Method::GET, url, None, DATA_MAX).await?;
            if let Some(node) = location(&answer)? {
                answer = self.send(Method::GET, node, None, DATA_MAX).await?;
            }
            Ok(answer.bytes_stream().map_err(of_transport).boxed())
        })
    }

    fn create<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Box<dyn Writer>>> {
        Box::pin(async move {
            let parameters = [("overwrite", "false")];
            let empty = Bytes::new();
            self.deliver(Method::PUT, path, "CREATE", &parameters, empty)
                .await?;
            Ok(Box::new(WebWriter {
                web: self.clone(),
                path: path.to_owned(),
            }) as Box<dyn Writer>)
        })
    }

    fn rename<'a>(
        &'a self,
        from: &'a str,
        to: &'a str,
        replace: bool,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let to = format!("/{to}");
            let options = if replace { "OVERWRITE" } else { "NONE" };
            let parameters = [("destination", to.as_str()), ("renameoptions", options)];
            let answer = self.ask(Method::PUT, from, "RENAME", &parameters).await?;
            // A server that knows no options never replaces, and says whether it has renamed.
            match parsed::<Done>(&answer) {
                Ok(Done { boolean: false }) if replace => Err(Failure::error(
                    Kind::Unsupported,
                    "the server cannot replace a file by a rename",
                )),
                Ok(Done { boolean: false }) => {
                    Err(Failure::error(Kind::Conflict, "something is there"))
                }
                _ => Ok(()),
            }
        })
    }

    fn delete<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let answer = self.ask(Method::DELETE, path, "DELETE", &[]).await?;
            if parsed::<Done>(&answer)?.boolean {
                return Ok(());
            }
            Err(Failure::error(Kind::NotFound, "nothing was there"))
        })
    }
}

/// A file that grows by one request for each piece. A DataNode closes it after each: the protocol has no
/// other sync.
struct WebWriter {
    web: Web,
    path: String,
}

impl Writer for WebWriter {
    fn write(&mut self, content: Bytes) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if content.is_empty() {
                return Ok(());
            }
            let Self { web, path } = self;
            web.deliver(Method::POST, path, "APPEND", &[], content)
                .await
        })
    }

    fn close(&mut self) -> BoxFuture<'_, Result<()>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
