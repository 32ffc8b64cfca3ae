//! Owns `00000_stats.json`: the counts of a shard under img2dataset's field names, and beside them what the
//! shard's files are. Never reads a clock: both times are arguments. A file whose counts do not add up is treated as absent, so that a torn one never
//! passes for a finished shard.

use std::collections::BTreeMap;

use crate::json;
use crate::outcome::{Stage, Status};
use crate::value::Value;

/// What a file of a shard is, or all files of its folder together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDigest {
    /// Number of files in a folder; `None` for a file.
    pub files: Option<u64>,
    /// Length, in bytes.
    pub bytes: u64,
    /// SHA-256 in hex: of a file's bytes. Of a folder: of a line `SHA256  NAME\n` for each of its files, sorted
    /// by name, as `sha256sum` prints them.
    pub sha256: String,
}

impl FileDigest {
    fn to_value(&self) -> Value<'_> {
        let files = self.files.map(|files| ("files", Value::UInt(files)));
        let rest = [
            ("bytes", Value::UInt(self.bytes)),
            ("sha256", Value::Text(self.sha256.as_str().into())),
        ];
        Value::Object(files.into_iter().chain(rest).collect())
    }

    fn from_json(json: &serde_json::Value) -> Option<Self> {
        let sha256 = json.get("sha256")?.as_str()?;
        let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if sha256.len() != 64 || !sha256.bytes().all(is_hex) {
            return None;
        }
        let files = match json.get("files") {
            Some(files) => Some(files.as_u64()?),
            None => None,
        };
        Some(Self {
            files,
            bytes: json.get("bytes")?.as_u64()?,
            sha256: sha256.to_owned(),
        })
    }
}

/// Counts of one shard; `count` is the sum of the next three, and of `status_dict`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShardStats {
    /// Number of rows.
    pub count: u64,
    /// Rows with a written image.
    pub successes: u64,
    /// Rows without a usable body.
    pub failed_to_download: u64,
    /// Rows whose body could not be processed.
    pub failed_to_resize: u64,
    /// Start of the shard, in Unix seconds.
    pub start_time: f64,
    /// End of the shard, in Unix seconds.
    pub end_time: f64,
    /// Number of rows for `success` and for each failure text.
    pub status_dict: BTreeMap<String, u64>,
    /// The shard's other files by name. Empty in a file of img2dataset or of an older version.
    pub files: BTreeMap<String, FileDigest>,
}

impl ShardStats {
    /// The content of the file.
    pub fn to_json(&self) -> Vec<u8> {
        let status = self
            .status_dict
            .iter()
            .map(|(name, &n)| (name.as_str(), Value::UInt(n)));
        let mut fields = vec![
            ("count", Value::UInt(self.count)),
            ("successes", Value::UInt(self.successes)),
            (
                Stage::Download.as_str(),
                Value::UInt(self.failed_to_download),
            ),
            (Stage::Resize.as_str(), Value::UInt(self.failed_to_resize)),
            ("duration", Value::Float(self.end_time - self.start_time)),
            ("start_time", Value::Float(self.start_time)),
            ("end_time", Value::Float(self.end_time)),
            ("status_dict", Value::Object(status.collect())),
        ];
        if !self.files.is_empty() {
            let files = self.files.iter();
            let files = files.map(|(name, digest)| (name.as_str(), digest.to_value()));
            fields.push(("files", Value::Object(files.collect())));
        }
        json::to_bytes(&Value::Object(fields))
    }

