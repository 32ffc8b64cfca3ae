//! Owns what a shard's metadata promises and how much of it was found: a row for each URL, and the checks of
//! one sample against its row. Never reads a file.

use std::collections::{BTreeMap, HashMap};

use turbo2ds_codec::{Limits, ReencodePolicy, WholeCheck};
use turbo2ds_writers::{Column, ShardStats, Status};

use super::fault::Fault;
use super::keys::{Keys, Naming};
use crate::config::HashKind;
use crate::dataset::digest::hex_digest;
use crate::limits;
use crate::list::catch_panic::contained;

/// Maximum bytes of an image or a JSON member; a larger one is not read.
pub(super) const MEMBER_BYTES_MAX: u64 = 1 << 30;
/// Maximum number of distinct outcomes of rows. Each has its own line in the stats.
const ENDS_MAX: usize = 100_000;

/// The known options of the run that made a shard.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// Whether images were re-encoded; `None` without a record.
    pub(super) reencode: Option<ReencodePolicy>,
    /// How samples get their keys.
    pub(super) naming: Naming,
    /// Whether the extension of an image's member is the format of its bytes.
    pub(super) true_extension: bool,
    /// Maximum pixels that an image can have, if known.
    pub(super) pixels_max: Option<u64>,
}

/// What a row promises about its sample.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) success: bool,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    pub(super) hash: Option<Box<str>>,
    /// Whether its sample was found.
    pub(super) found: bool,
}

/// The rows of one shard.
pub(super) struct Rows {
    keys: Keys,
    known: Known,
    images: WholeCheck,
    hash: Option<HashKind>,
    /// By place in the shard. A map, so that memory grows with the rows that are read, not with the claimed
    /// count.
    rows: HashMap<usize, Row>,
    read: u64,
    ends: BTreeMap<String, u64>,
    /// Number of successes whose bytes match their hash.
    pub(super) hashes_checked: u64,
    /// Number of foreign files next to the samples.
    pub(super) others: u64,
}

impl Rows {
    /// No rows yet.
    pub(super) fn new(shard: &str, known: Known, hash: Option<HashKind>) -> Self {
        let decoded = Limits {
            pixels_max: known.pixels_max.unwrap_or(limits::PIXELS_MAX),
            jpeg_scans_max: limits::JPEG_SCANS_MAX,
        };
        Self {
            keys: Keys::new(shard, known.naming),
            known,
            images: WholeCheck::new(decoded),
            hash,
            rows: HashMap::new(),
            read: 0,
            ends: BTreeMap::new(),
            hashes_checked: 0,
            others: 0,
        }
    }

    /// Records the next row of the metadata and returns its place in the shard.
    pub(super) fn promise(
        &mut self,
        key: Option<&str>,
        end: &str,
        row: Row,
        count: u64,
    ) -> Result<usize, Fault> {
        let number = self.read;
        self.read += 1;
        let at = self.keys.promise(number, key, end)?;
        if at as u64 >= count || self.rows.insert(at, row).is_some() {
            return Err(Fault::RowKey(number));
        }
        let room = self.ends.len() < ENDS_MAX;
        match self.ends.get_mut(end) {
            Some(count) => *count += 1,
            None if room => drop(self.ends.insert(end.to_owned(), 1)),
            None => return Err(Fault::Counts),
        }
        Ok(at)
    }

    /// Checks the rows that were read against the stats.
    pub(super) fn check_counts(&self, stats: &ShardStats) -> Result<(), Fault> {
        if self.read != stats.count {
            return Err(Fault::RowCount {
                found: self.read,
                wanted: stats.count,
            });
        }
        if self.ends == stats.status_dict {
            Ok(())
        } else {
            Err(Fault::Counts)
        }
    }

    /// Whether a row of this shard has this key.
    pub(super) fn has_key(&mut self, key: &str) -> bool {
        let at = self.keys.place(key);
        at.is_some_and(|at| self.rows.contains_key(&at))
    }

    /// Marks the row with this key as found and returns its place. The row must be a success that was not found
    /// before.
    pub(super) fn claim(&mut self, key: &str) -> Result<usize, Fault> {
        let at = self.keys.place(key).ok_or(Fault::UnknownKey)?;
        self.claim_at(at)
    }

    /// Like [`Self::claim`], by the row's place.
    pub(super) fn claim_at(&mut self, at: usize) -> Result<usize, Fault> {
        let row = self.rows.get_mut(&at);
        let row = row.ok_or(Fault::UnknownKey)?;
        if !row.success {
            return Err(Fault::SampleOfFailure(at as u64));
        }
        if std::mem::replace(&mut row.found, true) {
            return Err(Fault::SampleTwice(at as u64));
        }
        Ok(at)
    }

    /// Checks that every success has its sample.
    pub(super) fn check_found(&self) -> Result<(), Fault> {
        let missing = self.rows.values();
        match missing.filter(|row| row.success && !row.found).count() {
            0 => Ok(()),
            count => Err(Fault::SamplesMissing(count as u64)),
        }
    }

