//! Owns the values of JSON records. Numbers keep their spelling, and nested values stay text until the
//! type of their column is known. Never rounds: no integer becomes a float here.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Deepest nesting of lists and objects; deeper values are kept as text.
const DEPTH_MAX: u32 = 32;

/// One value of a record.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Null,
    Bool(bool),
    /// A whole number of 64 bits, with or without a sign.
    Int(i128),
    /// Any other number, as written.
    Number(String),
    Text(String),
    /// A list or an object, as JSON text.
    Nested(String),
}

/// A parsed value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Node {
    Cell(Cell),
    List(Vec<Node>),
    /// Members in order; of equal names, the last value.
    Object(Vec<(String, Node)>),
}

impl Cell {
    /// Reads one value.
    pub(super) fn of(raw: &RawValue) -> Self {
        let text = raw.get();
        match text.as_bytes().first() {
            Some(b'"') => serde_json::from_str(text).map_or(Self::Null, Self::Text),
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'[' | b'{') => Self::Nested(text.to_owned()),
            Some(b'-' | b'0'..=b'9') => number(text),
            _ => Self::Null,
        }
    }

    /// The value as text: a string itself, anything else as it is written.
    pub(super) fn into_text(self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(value.to_string()),
            Self::Int(value) => Some(value.to_string()),
            Self::Number(text) | Self::Text(text) | Self::Nested(text) => Some(text),
        }
    }

    /// Parses nested values; those that are too deep stay text.
    pub(super) fn into_node(self) -> Node {
        match self {
            Self::Nested(text) => parse(&text, 0).unwrap_or(Node::Cell(Self::Nested(text))),
            cell => Node::Cell(cell),
        }
    }
}

fn number(text: &str) -> Cell {
    match text.parse::<i128>() {
        Ok(whole) if (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&whole) => {
            Cell::Int(whole)
        }
        _ => Cell::Number(text.to_owned()),
    }
}

fn parse(text: &str, depth: u32) -> Option<Node> {
    if depth == DEPTH_MAX {
        return None;
    }
    let below = |raw: &RawValue| match Cell::of(raw) {
        Cell::Nested(text) => parse(&text, depth + 1),
        cell => Some(Node::Cell(cell)),
    };
    if text.starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
        return items
            .into_iter()
            .map(below)
            .collect::<Option<_>>()
            .map(Node::List);
    }
    let members = members(text)?;
    let parsed = members
        .into_iter()
        .map(|(name, raw)| Some((name.into_owned(), below(raw)?)));
    parsed.collect::<Option<_>>().map(Node::Object)
}

/// Names and values of an object in order; of equal names, the last value counts.
pub(super) fn members(text: &str) -> Option<Vec<(Cow<'_, str>, &RawValue)>> {
    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members: Self::Value = Vec::new();
            while let Some(name) = map.next_key::<String>()? {
                members.push((Cow::Owned(name), map.next_value()?));
            }
            Ok(last_of_equals(members))
        }
    }

    let mut json = serde_json::Deserializer::from_str(text);
    let members = json.deserialize_map(Members).ok()?;
    json.end().ok()?;
    Some(members)
}

/// Each name once: at its first position, with its last value.
fn last_of_equals<'a>(
    members: Vec<(Cow<'a, str>, &'a RawValue)>,
) -> Vec<(Cow<'a, str>, &'a RawValue)> {
    let mut places: HashMap<Cow<'a, str>, usize> = HashMap::with_capacity(members.len());
    let mut kept: Vec<(Cow<'a, str>, &'a RawValue)> = Vec::with_capacity(members.len());
    for (name, value) in members {
        match places.get(&name) {
            Some(&at) => kept[at].1 = value,
            None => {
                places.insert(name.clone(), kept.len());
                kept.push((name, value));
            }
        }
    }
    kept
}

/// Replaces `NaN`, `Infinity` and `-Infinity`, which Python writes but JSON does not have (RFC 8259,
/// section 6), by null. `None` if there are none outside strings.
pub(super) fn without_nan(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut replaced = false;
    let mut rest = text;
    while let Some(at) = rest.find(['"', 'N', 'I', '-']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let word = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|word| from.starts_with(word));
        let taken = match word {
            Some(word) => {
                out.push_str("null");
                replaced = true;
                rest = &from[word.len()..];
                continue;
            }
            None if from.starts_with('"') => string_length(from),
            None => 1,
        };
        out.push_str(&from[..taken]);
        rest = &from[taken..];
    }
    out.push_str(rest);
    replaced.then_some(out)
}

/// Bytes of the string that `text` begins with, including its quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> Cell {
        Cell::of(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn numbers_keep_every_digit() {
        assert_eq!(cell("7"), Cell::Int(7));
        assert_eq!(cell("-9223372036854775808"), Cell::Int(i64::MIN.into()));
        assert_eq!(cell("18446744073709551615"), Cell::Int(u64::MAX.into()));
        for text in [
            "18446744073709551616",
            "0.10",
            "1e3",
            "-9223372036854775809",
        ] {
            assert_eq!(cell(text), Cell::Number(text.to_owned()));
        }
    }

    #[test]
    fn nested_values_are_parsed_and_the_last_of_equal_names_counts() {
        let int = |n| Node::Cell(Cell::Int(n));
        assert_eq!(
            cell(r#"{"a":[1,{"b":2}],"c":1,"c":3}"#).into_node(),
            Node::Object(vec![
                (
                    "a".to_owned(),
                    Node::List(vec![int(1), Node::Object(vec![("b".to_owned(), int(2))])])
                ),
                ("c".to_owned(), int(3)),
            ])
        );
        let deep = "[".repeat(100) + &"]".repeat(100);
        assert_eq!(
            Cell::Nested(deep.clone()).into_node(),
            Node::Cell(Cell::Nested(deep))
        );
    }

    #[test]
    fn pythons_nan_and_infinity_are_null_outside_strings() {
        assert_eq!(
            without_nan(r#"{"a":NaN,"b":[-Infinity,Infinity,-1],"NaN":"Infinity \" NaN"}"#)
                .as_deref(),
            Some(r#"{"a":null,"b":[null,null,-1],"NaN":"Infinity \" NaN"}"#)
        );
        assert_eq!(without_nan(r#"{"a":-1,"b":"NaN"}"#), None);
        assert_eq!(without_nan("\"open NaN"), None);
    }
}
