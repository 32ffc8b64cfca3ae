//! Owns lists in datasets of the Hugging Face hub: `hf://datasets/USER/NAME[@REVISION]/PATH`. The revision is
//! resolved to a commit once, and the commit is what is read, so that nothing that is pushed meanwhile changes
//! anything. The token goes to the hub alone, not to where it redirects. Never writes.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use object_store::path::Path;
use object_store::{Error, GetOptions, GetResult, ListResult, ObjectMeta, ObjectStore, Result};
use reqwest::header::{ACCEPT_ENCODING, ETAG, HeaderMap, HeaderName, LINK, LOCATION, RANGE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response};
use serde::Deserialize;
use tokio::sync::OnceCell;
use url::Url;

use super::http_files::{bodiless, bounds};
use super::http_files_answer::{body, client, content_length, failed, header, meta, refused};
use super::http_files_store::{ReadOnly, Site};
use super::read_ahead::UNKNOWN_BYTES;
use crate::config::StoreUrl;

/// Most redirects that are followed.
const REDIRECTS_MAX: usize = 10;
/// The hub.
const ENDPOINT: &str = "https://huggingface.co";
/// The revision where none is named.
const REVISION: &str = "main";
/// The tag and the length of a file that is kept elsewhere.
const LINKED_TAG: HeaderName = HeaderName::from_static("x-linked-etag");
const LINKED_BYTES: HeaderName = HeaderName::from_static("x-linked-size");

/// The store of a dataset's files, with what the environment says of the hub.
///
/// # Errors
/// If the URL or the hub's is none, or no client can be made.
pub(super) fn open(url: &StoreUrl) -> Result<Arc<dyn ObjectStore>> {
    let settings = Settings::of(|name| std::env::var(name).ok());
    Ok(Arc::new(ReadOnly(Arc::new(Hub::new(url, settings)?))))
}

/// What the environment says of the hub.
struct Settings {
    endpoint: String,
    token: Option<String>,
}

impl Settings {
    /// Reads the variables that `huggingface_hub` reads, and the file in which it keeps its token.
    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let given = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
        let home = || {
            let cache = given("XDG_CACHE_HOME").map(PathBuf::from);
            let cache = cache.or_else(|| Some(PathBuf::from(given("HOME")?).join(".cache")));
            cache.map(|cache| cache.join("huggingface"))
        };
        let kept = || {
            let path = given("HF_TOKEN_PATH").map(PathBuf::from).or_else(|| {
                let home = given("HF_HOME").map(PathBuf::from).or_else(home);
                home.map(|home| home.join("token"))
            });
            std::fs::read_to_string(path?).ok()
        };
        let token = given("HF_TOKEN")
            .or_else(|| given("HUGGING_FACE_HUB_TOKEN"))
            .or_else(kept);
        let token = token.map(|token| token.trim().to_owned());
        Self {
            endpoint: given("HF_ENDPOINT").unwrap_or_else(|| ENDPOINT.to_owned()),
            token: token.filter(|token| !token.is_empty()),
        }
    }
}

/// One revision of a dataset.
struct Hub {
    client: Client,
    endpoint: Url,
    token: Option<String>,
    user: String,
    name: String,
    revision: String,
    /// What keys begin with: all before the path in the dataset.
    root: String,
    /// What the revision was when it was first asked for.
    commit: OnceCell<String>,
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hub({}/{})", self.user, self.name)
    }
}

/// An answer to a question about a revision.
#[derive(Deserialize)]
struct Revision {
    sha: String,
}

/// A file or a folder in a listing.
#[derive(Deserialize)]
struct TreeEntry {
    r#type: String,
    path: String,
    oid: String,
    #[serde(default)]
    size: u64,
    lfs: Option<Large>,
}

/// The content of a file that is kept elsewhere.
#[derive(Deserialize)]
struct Large {
    oid: String,
}

