//! Owns how a cell of the key column becomes text: which column types and which JSON values can be
//! keys. Never decides whether a text is a valid key: [`crate::list::plan`] does.

use arrow_array::ArrayRef;
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType};

use super::cell::Cell;
use super::columns::as_text;

/// Whether a column of this type holds text or integers.
pub(super) fn accepts(kind: &DataType) -> bool {
    match kind {
        DataType::Dictionary(_, values) => accepts(values),
        DataType::Decimal32(_, 0)
        | DataType::Decimal64(_, 0)
        | DataType::Decimal128(_, 0)
        | DataType::Decimal256(_, 0)
        | DataType::Null
        | DataType::Utf8
        | DataType::LargeUtf8
        | DataType::Utf8View
        // Old writers do not mark text columns as text.
        | DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView => true,
        other => other.is_integer(),
    }
}

/// Converts a column whose type [`accepts`] accepts to text.
pub(super) fn texts(column: &ArrayRef, invalid_utf8: &mut u64) -> Result<ArrayRef, ArrowError> {
    match column.data_type() {
        DataType::Dictionary(_, values) => texts(&cast(column, values)?, invalid_utf8),
        _ => as_text(column, invalid_utf8),
    }
}

/// A JSON value as a key: text and integers; null for anything else.
pub(super) fn cell(value: Cell) -> Cell {
    match value {
        Cell::Text(text) => Cell::Text(text),
        Cell::Int(number) => Cell::Text(number.to_string()),
        Cell::Number(text) if !text.contains(['.', 'e', 'E']) => Cell::Text(text),
        _ => Cell::Null,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int32Type;
    use arrow_array::{
        Array, BinaryArray, Decimal128Array, DictionaryArray, NullArray, StringViewArray,
        UInt64Array,
    };

    #[test]
    fn texts_and_whole_numbers_of_every_type_are_keys() {
        let words: DictionaryArray<Int32Type> = ["b", "a"].into_iter().collect();
        let digits = Decimal128Array::from(vec![10_i128.pow(30), -7]);
        let columns: [(ArrayRef, [Option<&str>; 2]); 6] = [
            (
                Arc::new(UInt64Array::from(vec![u64::MAX, 0])),
                [Some("18446744073709551615"), Some("0")],
            ),
            (Arc::new(words), [Some("b"), Some("a")]),
            (
                Arc::new(StringViewArray::from(vec![Some("x"), None])),
                [Some("x"), None],
            ),
            (
                Arc::new(BinaryArray::from_vec(vec![b"x", b"\xff"])),
                [Some("x"), Some("\u{fffd}")],
            ),
            (
                Arc::new(digits.with_precision_and_scale(38, 0).unwrap()),
                [Some("1000000000000000000000000000000"), Some("-7")],
            ),
            (Arc::new(NullArray::new(2)), [None, None]),
        ];
        for (column, expected) in columns {
            assert!(accepts(column.data_type()), "{}", column.data_type());
            let texts = texts(&column, &mut 0).unwrap();
            let found: Vec<_> = texts.as_string::<i32>().iter().collect();
            assert_eq!(found, expected, "{}", column.data_type());
        }
    }

    #[test]
    fn fractions_times_and_lists_are_not_keys() {
        let list = DataType::new_list(DataType::Utf8, true);
        for kind in [
            DataType::Float64,
            DataType::Boolean,
            DataType::Date32,
            DataType::Decimal128(9, 2),
            DataType::FixedSizeBinary(16),
            list,
        ] {
            assert!(!accepts(&kind), "{kind}");
        }
        let cell = |text| cell(Cell::of(serde_json::from_str(text).unwrap()));
        for value in ["1.0", "1e3", "true", "[1]", r#"{"a":1}"#, "null"] {
            assert_eq!(cell(value), Cell::Null, "{value}");
        }
        assert_eq!(cell("\"007\""), Cell::Text("007".to_owned()));
        for number in ["18446744073709551616", "-3"] {
            assert_eq!(cell(number), Cell::Text(number.to_owned()));
        }
    }
}
