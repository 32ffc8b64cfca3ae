//! Owns the texts of options, given or default, and the parsers that turn one text into one value. The
//! error of a parser is what it expected. Never knows what an option means.

use std::str::FromStr;

use crate::error::Error;

use super::home;
use super::table::{Kind, OptionSpec, TABLE};

/// The text of every option, in the table's order.
pub(super) struct Values {
    texts: Vec<Text>,
}

#[derive(Default)]
struct Text {
    /// Empty if the default applies.
    given: Vec<String>,
}

impl Values {
    pub(super) fn defaults() -> Self {
        Self {
            texts: TABLE.iter().map(|_| Text::default()).collect(),
        }
    }

    /// Stores `text` for `spec`. The last one counts, but a repeatable option keeps all.
    pub(super) fn give(&mut self, spec: &OptionSpec, text: String) {
        let slot = &mut self.texts[position(spec.name)].given;
        if !spec.repeatable {
            slot.clear();
        }
        slot.push(text);
    }

    pub(super) fn is_given(&self, name: &str) -> bool {
        !self.texts[position(name)].given.is_empty()
    }

    /// Parses the value of `name`.
    pub(super) fn read<T>(
        &self,
        name: &str,
        reader: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Error> {
        let at = position(name);
        let text = self.texts[at]
            .given
            .last()
            .map_or(TABLE[at].default, String::as_str);
        read_by_kind(name, TABLE[at].kind, text, &reader)
    }

    /// Every text given for `name`, for texts that may contain commas: a text in brackets is a list,
    /// and any other is not split. An error does not repeat the text.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, Error> {
        let mut all = Vec::new();
        for text in &self.texts[position(name)].given {
            let text = text.trim();
            if is_none(text) {
                continue;
            }
            if !text.starts_with('[') {
                all.push(unquote(text).to_owned());
                continue;
            }
            let listed = list(text).map_err(|expected| {
                Error::usage(
                    format!("`--{name}` does not take the list it is given"),
                    format!("expected {expected}"),
                )
            });
            all.extend(listed?);
        }
        Ok(all)
    }

    /// Parses `name` as a list, each part with `reader`; every repetition adds its parts.
    pub(super) fn read_list<T>(
        &self,
        name: &str,
        reader: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, Error> {
        let at = position(name);
        let mut all = Vec::new();
        let default = [TABLE[at].default.to_owned()];
        let given = &self.texts[at].given;
        for text in if given.is_empty() {
            &default[..]
        } else {
            given
        } {
            for part in read_text(name, text, &list)? {
                all.push(read_text(name, &part, &reader)?);
            }
        }
        Ok(all)
    }
}

/// The index of `name` in the table. The names come from the code, never from a user.
fn position(name: &str) -> usize {
    TABLE
        .iter()
        .position(|spec| spec.name == name)
        .expect("an option of the table")
}

pub(super) fn read_text<T>(
    name: &str,
    text: &str,
    reader: &impl Fn(&str) -> Result<T, String>,
) -> Result<T, Error> {
    reader(text).map_err(|expected| {
        Error::usage(
            format!("`--{name}` does not take `{}`", text.escape_debug()),
            format!("expected {expected}"),
        )
    })
}

/// Parses a value of this kind: `~` at the start of a path is HOME.
pub(super) fn read_by_kind<T>(
    name: &str,
    kind: Kind,
    text: &str,
    reader: &impl Fn(&str) -> Result<T, String>,
) -> Result<T, Error> {
    if kind != Kind::Path || !unquote(text).starts_with('~') {
        return read_text(name, text, reader);
    }
    read_text(name, text, &|text| reader(&home::expand(unquote(text))?))
}

/// Whether a text means `None`, in its usual spellings.
pub(super) fn is_none(text: &str) -> bool {
    matches!(text, "None" | "none" | "null")
}

/// `None`, or what `reader` parses.
pub(super) fn optional<T>(
    reader: impl Fn(&str) -> Result<T, String>,
) -> impl Fn(&str) -> Result<Option<T>, String> {
    move |text| {
        if is_none(text) {
            return Ok(None);
        }
        reader(text)
            .map(Some)
            .map_err(|expected| format!("{expected}, or None"))
    }
}

/// Non-empty text; a pair of quotes around it is dropped.
pub(super) fn text(text: &str) -> Result<String, String> {
    let inner = unquote(text);
    if inner.is_empty() {
        Err("some text".to_owned())
    } else {
        Ok(inner.to_owned())
    }
}

/// `True` or `False`.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "True" | "true" | "1" => Ok(true),
        "False" | "false" | "0" => Ok(false),
        _ => Err("True or False".to_owned()),
    }
}

