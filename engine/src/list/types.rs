//! Owns the types of columns of text and JSON lists: the narrowest that holds every value of the list
//! exactly. Never looks at a file: [`super::survey`] passes every value before the first shard is cut,
//! so that a column has one type over all shards.
//!
//! The rules, for csv, tsv, json and jsonl alike:
//! - integers are int64, or uint64 if they need it; beyond 64 bits their column is text;
//! - numbers with fractions are float64; together with integers over 2^53 their column is text;
//! - booleans are booleans; lists and objects of JSON are lists and structs of these;
//! - values without a common type (numbers and words, lists and scalars) are text, as they are written;
//! - in csv and tsv, only canonical spellings are numbers: `007`, `+5` and `1e999` are text.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields};

use super::cell::{Cell, Node};

/// Integers up to this are exact as float64.
const EXACT_MAX: i128 = 1 << 53;
/// Most struct members of one column; a column with more holds maps and is kept as JSON text.
const MEMBERS_MAX: usize = 256;

/// The type of a column's values so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum ColumnType {
    /// No value yet.
    #[default]
    Null,
    Bool,
    /// Integers: the smallest and the largest.
    Int(i128, i128),
    Float,
    Text,
    List(Box<ColumnType>),
    Struct(Vec<(String, ColumnType)>),
}

/// Texts that mean "no value" in a column of numbers or booleans, as in pyarrow.
const NULL_TEXTS: [&str; 17] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "N/A", "NA", "NULL", "NaN", "n/a", "nan", "null",
];

impl ColumnType {
    /// The type of a value.
    pub(super) fn of(node: &Node) -> Self {
        match node {
            Node::Cell(cell) => Self::of_cell(cell),
            Node::List(items) => {
                let mut item = Self::Null;
                items.iter().for_each(|node| item.add(Self::of(node)));
                Self::List(Box::new(item))
            }
            Node::Object(members) => Self::Struct(
                members
                    .iter()
                    .map(|(name, node)| (name.clone(), Self::of(node)))
                    .collect(),
            ),
        }
    }

    /// The type of a scalar; a nested value that was not parsed is text.
    pub(super) fn of_cell(cell: &Cell) -> Self {
        match cell {
            Cell::Null => Self::Null,
            Cell::Bool(_) => Self::Bool,
            Cell::Int(value) => Self::Int(*value, *value),
            Cell::Number(text) if is_float(text) => Self::Float,
            Cell::Number(_) | Cell::Text(_) | Cell::Nested(_) => Self::Text,
        }
    }

    /// The type of a field of a delimited file.
    pub(super) fn of_text(text: &str) -> Self {
        if NULL_TEXTS.contains(&text) {
            return Self::Null;
        }
        match whole_number(text) {
            Some(value) => Self::Int(value, value),
            None if boolean(text).is_some() => Self::Bool,
            None if is_plain_float(text) => Self::Float,
            None => Self::Text,
        }
    }

    /// Whether no further value can change the type.
    pub(super) fn is_final(&self) -> bool {
        *self == Self::Text
    }

    /// Widens the type to hold the values of `other`.
    pub(super) fn add(&mut self, other: Self) {
        let this = std::mem::take(self);
        *self = this.with(other);
        if self.members() > MEMBERS_MAX {
            *self = Self::Text;
        }
    }

    fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Null, any) | (any, Self::Null) => any,
            (Self::Int(a, b), Self::Int(c, d)) => Self::Int(a.min(c), b.max(d)),
            (Self::Bool, Self::Bool) => Self::Bool,
            (Self::Float, Self::Float) => Self::Float,
            (Self::Int(least, most), Self::Float) | (Self::Float, Self::Int(least, most))
                if least >= -EXACT_MAX && most <= EXACT_MAX =>
            {
                Self::Float
            }
            (Self::List(mut a), Self::List(b)) => {
                a.add(*b);
                Self::List(a)
            }
            (Self::Struct(mut ours), Self::Struct(theirs)) => {
                for (name, kind) in theirs {
                    match ours.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, known)) => known.add(kind),
                        None => ours.push((name, kind)),
                    }
                }
                Self::Struct(ours)
            }
            _ => Self::Text,
        }
    }

    fn members(&self) -> usize {
        match self {
            Self::List(item) => item.members(),
            Self::Struct(members) => members.iter().map(|(_, kind)| 1 + kind.members()).sum(),
            _ => 0,
        }
    }

    /// The Arrow type. A column without any value is text.
    pub(super) fn arrow(&self) -> DataType {
        match self {
            Self::Null | Self::Text => DataType::Utf8,
            Self::Bool => DataType::Boolean,
            Self::Int(least, most) => match (i64::try_from(*least), i64::try_from(*most)) {
                (Ok(_), Ok(_)) => DataType::Int64,
                _ if *least >= 0 => DataType::UInt64,
                _ => DataType::Utf8,
            },
            Self::Float => DataType::Float64,
            Self::List(item) => DataType::List(Arc::new(Field::new_list_field(item.arrow(), true))),
            // Parquet has no struct without members.
            Self::Struct(members) if members.is_empty() => DataType::Utf8,
            Self::Struct(members) => DataType::Struct(
                members
                    .iter()
                    .map(|(name, kind)| Field::new(name, kind.arrow(), true))
                    .collect::<Fields>(),
            ),
        }
    }
}