    /// Parses a file of turbo2ds or img2dataset; `None` if it is empty, malformed, or its counts do not add
    /// up.
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        let json: serde_json::Value = serde_json::from_slice(bytes).ok()?;
        let count = |name: &str| json.get(name)?.as_u64();
        let time = |name: &str| json.get(name)?.as_f64();
        let status = json.get("status_dict")?.as_object()?.iter();
        let stats = Self {
            count: count("count")?,
            successes: count("successes")?,
            failed_to_download: count(Stage::Download.as_str())?,
            failed_to_resize: count(Stage::Resize.as_str())?,
            start_time: time("start_time")?,
            end_time: time("end_time")?,
            status_dict: status
                .map(|(name, number)| Some((name.clone(), number.as_u64()?)))
                .collect::<Option<_>>()?,
            files: match json.get("files") {
                None => BTreeMap::new(),
                Some(files) => files
                    .as_object()?
                    .iter()
                    .map(|(name, digest)| Some((name.clone(), FileDigest::from_json(digest)?)))
                    .collect::<Option<_>>()?,
            },
        };
        stats.adds_up().then_some(stats)
    }

    fn adds_up(&self) -> bool {
        fn sum(mut numbers: impl Iterator<Item = u64>) -> Option<u64> {
            numbers.try_fold(0u64, u64::checked_add)
        }
        let parts = [
            self.successes,
            self.failed_to_download,
            self.failed_to_resize,
        ];
        sum(parts.into_iter()) == Some(self.count)
            && sum(self.status_dict.values().copied()) == Some(self.count)
            && self
                .status_dict
                .get(Status::Success.as_str())
                .copied()
                .unwrap_or(0)
                == self.successes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats() -> ShardStats {
        let status = [
            ("Image decoding error", 1),
            ("success", 1),
            ("timed out", 2),
        ];
        ShardStats {
            count: 4,
            successes: 1,
            failed_to_download: 2,
            failed_to_resize: 1,
            start_time: 1_700_000_000.5,
            end_time: 1_700_000_002.0,
            status_dict: status.map(|(name, n)| (name.to_owned(), n)).into(),
            files: BTreeMap::new(),
        }
    }

    fn with_files() -> ShardStats {
        let digest = |files, byte: &str| FileDigest {
            files,
            bytes: 1024,
            sha256: byte.repeat(32),
        };
        let files = [
            ("00000", digest(Some(2), "a0")),
            ("00000.parquet", digest(None, "0b")),
        ];
        ShardStats {
            files: files.map(|(name, digest)| (name.to_owned(), digest)).into(),
            ..stats()
        }
    }

    #[test]
    fn the_file_has_img2datasets_fields_in_its_order() {
        let expected = "{\n    \"count\": 4,\n    \"successes\": 1,\n    \"failed_to_download\": 2,\n    \"failed_to_resize\": 1,\n    \"duration\": 1.5,\n    \"start_time\": 1700000000.5,\n    \"end_time\": 1700000002.0,\n    \"status_dict\": {\n        \"Image decoding error\": 1,\n        \"success\": 1,\n        \"timed out\": 2\n    }\n}";
        assert_eq!(String::from_utf8(stats().to_json()).unwrap(), expected);
    }

    #[test]
    fn the_files_come_after_img2datasets_fields() {
        let a0 = "a0".repeat(32);
        let b0 = "0b".repeat(32);
        let expected = format!(
            "    }},\n    \"files\": {{\n        \"00000\": {{\n            \"files\": 2,\n            \"bytes\": 1024,\n            \"sha256\": \"{a0}\"\n        }},\n        \"00000.parquet\": {{\n            \"bytes\": 1024,\n            \"sha256\": \"{b0}\"\n        }}\n    }}\n}}"
        );
        let json = String::from_utf8(with_files().to_json()).unwrap();
        assert!(json.ends_with(&expected), "{json}");
        let torn = json.replace(&b0, &b0[1..]);
        assert_eq!(ShardStats::from_json(torn.as_bytes()), None);
    }

    #[test]
    fn what_is_written_reads_back() {
        for stats in [stats(), with_files()] {
            assert_eq!(ShardStats::from_json(&stats.to_json()), Some(stats));
        }
    }

    #[test]
    fn no_prefix_of_a_file_passes_for_the_file() {
        let json = with_files().to_json();
        for end in 0..json.len() {
            assert_eq!(ShardStats::from_json(&json[..end]), None, "{end} bytes");
        }
    }

    #[test]
    fn counts_that_do_not_add_up_are_no_stats() {
        let good = String::from_utf8(stats().to_json()).unwrap();
        for (from, to) in [
            ("\"count\": 4", "\"count\": 5"),
            ("\"successes\": 1", "\"successes\": 2"),
            ("\"timed out\": 2", "\"timed out\": 1"),
            ("\"count\": 4", "\"count\": -4"),
            (
                "\"failed_to_resize\": 1",
                "\"failed_to_resize\": 18446744073709551615",
            ),
        ] {
            assert_eq!(
                ShardStats::from_json(good.replace(from, to).as_bytes()),
                None,
                "{to}"
            );
        }
    }
}
