//! Owns how a place for lists and datasets is written: a path, or a URL whose scheme names a store. Never
//! looks whether it is there.

use std::fmt;
use std::path::PathBuf;

/// A place for lists and datasets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A path on this machine's file systems.
    Local(PathBuf),
    /// A place in a store that is reached over the network.
    Remote(StoreUrl),
}

/// Why a text names no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// A scheme that no store of this version has.
    #[error("{0}:// is not a store that turbo2ds knows")]
    UnknownScheme(String),
    /// A URL without a bucket, a container, a host or a dataset's name.
    #[error("the URL has no {0}")]
    Incomplete(&'static str),
    /// A path that a store cannot keep.
    #[error("`{0}` is not a name in a store")]
    Path(String),
}

/// The kinds of stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreKind {
    /// `s3://bucket/path`, `s3a://`: Amazon S3 and what speaks its protocol.
    S3,
    /// `gs://bucket/path`, `gcs://`: Google Cloud Storage.
    Gcs,
    /// `az://container/path`, `abfs://container@account.dfs.core.windows.net/path`, `abfss://`: Azure Blob
    /// Storage.
    Azure,
    /// `hdfs://host:port/path`: Hadoop's file system, by its own protocol.
    Hdfs,
    /// `webhdfs://host:port/path`: the same by HTTP.
    WebHdfs,
    /// `http://` and `https://`: lists only.
    Http,
    /// `hf://datasets/USER/NAME[@REVISION]/path`: the Hugging Face hub, lists only.
    HuggingFace,
    /// `memory://path`: this process' memory, as long as it lives.
    Memory,
}

/// Every scheme with its kind.
const SCHEMES: [(&str, StoreKind); 15] = [
    ("s3", StoreKind::S3),
    ("s3a", StoreKind::S3),
    ("gs", StoreKind::Gcs),
    ("gcs", StoreKind::Gcs),
    ("az", StoreKind::Azure),
    ("abfs", StoreKind::Azure),
    ("abfss", StoreKind::Azure),
    ("adl", StoreKind::Azure),
    ("hdfs", StoreKind::Hdfs),
    ("webhdfs", StoreKind::WebHdfs),
    ("swebhdfs", StoreKind::WebHdfs),
    ("http", StoreKind::Http),
    ("https", StoreKind::Http),
    ("hf", StoreKind::HuggingFace),
    ("memory", StoreKind::Memory),
];

impl StoreKind {
    /// What the first part of a URL's path or authority is called there.
    const fn root(self) -> &'static str {
        match self {
            Self::S3 | Self::Gcs => "bucket",
            Self::Azure => "container",
            Self::Hdfs | Self::WebHdfs | Self::Http => "host",
            Self::HuggingFace => "dataset, as in hf://datasets/USER/NAME/FILE",
            Self::Memory => "name",
        }
    }

    /// Whether a dataset can be written there.
    pub const fn is_writable(self) -> bool {
        !matches!(self, Self::Http | Self::HuggingFace)
    }
}

/// A place in a store.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreUrl {
    scheme: &'static str,
    kind: StoreKind,
    authority: String,
    path: String,
}

impl StoreUrl {
    /// The scheme as it was written, without `://`.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// The kind of the store.
    pub fn kind(&self) -> StoreKind {
        self.kind
    }

    /// What stands between the scheme and the path: a bucket, a container with or without an account, or a
    /// host with or without a user and a port. Empty for `memory://` and `hf://`, and where Hadoop's default is meant.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The path in the store, without a slash at its beginning or end; empty is the root. With the query of
    /// an `http` URL.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// A place below this one.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let mut joined = self.clone();
        if !joined.path.is_empty() {
            joined.path.push('/');
        }
        joined.path.push_str(name);
        joined
    }

    /// The place in the same store that has this path.
    #[must_use]
    pub fn with_path(&self, path: &str) -> Self {
        Self {
            path: path.to_owned(),
            ..self.clone()
        }
    }
}

/// As it was written, without a password and without an `http` URL's query, either of which may be a secret.
impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = match self.kind {
            StoreKind::Http => self.path.split('?').next().unwrap_or_default(),
            _ => &self.path,
        };
        let authority = match self.authority.rsplit_once('@') {
            Some((user, host)) if user.contains(':') => host,
            _ => &self.authority,
        };
        write!(f, "{}://{authority}", self.scheme)?;
        let has_authority = !matches!(self.kind, StoreKind::HuggingFace | StoreKind::Memory);
        if !path.is_empty() && has_authority {
            f.write_str("/")?;
        }
        f.write_str(path)
    }
}

/// Hides what [`fmt::Display`] hides.
impl fmt::Debug for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreUrl({self})")
    }
}

