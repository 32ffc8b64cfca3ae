//! Owns printing EXIF values like Python, since img2dataset's users parse them. Never reads a file.

/// The value of a field.
pub(super) enum Value {
    Text(String),
    /// Text that is not UTF-8.
    Bytes(Vec<u8>),
    Numbers(Vec<Number>),
}

/// One number of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Integer(i64),
    /// Reduced with a positive denominator; unreduced if the denominator is zero.
    Ratio(i64, i64),
    Float(f64),
}

/// Numbers shown of a long list.
const SHOWN_OF_LONG: usize = 20;
/// Least count of a long list.
const LONG: u32 = 51;

impl Number {
    /// A reduced fraction.
    pub(super) fn ratio(above: i64, below: i64) -> Self {
        if below == 0 {
            return Self::Ratio(above, 0);
        }
        let divisor = gcd(above.abs(), below.abs()) * below.signum();
        Self::Ratio(above / divisor, below / divisor)
    }

    fn print(self) -> String {
        match self {
            Self::Integer(value) | Self::Ratio(value, 1) => value.to_string(),
            Self::Ratio(above, below) => format!("{above}/{below}"),
            // img2dataset's reader keeps a float in a tuple of one.
            Self::Float(value) => format!("({},)", float(value)),
        }
    }

    fn integer(self) -> Option<i64> {
        match self {
            Self::Integer(value) | Self::Ratio(value, 1) => Some(value),
            Self::Ratio(..) | Self::Float(_) => None,
        }
    }
}

impl Value {
    /// The first number, which may be the offset of a directory.
    pub(super) fn first(&self) -> Option<Number> {
        match self {
            Self::Numbers(numbers) => numbers.first().copied(),
            // Text is not an offset, but not empty either.
            Self::Text(text) => (!text.is_empty()).then_some(Number::Float(0.0)),
            Self::Bytes(bytes) => bytes.first().map(|&byte| Number::Integer(byte.into())),
        }
    }
}

/// A value as numbers or text: a single number as is, several in brackets, long lists shortened.
pub(super) fn plain(value: &Value, ascii: bool, count: u32) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) if count >= LONG && bytes.len() > SHOWN_OF_LONG => {
            cut_short(&bytes_literal(&bytes[..SHOWN_OF_LONG]))
        }
        Value::Bytes(bytes) => bytes_literal(bytes),
        Value::Numbers(numbers) => match numbers.as_slice() {
            [single] if count == 1 && !ascii => single.print(),
            long if count >= LONG && long.len() > SHOWN_OF_LONG => {
                cut_short(&list(&long[..SHOWN_OF_LONG]))
            }
            all => list(all),
        },
    }
}

/// A value as the characters of its numbers, without those that are not printable.
pub(super) fn characters(value: &Value) -> String {
    let printable = |code: i64| {
        u8::try_from(code)
            .ok()
            .filter(|&code| code >= 32)
            .map(char::from)
    };
    let (text, fallback) = match value {
        Value::Text(text) => (String::new(), text.clone()),
        Value::Bytes(bytes) => (
            bytes
                .iter()
                .filter_map(|&byte| printable(byte.into()))
                .collect(),
            bytes_literal(bytes),
        ),
        Value::Numbers(numbers) => {
            let text = numbers.iter().filter_map(|number| match number {
                Number::Integer(code) => printable(*code),
                _ => None,
            });
            (text.collect(), digits(numbers))
        }
    };
    let chosen: String = if text.is_empty() { fallback } else { text };
    chosen.trim_matches([' ', '\0']).to_owned()
}

/// The numbers concatenated; empty if all are zero.
fn digits(numbers: &[Number]) -> String {
    let joined: String = numbers.iter().map(|number| number.print()).collect();
    if joined.bytes().all(|digit| digit == b'0') {
        String::new()
    } else {
        joined
    }
}

/// A value as the names of its numbers; numbers without a name are printed.
pub(super) fn meanings(value: &Value, names: &[(i64, &str)]) -> String {
    let name = |number: Number| {
        let known = number
            .integer()
            .and_then(|id| names.iter().find(|(known, _)| *known == id));
        known.map_or_else(|| number.print(), |(_, name)| (*name).to_owned())
    };
    match value {
        Value::Text(text) => text.chars().map(letter_literal).collect(),
        Value::Bytes(bytes) => bytes
            .iter()
            .map(|&byte| name(Number::Integer(byte.into())))
            .collect(),
        Value::Numbers(numbers) => numbers.iter().map(|&number| name(number)).collect(),
    }
}

