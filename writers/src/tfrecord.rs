//! Owns the tfrecord format: one `tf.train.Example` message per sample (field numbers as in TensorFlow's
//! example.proto and feature.proto) in TFRecord framing, where each length and payload is followed by its
//! masked CRC-32C. Features are sorted by name, so equal samples give equal bytes. Never reads a record back.
//!
//! Integers and booleans become int64, floats float, null empty bytes, everything else bytes (structs as
//! JSON). A list has the type of its elements; one with a null or mixed types becomes a list of bytes.

use std::collections::BTreeMap;

use arrow_schema::DataType;
use bytes::Bytes;
use prost::Message;

use crate::files::CAPTION_EXT;
use crate::json;
use crate::metadata::ShardTable;
use crate::outcome::SampleFacts;
use crate::sink::Sink;
use crate::value::Value;

/// tf.train.Example.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Example {
    #[prost(message, optional, tag = "1")]
    pub(crate) features: Option<Features>,
}

/// tf.train.Features.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Features {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) feature: BTreeMap<String, Feature>,
}

/// tf.train.Feature.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Feature {
    #[prost(oneof = "Kind", tags = "1, 2, 3")]
    pub(crate) kind: Option<Kind>,
}

/// The list of a feature.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum Kind {
    #[prost(message, tag = "1")]
    Bytes(BytesList),
    #[prost(message, tag = "2")]
    Float(FloatList),
    #[prost(message, tag = "3")]
    Int64(Int64List),
}

/// tf.train.BytesList.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BytesList {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(crate) value: Vec<Bytes>,
}

/// tf.train.FloatList.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FloatList {
    #[prost(float, repeated, tag = "1")]
    pub(crate) value: Vec<f32>,
}

/// tf.train.Int64List.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Int64List {
    #[prost(int64, repeated, tag = "1")]
    pub(crate) value: Vec<i64>,
}

/// Appends one sample as one record.
pub(crate) fn append_sample(
    table: &ShardTable,
    row: usize,
    key: &str,
    facts: &SampleFacts,
    image: &[u8],
    sink: &mut dyn Sink,
) {
    let mut feature = BTreeMap::new();
    feature.insert(
        table.layout.image_ext.to_owned(),
        bytes_feature(Bytes::copy_from_slice(image)),
    );
    if let Some(caption) = table.caption(row) {
        feature.insert(CAPTION_EXT.to_owned(), bytes_feature(caption.into()));
    }
    let members = table.members(row, key, facts);
    for ((name, value), field) in members.iter().zip(table.schema.fields()) {
        feature.insert((*name).to_owned(), to_feature(value, field.data_type()));
    }
    let example = Example {
        features: Some(Features { feature }),
    };
    append_record(&example.encode_to_vec(), sink);
}

/// Writes one record.
pub(crate) fn append_record(payload: &[u8], sink: &mut dyn Sink) {
    let length = (payload.len() as u64).to_le_bytes();
    let mut head = [0; 12];
    head[..8].copy_from_slice(&length);
    head[8..].copy_from_slice(&masked_crc(&length).to_le_bytes());
    sink.append(&head);
    sink.append(payload);
    sink.append(&masked_crc(payload).to_le_bytes());
}

/// CRC-32C, rotated and offset so that checksums of data containing checksums stay useful.
pub(crate) fn masked_crc(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes)
        .rotate_right(15)
        .wrapping_add(0xa282_ead8)
}

fn to_feature(value: &Value<'_>, kind: &DataType) -> Feature {
    let Value::List(items) = value else {
        return list_feature(std::slice::from_ref(value), kind);
    };
    list_feature(items, element_type(kind))
}

/// The element type of a list, which decides the kind of an empty one.
fn element_type(kind: &DataType) -> &DataType {
    match kind {
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::ListView(field)
        | DataType::LargeListView(field) => field.data_type(),
        DataType::Dictionary(_, values) => element_type(values),
        other => other,
    }
}

