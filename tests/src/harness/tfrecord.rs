//! Owns reading TFRecord files and the `tf.train.Example` messages in them, as far as the samples need
//! it. Never checks the checksums: the Python readers do that independently.

use std::collections::BTreeMap;
use std::path::Path;

use super::read::Sample;

/// The samples of one file by key.
pub(super) fn samples(path: &Path) -> Vec<(String, Sample)> {
    let bytes = std::fs::read(path).expect("a shard can be read");
    let mut left = &bytes[..];
    let mut samples = Vec::new();
    while !left.is_empty() {
        // A record: length (8 bytes), its checksum (4), the data, its checksum (4).
        let (length, rest) = left.split_first_chunk::<8>().expect("a length");
        let length = usize::try_from(u64::from_le_bytes(*length)).expect("a length");
        let (record, rest) = rest[4..].split_at(length);
        left = &rest[4..];
        samples.push(sample(record));
    }
    samples
}

fn sample(example: &[u8]) -> (String, Sample) {
    let features = features(example);
    let text = |name: &str| {
        features
            .get(name)
            .map(|bytes| String::from_utf8(bytes.clone()).expect("text is UTF-8"))
    };
    let extension = ["jpg", "png", "webp"]
        .into_iter()
        .find(|name| features.contains_key(*name));
    let extension = extension.expect("an image feature");
    let sample = Sample {
        image: features[extension].clone(),
        extension: extension.to_owned(),
        caption: text("txt"),
        json: None,
    };
    (text("key").expect("a key feature"), sample)
}

/// Example.features.feature: names to their first bytes value; other kinds give no bytes.
fn features(example: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let map = fields(example)
        .into_iter()
        .flat_map(|(_, features)| fields(features));
    map.map(|(_, entry)| {
        let mut name = String::new();
        let mut value = Vec::new();
        for (number, bytes) in fields(entry) {
            match number {
                1 => name = String::from_utf8(bytes.to_vec()).expect("names are UTF-8"),
                _ => value = bytes_of(bytes),
            }
        }
        (name, value)
    })
    .collect()
}

/// The first element of a Feature's bytes_list (field 1).
fn bytes_of(feature: &[u8]) -> Vec<u8> {
    let list = fields(feature).into_iter().find(|(number, _)| *number == 1);
    list.and_then(|(_, list)| fields(list).first().map(|(_, bytes)| bytes.to_vec()))
        .unwrap_or_default()
}

/// A message's length-delimited fields; the few of other wire types are not among those we descend.
fn fields(mut message: &[u8]) -> Vec<(u64, &[u8])> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let tag = varint(&mut message);
        if tag & 7 != 2 {
            return fields;
        }
        let length = usize::try_from(varint(&mut message)).expect("a length");
        let (bytes, rest) = message.split_at(length);
        fields.push((tag >> 3, bytes));
        message = rest;
    }
    fields
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().expect("a varint");
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    value
}
