//! Owns the validation of keys (`--key_col`), and the keys of one shard's rows: every valid text, each once.
//! Never alters a text: a key is used as the list has it, or not at all.
//!
//! A key becomes the first part of file and member names, `KEY.jpg`: webdataset ends it at the first dot, file
//! systems refuse or reinterpret some characters and names, and some are case-insensitive. A leading hyphen is
//! allowed: one in 64 YouTube and base64 identifiers begins with one, readers accept it, and a path that
//! includes a folder is not mistaken for a command's option.

use std::collections::HashSet;

use arrow_array::{Array, StringArray};

use crate::failure::Failure;

/// Maximum length of a key, bytes: a SHA-512 in hex.
const KEY_BYTES_MAX: usize = 128;
/// Characters that end a key for webdataset, separate path components or are refused by file systems.
const FORBIDDEN: [char; 10] = ['.', '/', '\\', ':', '*', '?', '"', '<', '>', '|'];
/// Webdataset reserves names with this prefix (`__key__`, `__url__`).
const RESERVED_PREFIX: &str = "__";
/// Device names on Windows, whatever follows the first dot; COM and LPT with a digit are device names too.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Whether `key` is a valid name for a sample.
pub(crate) fn is_valid(key: &str) -> bool {
    let fits = |c: char| {
        // U+FFFD replaces bytes that were not UTF-8: the name in the list is unknown. U+2028 and U+2029 end
        // lines.
        !c.is_control()
            && !FORBIDDEN.contains(&c)
            && !matches!(c, char::REPLACEMENT_CHARACTER | '\u{2028}' | '\u{2029}')
    };
    (1..=KEY_BYTES_MAX).contains(&key.len())
        && key.chars().all(fits)
        && key.trim() == key
        && !key.starts_with(RESERVED_PREFIX)
        && !is_device(key)
}

fn is_device(key: &str) -> bool {
    let folded = folded(key);
    let numbered = ["com", "lpt"].iter().any(|name| {
        let rest = folded.strip_prefix(name).map(str::chars);
        let digit = rest.and_then(|mut rest| rest.next().filter(|_| rest.next().is_none()));
        digit.is_some_and(|c| matches!(c, '0'..='9' | '¹' | '²' | '³'))
    });
    numbered || DEVICES.contains(&&*folded)
}

/// Folds the case of a key: keys that are the same name on a case-insensitive file system fold to the same
/// text. Converts to upper case first, which unifies letters with two lower-case forms.
pub(crate) fn folded(key: &str) -> String {
    if key.is_ascii() {
        return key.to_ascii_lowercase();
    }
    let upper = key.chars().flat_map(char::to_uppercase);
    upper.flat_map(char::to_lowercase).collect()
}

/// The keys of a shard's rows.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    /// Null if a row has none.
    names: StringArray,
    /// Rows whose key repeats an earlier row's.
    duplicates: HashSet<usize>,
}

impl Keys {
    /// Validates a column of a shard; of equal keys, the first is kept.
    pub(super) fn new(column: &StringArray) -> Self {
        let mut seen = HashSet::with_capacity(column.len());
        let mut duplicates = HashSet::new();
        let judged = column.iter().enumerate().map(|(row, text)| {
            let valid = text.filter(|text| is_valid(text))?;
            let first = seen.insert(folded(valid));
            if !first {
                duplicates.insert(row);
            }
            text.filter(|_| first)
        });
        let names = judged.collect();
        Self { names, duplicates }
    }

    /// The key of `row`, or why it cannot have a sample.
    pub(super) fn of(&self, row: usize) -> Result<&str, Failure> {
        if self.names.is_valid(row) {
            Ok(self.names.value(row))
        } else if self.duplicates.contains(&row) {
            Err(Failure::DuplicateKey)
        } else {
            Err(Failure::InvalidKey)
        }
    }

    /// The keys by row, null if a row cannot have a sample.
    pub(super) const fn names(&self) -> &StringArray {
        &self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_every_reader_and_file_system_takes_are_keys() {
        let long = "f".repeat(128);
        for key in [
            "0",
            "0012",
            "-dQw4w9WgXcQ",
            "_a",
            "a__",
            "a b",
            "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
            "Zürich",
            "日本",
            "👩‍🚀",
            "a=b&c,d;e+f@g#h%i~j(k)[l]{m}!$'^`",
            "console",
            "com",
            "com10",
            "null",
            &long,
        ] {
            assert!(is_valid(key), "{key}");
        }
    }

    #[test]
    fn what_breaks_a_reader_or_a_file_system_is_none() {
        let long = "f".repeat(129);
        let wide = "日".repeat(43);
        let mut texts: Vec<String> = FORBIDDEN.iter().map(|c| format!("a{c}b")).collect();
        let others = [
            "",
            " ",
            " a",
            "a ",
            "a\u{a0}",
            "\u{3000}a",
            "a\tb",
            "a\nb",
            "a\0",
            "\u{7f}",
            "\u{85}x",
            "\u{9b}31m",
            "\u{1b}[31m",
            "a\u{2028}b",
            "a\u{2029}b",
            "caf\u{fffd}",
            ".",
            "..",
            "...",
            ".hidden",
            "a.jpg",
            "../a",
            "/a",
            "C:",
            "__a",
            "__",
            "__key__",
            "CON",
            "con",
            "Nul",
            "aux",
            "PRN",
            "COM1",
            "lpt9",
            "com0",
            "COM²",
        ];
        texts.extend(others.map(str::to_owned));
        for key in texts.iter().chain([&long, &wide]) {
            assert!(!is_valid(key), "{key:?}");
        }
    }

    #[test]
    fn keys_that_differ_in_case_alone_are_one() {
        for (one, other) in [
            ("ABC", "abc"),
            ("ÀÉ", "àé"),
            ("Straße", "STRASSE"),
            ("ΟΔΟΣ", "οδος"),
            ("\u{212a}", "k"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        assert_ne!(folded("a b"), folded("ab"));
    }

    #[test]
    fn the_first_of_equal_keys_counts_and_an_invalid_one_takes_no_place() {
        let column = StringArray::from(vec![
            Some("a"),
            Some("a.b"),
            Some("A"),
            None,
            Some("b"),
            Some("a.b"),
            Some("a"),
        ]);
        let keys = Keys::new(&column);
        let found: Vec<_> = (0..column.len()).map(|row| keys.of(row)).collect();
        let (invalid, duplicate) = (Err(Failure::InvalidKey), Err(Failure::DuplicateKey));
        assert_eq!(
            found,
            [
                Ok("a"),
                invalid,
                duplicate,
                invalid,
                Ok("b"),
                invalid,
                duplicate
            ]
        );
        let names: Vec<_> = keys.names().iter().collect();
        assert_eq!(names, [Some("a"), None, None, None, Some("b"), None, None]);
    }
}