fn list_feature(items: &[Value<'_>], element: &DataType) -> Feature {
    let empty_of = |matches: bool| !items.is_empty() || matches;
    let ints = items.iter().map(as_int64).collect::<Option<Vec<_>>>();
    let whole = element.is_integer() || *element == DataType::Boolean;
    if let Some(value) = ints.filter(|_| empty_of(whole)) {
        return Feature {
            kind: Some(Kind::Int64(Int64List { value })),
        };
    }
    let floats = items.iter().map(as_float).collect::<Option<Vec<_>>>();
    if let Some(value) = floats.filter(|_| empty_of(element.is_floating())) {
        return Feature {
            kind: Some(Kind::Float(FloatList { value })),
        };
    }
    let value = items.iter().map(as_bytes).collect();
    Feature {
        kind: Some(Kind::Bytes(BytesList { value })),
    }
}

fn as_int64(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Bool(truth) => Some(i64::from(*truth)),
        Value::Int(number) => Some(*number),
        // Numbers beyond i64 are kept as text.
        Value::UInt(number) => i64::try_from(*number).ok(),
        _ => None,
    }
}

fn as_float(value: &Value<'_>) -> Option<f32> {
    match value {
        Value::Float(number) => Some(*number as f32),
        _ => None,
    }
}

fn as_bytes(value: &Value<'_>) -> Bytes {
    match value {
        Value::Bytes(bytes) => Bytes::copy_from_slice(bytes),
        other => Bytes::from(json::plain_text(other).into_owned()),
    }
}

fn bytes_feature(bytes: Bytes) -> Feature {
    Feature {
        kind: Some(Kind::Bytes(BytesList { value: vec![bytes] })),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::Field;

    use super::*;

    fn list_of(element: DataType) -> DataType {
        DataType::List(Arc::new(Field::new("item", element, true)))
    }

    fn kind(value: &Value<'_>, kind: &DataType) -> Kind {
        to_feature(value, kind).kind.unwrap()
    }

    fn texts(items: &[&'static str]) -> Kind {
        let value = items
            .iter()
            .map(|item| Bytes::from_static(item.as_bytes()))
            .collect();
        Kind::Bytes(BytesList { value })
    }

    #[test]
    fn the_masked_crc_is_tensorflows() {
        // The length header of a payload of 24 bytes, as TensorFlow writes it.
        assert_eq!(
            masked_crc(&24u64.to_le_bytes()).to_le_bytes(),
            [0xa3, 0x7f, 0x4b, 0x22]
        );
    }

    #[test]
    fn scalars_take_the_feature_of_their_type() {
        assert_eq!(
            kind(&Value::Int(-1), &DataType::Int8),
            Kind::Int64(Int64List { value: vec![-1] })
        );
        assert_eq!(
            kind(&Value::Bool(true), &DataType::Boolean),
            Kind::Int64(Int64List { value: vec![1] })
        );
        assert_eq!(
            kind(&Value::Float(0.5), &DataType::Float64),
            Kind::Float(FloatList { value: vec![0.5] })
        );
        assert_eq!(kind(&Value::Null, &DataType::Int32), texts(&[""]));
        assert_eq!(
            kind(&Value::UInt(u64::MAX), &DataType::UInt64),
            texts(&["18446744073709551615"])
        );
    }

    #[test]
    fn lists_take_the_type_of_their_elements_even_when_empty() {
        let ints = list_of(DataType::Int64);
        let pair = Value::List(vec![Value::Int(1), Value::Int(2)]);
        assert_eq!(
            kind(&pair, &ints),
            Kind::Int64(Int64List { value: vec![1, 2] })
        );
        let empty = Value::List(vec![]);
        assert_eq!(
            kind(&empty, &ints),
            Kind::Int64(Int64List { value: vec![] })
        );
        assert_eq!(
            kind(&empty, &list_of(DataType::Float32)),
            Kind::Float(FloatList { value: vec![] })
        );
        assert_eq!(kind(&empty, &list_of(DataType::Utf8)), texts(&[]));
    }

    #[test]
    fn a_list_that_holds_a_null_becomes_bytes() {
        let value = Value::List(vec![Value::Int(1), Value::Null]);
        assert_eq!(kind(&value, &list_of(DataType::Int64)), texts(&["1", ""]));
    }
}
