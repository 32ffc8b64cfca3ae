//! Owns what `turbo2ds doctor` knows of a store for a dataset: what may be done there, how fast, and what the
//! store keeps of what it promises. Never asks the store itself.

use std::time::Duration;

use super::store_trial::Trial;
use crate::config::{StorageConfig, StoreKind, StoreUrl};
use crate::error::Error;
use crate::net::storage::{self, StorageError};

/// Something that a run asks of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::machine::doctor) enum Ask {
    /// Lists a folder.
    List,
    /// Writes an object.
    Write,
    /// Reads one.
    Read,
    /// Removes one.
    Remove,
    /// Begins an upload in parts.
    Begin,
    /// Uploads a part.
    Part,
    /// Makes an object of the parts.
    Complete,
    /// Drops an upload.
    Abort,
    /// Lists uploads that have not ended.
    Uploads,
}

impl Ask {
    /// All of them, in the order of the report.
    pub(in crate::machine::doctor) const ALL: [Self; 9] = [
        Self::List,
        Self::Write,
        Self::Read,
        Self::Remove,
        Self::Begin,
        Self::Part,
        Self::Complete,
        Self::Abort,
        Self::Uploads,
    ];

    /// The name of the check.
    pub(in crate::machine::doctor) const fn check(self) -> &'static str {
        match self {
            Self::List => "store: list",
            Self::Write => "store: write",
            Self::Read => "store: read",
            Self::Remove => "store: remove",
            Self::Begin => "store: begin upload",
            Self::Part => "store: upload part",
            Self::Complete => "store: complete upload",
            Self::Abort => "store: abort upload",
            Self::Uploads => "store: list uploads",
        }
    }

    /// The right that it takes, as the store calls it.
    pub(in crate::machine::doctor) const fn right(self, kind: StoreKind) -> &'static str {
        match kind {
            StoreKind::S3 => match self {
                Self::List => "s3:ListBucket",
                Self::Write | Self::Begin | Self::Part | Self::Complete => "s3:PutObject",
                Self::Read => "s3:GetObject",
                Self::Remove => "s3:DeleteObject",
                Self::Abort => "s3:AbortMultipartUpload",
                Self::Uploads => "s3:ListBucketMultipartUploads",
            },
            StoreKind::Gcs => match self {
                Self::List => "storage.objects.list",
                Self::Write | Self::Complete => "storage.objects.create",
                Self::Read => "storage.objects.get",
                Self::Remove => "storage.objects.delete",
                Self::Begin | Self::Part => "storage.multipartUploads.create",
                Self::Abort => "storage.multipartUploads.abort",
                Self::Uploads => "storage.multipartUploads.list",
            },
            StoreKind::Azure => match self {
                Self::List | Self::Uploads => "list",
                Self::Write | Self::Begin | Self::Part | Self::Complete => "write",
                Self::Read => "read",
                Self::Remove | Self::Abort => "delete",
            },
            StoreKind::Hdfs
            | StoreKind::WebHdfs
            | StoreKind::Http
            | StoreKind::HuggingFace
            | StoreKind::Memory => match self {
                Self::List | Self::Read | Self::Uploads => "to read the folder",
                _ => "to write to the folder",
            },
        }
    }
}

/// The facts about a store.
#[derive(Debug)]
pub(in crate::machine::doctor) struct Store {
    /// The folder of a dataset to come.
    pub(in crate::machine::doctor) url: StoreUrl,
    /// The first request: address, bucket, credentials.
    pub(in crate::machine::doctor) contact: Result<(), StorageError>,
    /// What was asked and how it ended, once each. What is missing was not tried.
    pub(in crate::machine::doctor) asked: Vec<(Ask, Result<(), StorageError>)>,
    /// Time of a small request: the median of several.
    pub(in crate::machine::doctor) latency: Option<Duration>,
    /// Time of an upload of [`TRIAL_BYTES`](super::TRIAL_BYTES) in parts.
    pub(in crate::machine::doctor) upload: Option<Duration>,
    /// Time in which they were read.
    pub(in crate::machine::doctor) download: Option<Duration>,
    /// Whether something was read that is not what was written.
    pub(in crate::machine::doctor) differs: bool,
    /// Whether an object is created once.
    pub(in crate::machine::doctor) conditions: Option<Result<bool, StorageError>>,
    /// Whether an upload that has not ended is in the list of those; `None` if the store has no such list.
    pub(in crate::machine::doctor) lists_uploads: Option<bool>,
    /// Seconds that the store's clock is ahead of this machine's; 0 within what one request can tell.
    pub(in crate::machine::doctor) clock_ahead_s: Option<i64>,
    /// What could not be removed again.
    pub(in crate::machine::doctor) left: Vec<String>,
}

impl Store {
    /// A store of which nothing is known but how the first request ended.
    pub(in crate::machine::doctor) const fn new(
        url: StoreUrl,
        contact: Result<(), StorageError>,
    ) -> Self {
        Self {
            url,
            contact,
            asked: Vec::new(),
            latency: None,
            upload: None,
            download: None,
            differs: false,
            conditions: None,
            lists_uploads: None,
            clock_ahead_s: None,
            left: Vec::new(),
        }
    }

    /// Tries the store at `url`. What it writes is below a folder of its own name and is removed again.
    ///
    /// # Errors
    /// `Usage` if an option is unknown or has no such value.
    pub(in crate::machine::doctor) fn read(
        url: &StoreUrl,
        config: &StorageConfig,
    ) -> Result<Self, Error> {
        let objects = storage::open(url, config)?;
        let url = url.clone();
        Ok(objects.wait(|objects| Trial::run(objects, url)))
    }
}