/// An integer from `least` to `most`; underscores between digits are allowed, as in Python.
pub(super) fn integer<T>(least: u64, most: u64) -> impl Fn(&str) -> Result<T, String>
where
    T: TryFrom<u64>,
{
    move |text| {
        let digits = text.replace('_', "");
        u64::from_str(&digits)
            .ok()
            .filter(|number| (least..=most).contains(number))
            .and_then(|number| T::try_from(number).ok())
            .ok_or_else(|| {
                if most == u64::MAX || most == u64::from(u32::MAX) {
                    format!("a whole number, at least {least}")
                } else {
                    format!("a whole number from {least} to {most}")
                }
            })
    }
}

/// A number of at least `least`, or `inf`.
pub(super) fn number(least: f64) -> impl Fn(&str) -> Result<f64, String> {
    move |text| {
        f64::from_str(text)
            .ok()
            .filter(|number| *number >= least)
            .ok_or_else(|| format!("a number, at least {least}"))
    }
}

/// One of `words`, each with its value. The first word of a value is the documented one.
pub(super) fn choice<T: Copy>(words: &[(&str, T)]) -> impl Fn(&str) -> Result<T, String> {
    move |text| {
        let text = unquote(text);
        words
            .iter()
            .find(|(word, _)| *word == text)
            .map(|(_, value)| *value)
            .ok_or_else(|| {
                let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                format!("one of {}", names.join(", "))
            })
    }
}

/// A list as JSON, as Python writes it (also a tuple, also without quotes), or plain `a,b`.
/// `None` is the empty list.
pub(super) fn list(text: &str) -> Result<Vec<String>, String> {
    let text = text.trim();
    if is_none(text) {
        return Ok(Vec::new());
    }
    let expected = || r#"a list such as ["a","b"]"#.to_owned();
    let inner = match (text.chars().next(), text.chars().last()) {
        (Some('['), Some(']')) | (Some('('), Some(')')) if text.len() >= 2 => {
            &text[1..text.len() - 1]
        }
        // `[2001:db8::1]:53` begins like a list but is none; `[a` is an unclosed list.
        (Some('['), _) if !text.contains(']') => return Err(expected()),
        (Some('('), _) if !text.contains(')') => return Err(expected()),
        (None, _) => return Err(expected()),
        _ => text,
    };
    let mut parts = split_outside_quotes(inner).ok_or_else(expected)?;
    // Python allows a comma after the last part, and the empty list has no parts.
    if parts.last().is_some_and(String::is_empty) {
        parts.pop();
    }
    if parts.iter().any(String::is_empty) {
        return Err(expected());
    }
    Ok(parts)
}

/// Splits at commas outside quotes and drops the quotes; `None` if a quote stays open. A backslash
/// escapes the next character.
fn split_outside_quotes(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut open: Option<char> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match open {
            Some(_) if c == '\\' => part.push(chars.next()?),
            Some(quote) if c == quote => open = None,
            Some(_) => part.push(c),
            None if matches!(c, '"' | '\'') && part.trim().is_empty() => {
                part.clear();
                open = Some(c);
            }
            None if c == ',' => parts.push(std::mem::take(&mut part).trim().to_owned()),
            None => part.push(c),
        }
    }
    parts.push(part.trim().to_owned());
    open.is_none().then_some(parts)
}

fn unquote(text: &str) -> &str {
    for quote in ['"', '\''] {
        if let Some(inner) = text
            .strip_prefix(quote)
            .and_then(|rest| rest.strip_suffix(quote))
        {
            return inner;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_may_be_json_python_a_tuple_or_plain() {
        for text in [
            r#"["a","b c"]"#,
            "['a', 'b c']",
            "('a','b c',)",
            "[a,b c]",
            "a,b c",
        ] {
            assert_eq!(list(text).unwrap(), ["a", "b c"], "{text}");
        }
        assert_eq!(list(r#"["a,b"]"#).unwrap(), ["a,b"]);
        assert!(list("[]").unwrap().is_empty());
        assert!(list("None").unwrap().is_empty());
    }

    #[test]
    fn a_broken_list_is_refused() {
        for text in ["[", "[a", "(a", r#"["a]"#, "[a,,b]", ""] {
            assert!(list(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_know_their_range() {
        assert_eq!(integer::<u32>(1, 10)("7"), Ok(7));
        assert_eq!(integer::<u32>(1, 100_000)("10_000"), Ok(10_000));
        assert!(integer::<u32>(1, 10)("0").is_err());
        assert!(integer::<u32>(0, 10)("-1").is_err());
        assert_eq!(number(0.0)("inf"), Ok(f64::INFINITY));
        assert!(number(0.0)("nan").is_err());
    }
}