impl Hub {
    fn new(url: &StoreUrl, settings: Settings) -> Result<Self> {
        let incomplete = || Error::Generic {
            store: "Hugging Face",
            source: "the URL is hf://datasets/USER/NAME/PATH".into(),
        };
        let mut parts = url.path().split('/').skip(1);
        let (user, rest) = parts.next().zip(parts.next()).ok_or_else(incomplete)?;
        let (name, revision) = rest.split_once('@').unwrap_or((rest, REVISION));
        let mut revision = revision.replace("%2F", "/");
        let mut root = format!("datasets/{user}/{rest}");
        // `refs/convert/parquet` and `refs/pr/1` are revisions with slashes.
        if revision == "refs" {
            for part in parts.by_ref().take(2) {
                revision = format!("{revision}/{part}");
                root = format!("{root}/{part}");
            }
        }
        Ok(Self {
            client: client(Policy::none())?,
            endpoint: Url::parse(&settings.endpoint).map_err(|error| Error::Generic {
                store: "Hugging Face",
                source: format!("HF_ENDPOINT: {error}").into(),
            })?,
            token: settings.token,
            user: user.to_owned(),
            name: name.to_owned(),
            revision,
            root,
            commit: OnceCell::new(),
        })
    }

    /// A URL of the hub: fixed parts, and a path in the dataset.
    fn url<'a>(&self, parts: impl IntoIterator<Item = &'a str>, path: &str) -> Url {
        let mut url = self.endpoint.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            let path = path.split('/').filter(|part| !part.is_empty());
            segments.pop_if_empty().extend(parts).extend(path);
        }
        url
    }

    /// The path in the dataset that a key names.
    fn path<'a>(&self, key: &'a str) -> &'a str {
        key.strip_prefix(&self.root)
            .unwrap_or(key)
            .trim_start_matches('/')
    }

    /// Sends a request, and again where it is redirected: to other hosts without the token. With `HEAD`, an answer that
    /// tells what is there is not followed.
    async fn send(
        &self,
        path: &Path,
        method: Method,
        mut url: Url,
        range: Option<String>,
    ) -> Result<Response> {
        for _ in 0..=REDIRECTS_MAX {
            let mut request = self
                .client
                .request(method.clone(), url.clone())
                .header(ACCEPT_ENCODING, "identity");
            if let Some(token) = self
                .token
                .as_ref()
                .filter(|_| url.origin() == self.endpoint.origin())
            {
                request = request.bearer_auth(token);
            }
            if let Some(range) = &range {
                request = request.header(RANGE, range);
            }
            let answer = request.send().await.map_err(failed)?;
            let tells = method == Method::HEAD && answer.headers().contains_key(LINKED_BYTES);
            let next = header(answer.headers(), LOCATION).and_then(|next| url.join(next).ok());
            match next {
                Some(next) if answer.status().is_redirection() && !tells => url = next,
                _ if answer.status().is_success() || tells => return Ok(answer),
                _ => return Err(refused(path, answer.status())),
            }
        }
        Err(Error::Generic {
            store: "Hugging Face",
            source: "too many redirects".into(),
        })
    }

    async fn commit(&self, path: &Path) -> Result<&str> {
        let ask = || async {
            let parts = [
                "api",
                "datasets",
                &self.user,
                &self.name,
                "revision",
                &self.revision,
            ];
            let answer = self
                .send(path, Method::GET, self.url(parts, ""), None)
                .await?;
            let revision: Revision = parsed(answer).await?;
            Ok(revision.sha)
        };
        self.commit.get_or_try_init(ask).await.map(String::as_str)
    }

    async fn file_url(&self, path: &Path) -> Result<Url> {
        let commit = self.commit(path).await?;
        let parts = ["datasets", &self.user, &self.name, "resolve", commit];
        Ok(self.url(parts, self.path(path.as_ref())))
    }

    async fn head(&self, path: &Path) -> Result<ObjectMeta> {
        if self.path(path.as_ref()).is_empty() {
            // The dataset itself is a folder.
            return Err(refused(path, reqwest::StatusCode::NOT_FOUND));
        }
        let answer = self
            .send(path, Method::HEAD, self.file_url(path).await?, None)
            .await?;
        let headers = answer.headers();
        let linked = header(headers, LINKED_BYTES).and_then(|bytes| bytes.parse().ok());
        let bytes = linked
            .or_else(|| content_length(headers))
            .unwrap_or(UNKNOWN_BYTES);
        Ok(meta(path, bytes, tag(headers)))
    }

    /// All pages of the listing of a folder.
    async fn tree(&self, folder: &Path, deep: bool) -> Result<Vec<TreeEntry>> {
        let commit = self.commit(folder).await?;
        let parts = ["api", "datasets", &self.user, &self.name, "tree", commit];
        let mut url = self.url(parts, self.path(folder.as_ref()));
        if deep {
            url.set_query(Some("recursive=true"));
        }
        let mut entries = Vec::new();
        loop {
            let answer = match self.send(folder, Method::GET, url.clone(), None).await {
                Err(Error::NotFound { .. }) => return Ok(entries),
                answer => answer?,
            };
            let next = header(answer.headers(), LINK).and_then(next_page);
            let next = next.and_then(|next| url.join(next).ok());
            entries.extend(parsed::<Vec<TreeEntry>>(answer).await?);
            match next {
                Some(next) => url = next,
                None => return Ok(entries),
            }
        }
    }
}

