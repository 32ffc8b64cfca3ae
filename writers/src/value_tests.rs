//! Every Arrow type a list of URLs can hold, read cell by cell.

use std::sync::Arc;

use arrow_array::builder::{Int32Builder, ListBuilder, MapBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, DurationSecondArray,
    FixedSizeListArray, Float32Array, Int64Array, LargeStringArray, NullArray, RunArray,
    StringArray, StringViewArray, StructArray, TimestampMicrosecondArray, TimestampSecondArray,
    UInt64Array,
};
use arrow_schema::Field;

use super::*;

fn owned(s: &str) -> Value<'_> {
    text(s)
}

#[test]
fn integers_keep_all_their_digits() {
    assert_eq!(
        cell(&UInt64Array::from(vec![u64::MAX]), 0),
        Value::UInt(u64::MAX)
    );
    assert_eq!(
        cell(&Int64Array::from(vec![i64::MIN]), 0),
        Value::Int(i64::MIN)
    );
}

#[test]
fn every_kind_of_text_reads_as_text() {
    assert_eq!(cell(&LargeStringArray::from(vec!["é"]), 0), owned("é"));
    assert_eq!(
        cell(&StringViewArray::from(vec!["longer than twelve bytes"]), 0),
        owned("longer than twelve bytes")
    );
    let dictionary: DictionaryArray<Int32Type> =
        vec![Some("a"), None, Some("b")].into_iter().collect();
    assert_eq!(cell(&dictionary, 2), owned("b"));
    assert_eq!(cell(&dictionary, 1), Value::Null);
    let runs: RunArray<Int32Type> = vec![Some("a"), Some("a"), None].into_iter().collect();
    assert_eq!(cell(&runs, 1), owned("a"));
    assert_eq!(cell(&runs, 2), Value::Null);
}

#[test]
fn nulls_are_null_in_every_type() {
    assert_eq!(cell(&NullArray::new(2), 1), Value::Null);
    assert_eq!(
        cell(&BooleanArray::from(vec![None, Some(true)]), 0),
        Value::Null
    );
    assert_eq!(
        cell(&BooleanArray::from(vec![None, Some(true)]), 1),
        Value::Bool(true)
    );
    assert_eq!(
        cell(
            &TimestampSecondArray::from(vec![None]).with_timezone("UTC"),
            0
        ),
        Value::Null
    );
}

#[test]
fn times_are_iso_text_and_zones_become_utc() {
    let naive = TimestampSecondArray::from(vec![1_700_000_000]);
    assert_eq!(cell(&naive, 0), owned("2023-11-14T22:13:20"));
    let zoned = TimestampMicrosecondArray::from(vec![0, 1_700_000_000_123_456])
        .with_timezone("Europe/Paris");
    assert_eq!(cell(&zoned, 1), owned("2023-11-14T22:13:20.123456Z"));
    assert_eq!(
        cell(&Date32Array::from(vec![19_675]), 0),
        owned("2023-11-14")
    );
    assert_eq!(
        cell(&DurationSecondArray::from(vec![90]), 0),
        owned("PT90S")
    );
}

#[test]
fn a_timestamp_beyond_the_calendar_is_null() {
    assert_eq!(
        cell(&TimestampSecondArray::from(vec![i64::MAX]), 0),
        Value::Null
    );
}

#[test]
fn decimals_are_exact_text() {
    let array = Decimal128Array::from(vec![-12_345])
        .with_precision_and_scale(20, 3)
        .unwrap();
    assert_eq!(cell(&array, 0), owned("-12.345"));
}

#[test]
fn binary_and_floats_read_as_they_are() {
    assert_eq!(
        cell(&BinaryArray::from_vec(vec![b"\xff\x00"]), 0),
        Value::Bytes(b"\xff\x00")
    );
    assert_eq!(
        cell(&Float32Array::from(vec![0.1f32]), 0),
        Value::Float(0.10000000149011612)
    );
}

#[test]
fn lists_and_structs_nest_and_respect_slices() {
    let mut lists = ListBuilder::new(Int32Builder::new());
    lists.append_value([Some(1)]);
    lists.append_value([Some(2), None]);
    lists.append_null();
    lists.append_value([]);
    let lists: ArrayRef = Arc::new(lists.finish());
    let field = Field::new("n", lists.data_type().clone(), true);
    let structs = StructArray::from(vec![(Arc::new(field), lists)]).slice(1, 3);
    let member = |row| match cell(&structs, row) {
        Value::Object(mut members) => members.remove(0),
        other => panic!("not an object: {other:?}"),
    };
    assert_eq!(
        member(0),
        ("n", Value::List(vec![Value::Int(2), Value::Null]))
    );
    assert_eq!(member(1), ("n", Value::Null));
    assert_eq!(member(2), ("n", Value::List(vec![])));
}

#[test]
fn fixed_size_lists_and_maps_read_as_lists() {
    let boxes = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
        vec![Some(vec![Some(1), Some(2)]), Some(vec![Some(3), Some(4)])],
        2,
    );
    assert_eq!(
        cell(&boxes.slice(1, 1), 0),
        Value::List(vec![Value::Int(3), Value::Int(4)])
    );
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    maps.keys().append_value("k");
    maps.values().append_value(7);
    maps.append(true).unwrap();
    let pair = Value::List(vec![owned("k"), Value::Int(7)]);
    assert_eq!(cell(&maps.finish(), 0), Value::List(vec![pair]));
}

#[test]
fn plain_text_is_borrowed_not_copied() {
    let array = StringArray::from(vec!["x"]);
    assert!(matches!(cell(&array, 0), Value::Text(Cow::Borrowed("x"))));
}