    /// Checks an image against its row: whether it is whole, its format if its member's name says one, its
    /// size, and its hash if the image was not re-encoded.
    pub(super) fn check_image(
        &mut self,
        at: usize,
        extension: &str,
        bytes: &[u8],
    ) -> Result<(), Fault> {
        let Some(row) = self.rows.get(&at) else {
            return Err(Fault::UnknownKey);
        };
        let number = at as u64;
        if bytes.is_empty() {
            return Err(Fault::NoImage(number));
        }
        let images = &mut self.images;
        let header = contained(|| images.check(bytes)).ok_or(Fault::Reader)?;
        let header = header.map_err(|_| Fault::Image(number))?;
        let encoded = self.known.reencode == Some(ReencodePolicy::Always);
        let named = encoded || self.known.true_extension;
        if named && extension != header.format.extension() {
            return Err(Fault::Image(number));
        }
        let size = [(row.width, header.width), (row.height, header.height)];
        if size.iter().any(|(told, is)| told.is_some_and(|n| n != *is)) {
            return Err(Fault::ImageSize(number));
        }
        let (Some(kind), Some(told), false) = (self.hash, &row.hash, encoded) else {
            return Ok(());
        };
        if hex_digest(kind, bytes) == **told {
            self.hashes_checked += 1;
        } else if self.known.reencode == Some(ReencodePolicy::Never) {
            return Err(Fault::Hash(number));
        }
        Ok(())
    }

    /// Checks a sample's JSON against its row.
    pub(super) fn check_json(&self, at: usize, key: &str, bytes: &[u8]) -> Result<(), Fault> {
        let fits = || -> Option<bool> {
            let row = self.rows.get(&at)?;
            let json: serde_json::Value = serde_json::from_slice(bytes).ok()?;
            let member = |column: Column| &json[column.name()];
            let side = |column: Column, told: Option<u32>| {
                told.is_none_or(|told| member(column).as_u64() == Some(u64::from(told)))
            };
            let status = member(Column::Status) == Status::Success.as_str();
            let same = *member(Column::Key) == *key && status;
            Some(same && side(Column::Width, row.width) && side(Column::Height, row.height))
        };
        match fits() {
            Some(true) => Ok(()),
            _ => Err(Fault::Json(at as u64)),
        }
    }

    /// Number of rows that were read.
    pub(super) const fn count(&self) -> u64 {
        self.read
    }

    /// Number of rows that are successes.
    pub(super) fn successes(&self) -> u64 {
        self.rows.values().filter(|row| row.success).count() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(success: bool) -> Row {
        Row {
            success,
            width: None,
            height: None,
            hash: None,
            found: false,
        }
    }

    fn rows() -> Rows {
        let mut rows = Rows::new("00003", Known::default(), None);
        for (key, end, success) in [
            ("0000300", "success", true),
            ("0000302", "success", true),
            ("0000301", "timed out", false),
        ] {
            rows.promise(Some(key), end, row(success), 3)
                .expect("a row");
        }
        rows
    }

    #[test]
    fn keys_belong_to_their_shard_and_come_once() {
        for key in [
            "0000302",
            "0000303",
            "000030",
            "00004000",
            "000030x",
            "000030001",
            "",
        ] {
            let fault = rows().promise(Some(key), "success", row(true), 3);
            assert!(matches!(fault, Err(Fault::RowKey(3))), "{key}");
        }
    }

    #[test]
    fn a_shard_of_one_row_has_its_name_as_key() {
        let mut rows = Rows::new("00007", Known::default(), None);
        assert_eq!(
            rows.promise(Some("00007"), "success", row(true), 1).ok(),
            Some(0)
        );
    }

    #[test]
    fn each_success_is_found_once_and_no_failure_is() {
        let mut rows = rows();
        assert_eq!(rows.claim("0000302").ok(), Some(2));
        assert!(matches!(rows.claim("0000302"), Err(Fault::SampleTwice(2))));
        assert!(matches!(
            rows.claim("0000301"),
            Err(Fault::SampleOfFailure(1))
        ));
        assert!(matches!(rows.claim("0000304"), Err(Fault::UnknownKey)));
        assert!(matches!(rows.check_found(), Err(Fault::SamplesMissing(1))));
        rows.claim("0000300").expect("a success");
        rows.check_found().expect("all are found");
    }

    #[test]
    fn counts_are_the_stats() {
        let mut stats = ShardStats {
            count: 3,
            successes: 2,
            failed_to_download: 1,
            status_dict: [("success", 2), ("timed out", 1)]
                .map(|(end, n)| (end.to_owned(), n))
                .into(),
            ..ShardStats::default()
        };
        rows().check_counts(&stats).expect("they agree");
        stats.status_dict = [("success".to_owned(), 3)].into();
        assert!(matches!(rows().check_counts(&stats), Err(Fault::Counts)));
        stats.count = 4;
        assert!(matches!(
            rows().check_counts(&stats),
            Err(Fault::RowCount {
                found: 3,
                wanted: 4
            })
        ));
    }

    #[test]
    fn a_json_of_another_sample_is_a_fault() {
        let rows = rows();
        let check = |text: &str| rows.check_json(0, "0000300", text.as_bytes()).is_ok();
        assert!(check(r#"{"key": "0000300", "status": "success"}"#));
        assert!(!check(r#"{"key": "0000301", "status": "success"}"#));
        assert!(!check(r#"{"key": "0000300", "status": "success""#));
        assert!(!check("[]"));
    }
}