impl Location {
    /// The place that a text names: a path as it is, `file:///path`, or a URL of a store.
    ///
    /// # Errors
    /// A scheme that no store of this version has, or a URL that lacks a part.
    pub fn of(text: &str) -> Result<Self, LocationError> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(Self::Local(text.into()));
        };
        match scheme {
            "file" | "local" if rest.starts_with('/') => return Ok(Self::Local(rest.into())),
            _ => {}
        }
        let lower = scheme.to_ascii_lowercase();
        let known = SCHEMES.iter().find(|(known, _)| *known == lower);
        let Some(&(scheme, kind)) = known else {
            return Err(LocationError::UnknownScheme(scheme.to_owned()));
        };
        let (authority, path) = match kind {
            StoreKind::HuggingFace | StoreKind::Memory => ("", rest.trim_start_matches('/')),
            _ => rest.split_once('/').unwrap_or((rest, "")),
        };
        let path = if kind == StoreKind::Http {
            path
        } else {
            path.trim_matches('/')
        };
        let lacks = match kind {
            // Hadoop's configuration names the default host.
            StoreKind::Hdfs => path.is_empty() && authority.is_empty(),
            StoreKind::HuggingFace => {
                let mut parts = path.split('/');
                parts.next() != Some("datasets")
                    || parts.filter(|part| !part.is_empty()).count() < 2
            }
            StoreKind::Memory => path.is_empty(),
            _ => authority.is_empty(),
        };
        if lacks {
            return Err(LocationError::Incomplete(kind.root()));
        }
        let is_odd = |part: &str| part.is_empty() || part == "." || part == "..";
        if kind != StoreKind::Http && !path.is_empty() && path.split('/').any(is_odd) {
            return Err(LocationError::Path(path.to_owned()));
        }
        Ok(Self::Remote(StoreUrl {
            scheme,
            kind,
            authority: authority.to_owned(),
            path: path.to_owned(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(text: &str) -> StoreUrl {
        match Location::of(text) {
            Ok(Location::Remote(url)) => url,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn every_spelling_names_its_store() {
        for (text, kind, authority, path) in [
            ("s3://data/out", StoreKind::S3, "data", "out"),
            ("S3://data/out/", StoreKind::S3, "data", "out"),
            ("s3a://data", StoreKind::S3, "data", ""),
            ("gs://data/a b/ä.csv", StoreKind::Gcs, "data", "a b/ä.csv"),
            ("gcs://data/x", StoreKind::Gcs, "data", "x"),
            ("az://data/x", StoreKind::Azure, "data", "x"),
            (
                "abfss://data@account.dfs.core.windows.net/x",
                StoreKind::Azure,
                "data@account.dfs.core.windows.net",
                "x",
            ),
            (
                "hdfs://127.0.0.1:9000/x/y",
                StoreKind::Hdfs,
                "127.0.0.1:9000",
                "x/y",
            ),
            ("hdfs:///x", StoreKind::Hdfs, "", "x"),
            (
                "webhdfs://host:9870/x",
                StoreKind::WebHdfs,
                "host:9870",
                "x",
            ),
            (
                "https://host/a//b.csv?k=v/w",
                StoreKind::Http,
                "host",
                "a//b.csv?k=v/w",
            ),
            (
                "hf://datasets/u/n@v1/x.csv",
                StoreKind::HuggingFace,
                "",
                "datasets/u/n@v1/x.csv",
            ),
            ("memory://x/y", StoreKind::Memory, "", "x/y"),
        ] {
            let url = remote(text);
            assert_eq!(
                (url.kind(), url.authority(), url.path()),
                (kind, authority, path),
                "{text}"
            );
        }
        assert_eq!(
            Location::of("file:///tmp/x"),
            Ok(Location::Local("/tmp/x".into()))
        );
        assert_eq!(Location::of("out"), Ok(Location::Local("out".into())));
    }

    #[test]
    fn what_names_no_place_says_why() {
        let why = |text| Location::of(text).expect_err(text).to_string();
        assert!(why("ftp://host/x").contains("ftp://"));
        assert!(why("s3:///x").contains("bucket"));
        assert!(why("s3://").contains("bucket"));
        assert!(why("hf://models/x").contains("dataset"));
        assert!(why("s3://data/a//b").contains("a//b"));
        assert!(why("s3://data/../b").contains("../b"));
    }

    #[test]
    fn what_is_shown_has_no_secret() {
        let shown = |text| remote(text).to_string();
        assert_eq!(
            shown("https://me:secret@host/x.csv?sig=secret"),
            "https://host/x.csv"
        );
        assert_eq!(shown("s3://data"), "s3://data");
        assert_eq!(shown("memory://x"), "memory://x");
        assert_eq!(shown("hdfs:///x/y"), "hdfs:///x/y");
        assert_eq!(shown("hdfs://me@host:9000/x"), "hdfs://me@host:9000/x");
        assert_eq!(
            remote("s3://data/out").join("00000.tar").to_string(),
            "s3://data/out/00000.tar"
        );
        assert!(!format!("{:?}", remote("https://me:secret@host/x")).contains("secret"));
    }
}