fn list(numbers: &[Number]) -> String {
    let printed: Vec<String> = numbers.iter().map(|number| number.print()).collect();
    format!("[{}]", printed.join(", "))
}

/// Replaces the closing character by an ellipsis.
fn cut_short(printed: &str) -> String {
    format!("{}, ... ]", &printed[..printed.len() - 1])
}

fn bytes_literal(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') {
        '"'
    } else {
        '\''
    };
    let mut text = format!("b{quote}");
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'\t' => text.push_str("\\t"),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\'' if quote == '\'' => text.push_str("\\'"),
            32..=126 => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push(quote);
    text
}

/// A string literal of one character, escaped if it is not printable.
fn letter_literal(letter: char) -> String {
    let code = u32::from(letter);
    // The standard library escapes a combining character only at the start of a text.
    let hidden = || format!("a{letter}").escape_debug().count() > 2;
    match letter {
        '\'' => "\"'\"".to_owned(),
        '"' => "'\"'".to_owned(),
        '\\' => "'\\\\'".to_owned(),
        '\t' => "'\\t'".to_owned(),
        '\n' => "'\\n'".to_owned(),
        '\r' => "'\\r'".to_owned(),
        _ if !hidden() => format!("'{letter}'"),
        _ if code < 0x100 => format!("'\\x{code:02x}'"),
        _ if code < 0x1_0000 => format!("'\\u{code:04x}'"),
        _ => format!("'\\U{code:08x}'"),
    }
}

/// The shortest decimal form that parses back, with an exponent outside 1e-4 to 1e16.
fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    let size = value.abs();
    if size.is_infinite() || size == 0.0 {
        return format!("{value:?}");
    }
    let short = shortest(value);
    let (digits, exponent) = short.split_once('e').unwrap_or((&short, "0"));
    if (1e-4..1e16).contains(&size) {
        let behind_the_point = digits.trim_start_matches('-').len().saturating_sub(2) as i64;
        let places = behind_the_point - exponent.parse().unwrap_or(0);
        return format!("{value:.*}", places.max(1) as usize);
    }
    let (sign, exponent) = exponent
        .strip_prefix('-')
        .map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

/// The shortest digits with an exponent. Of two equally near ones it takes the one with an even last digit,
/// which the standard library does not.
fn shortest(value: f64) -> String {
    let short = format!("{value:e}");
    let mantissa = short.split('e').next().unwrap_or_default();
    let places = mantissa.trim_start_matches('-').len().saturating_sub(2);
    let even = format!("{value:.places$e}");
    if even.parse() == Ok(value) {
        even
    } else {
        short
    }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_as_python_prints_them() {
        assert_eq!(Number::ratio(-6, 4).print(), "-3/2");
        assert_eq!(Number::ratio(6, -3).print(), "-2");
        assert_eq!(Number::ratio(0, 7).print(), "0");
        assert_eq!(float(1e-5), "1e-05");
        assert_eq!(float(1e16), "1e+16");
        assert_eq!(float(0.5), "0.5");
        assert_eq!(float(-120.0), "-120.0");
        assert_eq!(float(0.00025), "0.00025");
        assert_eq!(float(1234567890123456.0), "1234567890123456.0");
        let tie = 2_974_728_504_897_217.0 / 4.0;
        assert_eq!(float(tie), "743682126224304.2");
        assert_eq!(bytes_literal(b"a'\xFF\0"), "b\"a'\\xff\\x00\"");
    }

    #[test]
    fn letters_that_cannot_be_shown_are_escaped() {
        let text = Value::Text("a\u{2}\n'\u{85}\u{301}\u{2028}".to_owned());
        let expected = "'a''\\x02''\\n'\"'\"'\\x85''\u{301}''\\u2028'";
        assert_eq!(meanings(&text, &[]), expected);
    }

    #[test]
    fn long_lists_show_twenty_numbers() {
        let numbers = Value::Numbers(vec![Number::Integer(7); 60]);
        let text = plain(&numbers, false, 60);
        assert!(text.starts_with("[7, 7") && text.ends_with("7, ... ]"));
        assert_eq!(text.matches('7').count(), 20);
    }

    #[test]
    fn characters_of_zeros_are_nothing() {
        assert_eq!(characters(&Value::Numbers(vec![Number::Integer(0); 4])), "");
        let version = b"0230".map(|digit| Number::Integer(digit.into()));
        assert_eq!(characters(&Value::Numbers(version.to_vec())), "0230");
    }
}
