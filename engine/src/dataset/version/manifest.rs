//! Owns the document that says what a version of a dataset is: lines of JSON, a head, a line for each shard in
//! order, and an end with their number, so that a torn one never passes for a whole. The same version always has
//! the same bytes. Never reads a folder.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use turbo2ds_writers::{FileDigest, ShardStats};

use super::number::VersionNumber;
use crate::config::HashKind;
use crate::dataset::digest::hex_digest;
use crate::dataset::record::RunEntry;

/// The version of the document that is written.
const DOCUMENT: u64 = 1;

/// A version of a dataset.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    pub(crate) head: Head,
    /// In the order of their numbers.
    pub(crate) shards: Vec<ShardManifest>,
}

/// What is known of a version as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    /// Version of the document.
    manifest: u64,
    /// The version's number.
    pub(crate) version: String,
    /// The version that it was made of.
    pub(crate) parent: Option<Parent>,
    /// What made it.
    pub(crate) change: Change,
    /// When, as RFC 3339 in UTC.
    pub(crate) made_at: String,
    /// The program.
    pub(crate) tool: String,
    pub(crate) rows: u64,
    pub(crate) samples: u64,
    pub(crate) shards: u64,
    /// Bytes of all files.
    pub(crate) bytes: u64,
    /// The runs that made the shards, with their options and their input's digest.
    pub(crate) runs: Vec<RunEntry>,
}

/// The version before another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parent {
    pub(crate) version: String,
    /// SHA-256 of its document.
    pub(crate) sha256: String,
}

/// What makes versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Change {
    /// A run.
    Run,
    /// Samples were taken out: `turbo2ds redact`.
    Redact,
    /// A look at what there was: `turbo2ds snapshot`.
    Snapshot,
}

impl Change {
    /// Its word in documents and messages.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Redact => "redact",
            Self::Snapshot => "snapshot",
        }
    }
}

/// A shard of a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShardManifest {
    pub(crate) shard: u64,
    pub(crate) rows: u64,
    pub(crate) samples: u64,
    /// Its files by name, the mark among them.
    pub(crate) files: BTreeMap<String, FileEntry>,
}

/// A file of a version, or the loose files of a shard's folder together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileEntry {
    /// How many files a folder holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) files: Option<u64>,
    pub(crate) bytes: u64,
    /// `None` if whoever made the file did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sha256: Option<String>,
}

impl ShardManifest {
    /// A shard by its mark: what the mark tells of the shard's files, and the mark itself.
    pub(crate) fn of_mark(shard: u64, name: &str, content: &[u8], stats: ShardStats) -> Self {
        let mark = FileEntry {
            files: None,
            bytes: content.len() as u64,
            sha256: Some(hex_digest(HashKind::Sha256, content)),
        };
        let files = stats.files.into_iter();
        let files = files.map(|(name, digest)| (name, digest.into()));
        Self {
            shard,
            rows: stats.count,
            samples: stats.successes,
            files: files.chain([(name.to_owned(), mark)]).collect(),
        }
    }
}

impl From<FileDigest> for FileEntry {
    fn from(digest: FileDigest) -> Self {
        let FileDigest {
            files,
            bytes,
            sha256,
        } = digest;
        Self {
            files,
            bytes,
            sha256: Some(sha256),
        }
    }
}

/// The last line of a document.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    end: u64,
}

/// What tells one version of the document from another.
#[derive(Deserialize)]
struct Numbered {
    manifest: u64,
}

/// Why a document is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unread {
    /// It is torn, or not ours.
    #[error("is not a manifest: line {0}")]
    Line(usize),
    /// A newer program wrote it.
    #[error("is a manifest of version {0}, and this turbo2ds reads up to {DOCUMENT}")]
    Newer(u64),
}

impl Manifest {
    /// A version that consists of these shards.
    pub(crate) fn new(
        number: VersionNumber,
        parent: Option<Parent>,
        change: Change,
        made_at: String,
        runs: Vec<RunEntry>,
        mut shards: Vec<ShardManifest>,
    ) -> Self {
        shards.sort_by_key(|shard| shard.shard);
        let sum = |of: fn(&ShardManifest) -> u64| shards.iter().map(of).sum();
        let head = Head {
            manifest: DOCUMENT,
            version: number.to_string(),
            parent,
            change,
            made_at,
            tool: concat!("turbo2ds ", env!("CARGO_PKG_VERSION")).to_owned(),
            rows: sum(|shard| shard.rows),
            samples: sum(|shard| shard.samples),
            shards: shards.len() as u64,
            bytes: sum(|shard| shard.files.values().map(|file| file.bytes).sum()),
            runs,
        };
        Self { head, shards }
    }

    /// The document.
    ///
    /// # Errors
    /// None of its own: JSON takes whatever a manifest holds.
    pub(crate) fn to_document(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut document = serde_json::to_vec(&self.head)?;
        for shard in &self.shards {
            document.push(b'\n');
            serde_json::to_writer(&mut document, shard)?;
        }
        document.push(b'\n');
        let end = self.shards.len() as u64;
        serde_json::to_writer(&mut document, &End { end })?;
        document.push(b'\n');
        Ok(document)
    }

    /// A manifest from its document.
    ///
    /// # Errors
    /// What keeps it from being read.
    pub(crate) fn parse(document: &[u8]) -> Result<Self, Unread> {
        let mut lines = document.split(|byte| *byte == b'\n').enumerate();
        let (_, first) = lines.next().ok_or(Unread::Line(1))?;
        let numbered: Numbered = serde_json::from_slice(first).map_err(|_| Unread::Line(1))?;
        if numbered.manifest != DOCUMENT {
            return Err(Unread::Newer(numbered.manifest));
        }
        let head: Head = serde_json::from_slice(first).map_err(|_| Unread::Line(1))?;
        let mut shards = Vec::new();
        for (number, line) in lines {
            if let Ok(shard) = serde_json::from_slice::<ShardManifest>(line) {
                shards.push(shard);
                continue;
            }
            let End { end } = serde_json::from_slice(line).map_err(|_| Unread::Line(number + 1))?;
            let is_whole = end == shards.len() as u64 && end == head.shards;
            return is_whole
                .then_some(Self { head, shards })
                .ok_or(Unread::Line(number + 1));
        }
        Err(Unread::Line(shards.len() + 2))
    }

    /// The version's number.
    pub(crate) fn number(&self) -> Option<VersionNumber> {
        self.head.version.parse().ok()
    }

    /// What the next version says of this one, whose document this is.
    pub(crate) fn as_parent(&self, document: &[u8]) -> Parent {
        Parent {
            version: self.head.version.clone(),
            sha256: hex_digest(HashKind::Sha256, document),
        }
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