async fn parsed<T: serde::de::DeserializeOwned>(answer: Response) -> Result<T> {
    let bytes = answer.bytes().await.map_err(failed)?;
    serde_json::from_slice(&bytes).map_err(|error| Error::Generic {
        store: "Hugging Face",
        source: error.into(),
    })
}

/// The tag of a file's content.
fn tag(headers: &HeaderMap) -> Option<String> {
    let tag = header(headers, LINKED_TAG).or_else(|| header(headers, ETAG))?;
    Some(tag.trim_start_matches("W/").to_owned())
}

/// The URL in `<URL>; rel="next"`.
fn next_page(link: &str) -> Option<&str> {
    let mut links = link.split(',');
    let next = links.find(|link| link.contains("rel=\"next\""))?;
    next.split_once('<')?.1.split_once('>').map(|(url, _)| url)
}

impl Site for Hub {
    fn get<'a>(&'a self, path: &'a Path, options: GetOptions) -> BoxFuture<'a, Result<GetResult>> {
        async move {
            if options.head {
                return self.head(path).await.map(bodiless);
            }
            let range = bounds(options.range)?;
            let asked = range
                .as_ref()
                .map(|range| format!("bytes={}-{}", range.start, range.end.saturating_sub(1)));
            let url = self.file_url(path).await?;
            let answer = self.send(path, Method::GET, url, asked).await?;
            // A commit's file is one version; where it is kept, its tag is another.
            body(path, answer, range, None)
        }
        .boxed()
    }

    fn list<'a>(&'a self, folder: &'a Path, deep: bool) -> BoxFuture<'a, Result<ListResult>> {
        async move {
            let mut listed = ListResult {
                common_prefixes: Vec::new(),
                objects: Vec::new(),
                extensions: Default::default(),
            };
            for entry in self.tree(folder, deep).await? {
                let key = Path::parse(format!("{}/{}", self.root, entry.path))?;
                if entry.r#type == "directory" {
                    listed.common_prefixes.push(key);
                    continue;
                }
                let content = entry.lfs.map_or(entry.oid, |large| large.oid);
                let object = meta(&key, entry.size, Some(format!("\"{content}\"")));
                listed.objects.push(object);
            }
            Ok(listed)
        }
        .boxed()
    }
}

#[cfg(test)]
#[path = "hf_tests.rs"]
mod tests;