/// Whether `text` means "no value" in a column of another type than text.
pub(super) fn is_null_text(text: &str) -> bool {
    NULL_TEXTS.contains(&text)
}

/// Parses a 64-bit integer in its canonical spelling.
pub(super) fn whole_number(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = matches!(digits.as_bytes(), [b'1'..=b'9', ..]) || text == "0";
    if !plain || digits.len() > 20 {
        return None;
    }
    let range = i128::from(i64::MIN)..=i128::from(u64::MAX);
    text.parse().ok().filter(|number| range.contains(number))
}

/// Parses `true` or `false`, as pandas and pyarrow read and write them.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// Whether a JSON number is not an integer and fits float64.
fn is_float(text: &str) -> bool {
    text.contains(['.', 'e', 'E']) && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// Whether a field of a delimited file is a number with a fraction or an exponent, or an infinity.
fn is_plain_float(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    match digits.as_bytes() {
        b"inf" | b"Infinity" => true,
        // `00.5` and `+0.5` are codes rather than numbers.
        [b'0', b'0'..=b'9', ..] => false,
        [b'0'..=b'9' | b'.', ..] => is_float(text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_texts(texts: &[&str]) -> DataType {
        let mut kind = ColumnType::default();
        texts
            .iter()
            .for_each(|text| kind.add(ColumnType::of_text(text)));
        kind.arrow()
    }

    fn of_json(values: &[&str]) -> DataType {
        let mut kind = ColumnType::default();
        for value in values {
            let cell = Cell::of(serde_json::from_str(value).unwrap());
            kind.add(ColumnType::of(&cell.into_node()));
        }
        kind.arrow()
    }

    #[test]
    fn delimited_columns_are_numbers_if_every_value_is_one() {
        for (texts, expected) in [
            (&["1", "", "-7", "NA"][..], DataType::Int64),
            (&["1", "18446744073709551615"], DataType::UInt64),
            (&["-1", "18446744073709551615"], DataType::Utf8),
            (&["18446744073709551616"], DataType::Utf8),
            (&["0012", "7"], DataType::Utf8),
            (&["1234e5678", "7"], DataType::Utf8),
            (&["+49123"], DataType::Utf8),
            (&["-0"], DataType::Utf8),
            (&["1", "0.5", "1e-05", "inf"], DataType::Float64),
            (&["9007199254740993", "0.5"], DataType::Utf8),
            (&["00.5"], DataType::Utf8),
            (&["True", "false", ""], DataType::Boolean),
            (&["True", "1"], DataType::Utf8),
            (&["", "null"], DataType::Utf8),
            (&[], DataType::Utf8),
        ] {
            assert_eq!(of_texts(texts), expected, "{texts:?}");
        }
    }

    #[test]
    fn json_columns_keep_lists_and_objects() {
        let list = |of| DataType::List(Arc::new(Field::new_list_field(of, true)));
        assert_eq!(
            of_json(&["[1]", "null", "[0.5,null]", "[]"]),
            list(DataType::Float64)
        );
        assert_eq!(of_json(&["[[1],[]]"]), list(list(DataType::Int64)));
        let object = DataType::Struct(
            [("w", DataType::Int64), ("n", list(DataType::Utf8))]
                .map(|(name, kind)| Field::new(name, kind, true))
                .into_iter()
                .collect(),
        );
        assert_eq!(of_json(&[r#"{"w":1}"#, r#"{"n":["a"]}"#]), object);
        for mixed in [&["1", "\"a\""][..], &["[1]", "2"], &["{}"], &["true", "0"]] {
            assert_eq!(of_json(mixed), DataType::Utf8, "{mixed:?}");
        }
        let map: Vec<String> = (0..300).map(|n| format!("{{\"k{n}\":1}}")).collect();
        let map: Vec<&str> = map.iter().map(String::as_str).collect();
        assert_eq!(of_json(&map), DataType::Utf8);
    }

    #[test]
    fn the_order_of_the_values_does_not_matter() {
        let values = [
            "1",
            "9007199254740993",
            "0.5",
            "null",
            "[1]",
            "\"x\"",
            "{\"a\":1}",
        ];
        for a in values {
            for b in values {
                for c in values {
                    let kinds = [[a, b, c], [c, b, a], [b, a, c], [b, c, a]];
                    let first = of_json(&kinds[0]);
                    assert!(kinds.iter().all(|kind| of_json(kind) == first), "{kinds:?}");
                }
            }
        }
    }
}
