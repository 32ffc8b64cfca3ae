//! Owns reading an Arrow cell as a [`Value`], the tree that the JSON, tfrecord and caption writers share.
//! Never changes a column: the parquet outputs keep the types of the input.
//!
//! Types that JSON lacks become text: dates, times and durations in ISO 8601 (timestamps with a zone in UTC,
//! ending in `Z`), decimals in digits. A value without a text form (a date outside the calendar) is null here
//! and intact in the metadata parquet.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, ArrowTimestampType, Float16Type, Float32Type, Float64Type, Int8Type,
    Int16Type, Int32Type, Int64Type, RunEndIndexType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, OffsetSizeTrait, UnionArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, TimeUnit};

/// The value of a cell.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Int(i64),
    UInt(u64),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(&'a [u8]),
    List(Vec<Value<'a>>),
    /// Members in order.
    Object(Vec<(&'a str, Value<'a>)>),
}

impl<'a> Value<'a> {
    /// Text, or null.
    pub(crate) fn text_or_null(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(Cow::Borrowed(text)))
    }

    /// A number, or null.
    pub(crate) fn uint_or_null(number: Option<u32>) -> Self {
        number.map_or(Self::Null, |number| Self::UInt(u64::from(number)))
    }
}

/// The cell of `array` at `row`, which is below the array's length.
pub(crate) fn cell(array: &dyn Array, row: usize) -> Value<'_> {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => Value::Bool(array.as_boolean().value(row)),
        DataType::Int8 => int::<Int8Type>(array, row),
        DataType::Int16 => int::<Int16Type>(array, row),
        DataType::Int32 => int::<Int32Type>(array, row),
        DataType::Int64 => int::<Int64Type>(array, row),
        DataType::UInt8 => uint::<UInt8Type>(array, row),
        DataType::UInt16 => uint::<UInt16Type>(array, row),
        DataType::UInt32 => uint::<UInt32Type>(array, row),
        DataType::UInt64 => uint::<UInt64Type>(array, row),
        DataType::Float16 => Value::Float(array.as_primitive::<Float16Type>().value(row).to_f64()),
        DataType::Float32 => {
            Value::Float(f64::from(array.as_primitive::<Float32Type>().value(row)))
        }
        DataType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Utf8 => text(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => text(array.as_string::<i64>().value(row)),
        DataType::Utf8View => text(array.as_string_view().value(row)),
        DataType::Binary => Value::Bytes(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Value::Bytes(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => Value::Bytes(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => Value::Bytes(array.as_fixed_size_binary().value(row)),
        DataType::Timestamp(unit, Some(_)) => zoned_timestamp(array, *unit, row),
        _ => nested(array, row),
    }
}

/// A cell of a nested type; other types are formatted as text.
fn nested(array: &dyn Array, row: usize) -> Value<'_> {
    match array.data_type() {
        DataType::List(_) => list_items::<i32>(array, row),
        DataType::LargeList(_) => list_items::<i64>(array, row),
        DataType::FixedSizeList(_, size) => {
            let list = array.as_fixed_size_list();
            let start = list.value_offset_at(row);
            items(list.values(), start, start + *size as usize)
        }
        DataType::ListView(_) => view_items::<i32>(array, row),
        DataType::LargeListView(_) => view_items::<i64>(array, row),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let members = fields.iter().zip(columns);
            Value::Object(
                members
                    .map(|(f, c)| (f.name().as_str(), cell(c, row)))
                    .collect(),
            )
        }
        DataType::Map(..) => map_pairs(array, row),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            match cell(dictionary.keys(), row) {
                Value::Int(index) => cell(dictionary.values(), index as usize),
                Value::UInt(index) => cell(dictionary.values(), index as usize),
                _ => Value::Null,
            }
        }
        DataType::RunEndEncoded(ends, _) => match ends.data_type() {
            DataType::Int16 => run_value::<Int16Type>(array, row),
            DataType::Int32 => run_value::<Int32Type>(array, row),
            _ => run_value::<Int64Type>(array, row),
        },
        DataType::Union(..) => array
            .as_any()
            .downcast_ref::<UnionArray>()
            .map_or(Value::Null, |union| {
                cell(union.child(union.type_id(row)), union.value_offset(row))
            }),
        _ => formatted(array, row),
    }
}

fn int<T: ArrowPrimitiveType<Native: Into<i64>>>(array: &dyn Array, row: usize) -> Value<'_> {
    Value::Int(array.as_primitive::<T>().value(row).into())
}

fn uint<T: ArrowPrimitiveType<Native: Into<u64>>>(array: &dyn Array, row: usize) -> Value<'_> {
    Value::UInt(array.as_primitive::<T>().value(row).into())
}

fn text(text: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(text))
}

fn list_items<O: OffsetSizeTrait>(array: &dyn Array, row: usize) -> Value<'_> {
    let list = array.as_list::<O>();
    let offsets = list.value_offsets();
    items(
        list.values(),
        offsets[row].as_usize(),
        offsets[row + 1].as_usize(),
    )
}

fn view_items<O: OffsetSizeTrait>(array: &dyn Array, row: usize) -> Value<'_> {
    let list = array.as_list_view::<O>();
    let start = list.value_offset(row).as_usize();
    items(
        list.values(),
        start,
        start + list.value_size(row).as_usize(),
    )
}

fn items(values: &ArrayRef, start: usize, end: usize) -> Value<'_> {
    Value::List((start..end).map(|i| cell(values, i)).collect())
}

/// A map as a list of key-value pairs, like pyarrow in Python, since keys need not be text.
fn map_pairs(array: &dyn Array, row: usize) -> Value<'_> {
    let map = array.as_map();
    let (start, end) = (
        map.value_offsets()[row] as usize,
        map.value_offsets()[row + 1] as usize,
    );
    let pair = |i| Value::List(vec![cell(map.keys(), i), cell(map.values(), i)]);
    Value::List((start..end).map(pair).collect())
}

fn run_value<R: RunEndIndexType>(array: &dyn Array, row: usize) -> Value<'_> {
    let Some(runs) = array.as_run_opt::<R>() else {
        return Value::Null;
    };
    cell(runs.values(), runs.get_physical_index(row))
}

/// Formats a timestamp in UTC, since local time of a named zone needs a time zone database.
fn zoned_timestamp(array: &dyn Array, unit: TimeUnit, row: usize) -> Value<'static> {
    fn naive<T: ArrowTimestampType>(array: &dyn Array, row: usize) -> Value<'static> {
        let instant = array
            .as_primitive::<T>()
            .slice(row, 1)
            .with_timezone_opt::<&str>(None);
        match formatted(&instant, 0) {
            Value::Text(text) => Value::Text(Cow::Owned(text.into_owned() + "Z")),
            _ => Value::Null,
        }
    }
    match unit {
        TimeUnit::Second => naive::<TimestampSecondType>(array, row),
        TimeUnit::Millisecond => naive::<TimestampMillisecondType>(array, row),
        TimeUnit::Microsecond => naive::<TimestampMicrosecondType>(array, row),
        TimeUnit::Nanosecond => naive::<TimestampNanosecondType>(array, row),
    }
}

fn formatted(array: &dyn Array, row: usize) -> Value<'static> {
    let options = FormatOptions::new().with_display_error(false);
    ArrayFormatter::try_new(array, &options)
        .and_then(|formatter| formatter.value(row).try_to_string())
        .map_or(Value::Null, |text| Value::Text(Cow::Owned(text)))
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
