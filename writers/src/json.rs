//! Owns the JSON of samples and stats, formatted like Python's `json.dumps(value, indent=4)`: ASCII only,
//! floats as by `repr`, except that NaN and infinities, which are not JSON (RFC 8259), become null. Binary
//! becomes padded base64 (RFC 4648). Never parses.

use std::borrow::Cow;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::value::Value;

/// The JSON text of a value.
pub(crate) fn to_bytes(value: &Value<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    write_value(&mut out, value, 0);
    out
}

/// A value as plain text, for captions and text features: strings unchanged, null empty, binary in base64,
/// booleans as in Python, everything else as JSON.
pub(crate) fn plain_text<'a>(value: &'a Value<'a>) -> Cow<'a, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::Bool(true) => Cow::Borrowed("True"),
        Value::Bool(false) => Cow::Borrowed("False"),
        Value::Float(number) => Cow::Owned(float_repr(*number)),
        Value::Text(text) => Cow::Borrowed(text),
        Value::Bytes(bytes) => Cow::Owned(BASE64.encode(bytes)),
        // This JSON is ASCII, so nothing is lost.
        other => Cow::Owned(String::from_utf8_lossy(&to_bytes(other)).into_owned()),
    }
}

fn write_value(out: &mut Vec<u8>, value: &Value<'_>, depth: usize) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Int(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::UInt(number) => out.extend_from_slice(number.to_string().as_bytes()),
        Value::Float(number) if number.is_finite() => {
            out.extend_from_slice(float_repr(*number).as_bytes());
        }
        Value::Float(_) => out.extend_from_slice(b"null"),
        Value::Text(text) => write_string(out, text),
        Value::Bytes(bytes) => write_string(out, &BASE64.encode(bytes)),
        Value::List(items) => write_block(out, *b"[]", items, depth, |out, item| {
            write_value(out, item, depth + 1);
        }),
        Value::Object(members) => write_block(out, *b"{}", members, depth, |out, (name, item)| {
            write_string(out, name);
            out.extend_from_slice(b": ");
            write_value(out, item, depth + 1);
        }),
    }
}

/// Writes a list or object: one item per line, four spaces per level; nothing between the brackets of an
/// empty one.
fn write_block<T>(
    out: &mut Vec<u8>,
    brackets: [u8; 2],
    items: &[T],
    depth: usize,
    mut write_item: impl FnMut(&mut Vec<u8>, &T),
) {
    out.push(brackets[0]);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        new_line(out, depth + 1);
        write_item(out, item);
    }
    if !items.is_empty() {
        new_line(out, depth);
    }
    out.push(brackets[1]);
}

fn new_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.resize(out.len() + 4 * depth, b' ');
}

fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(needs_escape) {
        // `at` is a character boundary: the bytes before it are ASCII.
        let (plain, escaped) = rest.split_at(at);
        out.extend_from_slice(plain.as_bytes());
        let mut chars = escaped.chars();
        if let Some(c) = chars.next() {
            write_escaped(out, c);
        }
        rest = chars.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
    out.push(b'"');
}

/// Whether a character that begins with `byte` must be escaped.
fn needs_escape(byte: u8) -> bool {
    !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\')
}

fn write_escaped(out: &mut Vec<u8>, c: char) {
    match c {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a Vec cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
}

/// Formats like Python's `repr(float)`: the shortest digits that parse to the same number; scientific below
/// 1e-4 and from 1e16 on, with a sign and at least two digits in the exponent.
pub(crate) fn float_repr(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    if number == 0.0 || (1e-4..1e16).contains(&number.abs()) {
        return format!("{number:?}");
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let (sign, exponent) = exponent
        .strip_prefix('-')
        .map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &Value<'_>) -> String {
        String::from_utf8(to_bytes(value)).unwrap()
    }

    #[test]
    fn an_object_is_laid_out_as_python_does_with_indent_4() {
        let value = Value::Object(vec![
            ("a", Value::Null),
            (
                "b",
                Value::List(vec![
                    Value::Int(1),
                    Value::Object(vec![("c", Value::Bool(true))]),
                ]),
            ),
            ("d", Value::List(vec![])),
            ("e", Value::Object(vec![])),
        ]);
        let expected = "{\n    \"a\": null,\n    \"b\": [\n        1,\n        {\n            \"c\": true\n        }\n    ],\n    \"d\": [],\n    \"e\": {}\n}";
        assert_eq!(text(&value), expected);
    }

    #[test]
    fn text_is_escaped_to_ascii() {
        let value = Value::Text("\"\\\n\r\t\u{8}\u{c}\0\u{7f}é\u{1f600}/".into());
        assert_eq!(
            text(&value),
            r#""\"\\\n\r\t\b\f\u0000\u007f\u00e9\ud83d\ude00/""#
        );
    }

    #[test]
    fn floats_are_written_as_pythons_repr() {
        for (number, expected) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (-1.5e-7, "-1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.234_567_890_123_456_8e17, "1.2345678901234568e+17"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
        ] {
            assert_eq!(float_repr(number), expected);
        }
    }

    #[test]
    fn what_is_no_json_number_is_null() {
        let value = Value::List(vec![Value::Float(f64::NAN), Value::Float(f64::INFINITY)]);
        assert_eq!(text(&value), "[\n    null,\n    null\n]");
    }

    #[test]
    fn integers_keep_all_their_digits() {
        assert_eq!(text(&Value::UInt(u64::MAX)), "18446744073709551615");
        assert_eq!(text(&Value::Int(i64::MIN)), "-9223372036854775808");
    }

    #[test]
    fn binary_is_base64() {
        assert_eq!(text(&Value::Bytes(b"\xff\xfe\xfd\x00")), "\"//79AA==\"");
    }

    #[test]
    fn plain_text_of_scalars_is_pythons_str() {
        assert_eq!(plain_text(&Value::Null), "");
        assert_eq!(plain_text(&Value::Bool(true)), "True");
        assert_eq!(plain_text(&Value::Float(1e16)), "1e+16");
        assert_eq!(plain_text(&Value::Int(-3)), "-3");
        assert_eq!(plain_text(&Value::Text("naïve".into())), "naïve");
    }
}
