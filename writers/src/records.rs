//! Owns reading TFRecord files as [`crate::tfrecord`] writes them: framing, checksums, the features of a
//! `tf.train.Example`. Never opens a file, and never allocates for a length before its checksum is verified.

use std::io::{self, Read};

use bytes::Bytes;
use prost::Message;

use crate::tfrecord::{Example, Kind, masked_crc};

/// Length (8 bytes) and its masked CRC (4 bytes).
const HEAD_BYTES: usize = 12;

/// Why a record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file ends within a record.
    #[error("the file ends within a record")]
    Torn,
    /// A checksum does not match.
    #[error("a checksum does not fit its bytes")]
    Checksum,
    /// A record is longer than the limit.
    #[error("a record is too long to be read")]
    TooLong,
    /// The payload is not a `tf.train.Example`.
    #[error("a record is no tf.train.Example")]
    NoExample,
    /// The underlying reader failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Reads the records of a stream in order. It must not be used after an error.
pub struct Records<R> {
    reader: R,
    record_bytes_max: u64,
}

impl<R: Read> Records<R> {
    /// Reads from `reader`, which should be buffered, records of at most `record_bytes_max`.
    pub fn new(reader: R, record_bytes_max: u64) -> Self {
        Self {
            reader,
            record_bytes_max,
        }
    }

    /// The features of the next record; `None` at the end of the stream.
    ///
    /// # Errors
    /// Why the record cannot be read.
    pub fn next_features(&mut self) -> Result<Option<SampleFeatures>, RecordError> {
        Ok(self.next_record()?.map(|(features, _)| features))
    }

    /// The features of the next record, and its payload.
    pub(crate) fn next_record(&mut self) -> Result<Option<(SampleFeatures, Bytes)>, RecordError> {
        let Some(payload) = self.next_payload()? else {
            return Ok(None);
        };
        let example = Example::decode(payload.clone()).map_err(|_| RecordError::NoExample)?;
        Ok(Some((SampleFeatures(example), payload)))
    }

    fn next_payload(&mut self) -> Result<Option<Bytes>, RecordError> {
        let head = self.take(HEAD_BYTES as u64)?;
        if head.is_empty() {
            return Ok(None);
        }
        let (length, rest) = head.split_first_chunk().ok_or(RecordError::Torn)?;
        if masked_crc(length).to_le_bytes() != *rest {
            let torn = head.len() < HEAD_BYTES;
            return Err(if torn {
                RecordError::Torn
            } else {
                RecordError::Checksum
            });
        }
        let length = u64::from_le_bytes(*length);
        if length > self.record_bytes_max {
            return Err(RecordError::TooLong);
        }
        let payload = self.take(length)?;
        let crc = self.take(4)?;
        if payload.len() as u64 != length || crc.len() != 4 {
            return Err(RecordError::Torn);
        }
        if masked_crc(&payload).to_le_bytes() != *crc {
            return Err(RecordError::Checksum);
        }
        Ok(Some(Bytes::from(payload)))
    }

    /// Reads `count` bytes, or fewer at the end of the stream. Memory grows with the bytes read, not with
    /// `count`.
    fn take(&mut self, count: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.reader.by_ref().take(count).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The features of one sample.
pub struct SampleFeatures(Example);

impl SampleFeatures {
    /// The first value of a bytes feature.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        let feature = self.0.features.as_ref()?.feature.get(name)?;
        match feature.kind.as_ref()? {
            Kind::Bytes(list) => list.value.first().map(|value| &**value),
            Kind::Float(_) | Kind::Int64(_) => None,
        }
    }

    /// The first value of an integer feature.
    pub fn int(&self, name: &str) -> Option<i64> {
        let feature = self.0.features.as_ref()?.feature.get(name)?;
        match feature.kind.as_ref()? {
            Kind::Int64(list) => list.value.first().copied(),
            Kind::Float(_) | Kind::Bytes(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::Sink;
    use crate::tfrecord::{BytesList, Feature, Features, Int64List, append_record};

    #[derive(Default)]
    struct Stream(Vec<u8>);

    impl Sink for Stream {
        fn append(&mut self, bytes: &[u8]) {
            self.0.extend_from_slice(bytes);
        }

        fn file(&mut self, path: String, _: Vec<u8>) {
            panic!("{path} is no part of a stream");
        }
    }

    fn stream(keys: &[&'static str]) -> Vec<u8> {
        let mut stream = Stream::default();
        for key in keys {
            let value = vec![Bytes::from_static(key.as_bytes())];
            let key = Kind::Bytes(BytesList { value });
            let width = Kind::Int64(Int64List { value: vec![64] });
            let feature = [("key", key), ("width", width)].map(|(name, kind)| {
                let feature = Feature { kind: Some(kind) };
                (name.to_owned(), feature)
            });
            let features = Some(Features {
                feature: BTreeMap::from(feature),
            });
            append_record(&Example { features }.encode_to_vec(), &mut stream);
        }
        stream.0
    }

    fn read(bytes: &[u8]) -> Result<Vec<String>, RecordError> {
        let mut records = Records::new(bytes, 1 << 20);
        let mut keys = Vec::new();
        while let Some(features) = records.next_features()? {
            assert_eq!(features.int("width"), Some(64));
            let key = features.bytes("key").unwrap_or_default();
            keys.push(String::from_utf8_lossy(key).into_owned());
        }
        Ok(keys)
    }

    #[test]
    fn what_is_laid_out_reads_back() {
        let keys = ["000000000", "000000003"];
        assert_eq!(read(&stream(&keys)).unwrap(), keys);
        assert!(read(&[]).unwrap().is_empty());
    }

    #[test]
    fn a_record_that_is_cut_anywhere_is_torn() {
        let whole = stream(&["000000000"]);
        for end in 1..whole.len() {
            let result = read(&whole[..end]);
            assert!(matches!(result, Err(RecordError::Torn)), "{end} bytes");
        }
    }

    #[test]
    fn no_flipped_bit_passes_its_checksum() {
        let whole = stream(&["000000000"]);
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&flipped).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_length_is_believed_only_within_the_bound() {
        let mut head = u64::MAX.to_le_bytes().to_vec();
        head.extend(masked_crc(&head).to_le_bytes());
        assert!(matches!(read(&head), Err(RecordError::TooLong)));
    }
}
