//! Owns the first version of the record, which had each option as the `Debug` text of its value at the
//! time. It is read and never written, and nothing here follows a change elsewhere: what these texts meant
//! does not change any more.
//!
//! Options that came after the first datasets were named only where they were not the default.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Record, RunEntry};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    runs: Vec<Run>,
    #[serde(default)]
    found: Vec<[u64; 2]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Run {
    first_shard_id: u64,
    options: BTreeMap<String, String>,
    input: String,
}

/// Reads a record of this version.
pub(super) fn parse(document: &[u8]) -> Result<Record, serde_json::Error> {
    let document: Document = serde_json::from_slice(document)?;
    let runs = document.runs.into_iter().map(|run| RunEntry {
        first_shard_id: run.first_shard_id,
        options: options(&run.options),
        input: run.input,
    });
    Ok(Record {
        runs: runs.collect(),
        found: document.found,
    })
}

/// The options in the words of the second version. A text that this version never wrote stays as it is, so
/// that no run takes it for its own.
fn options(texts: &BTreeMap<String, String>) -> BTreeMap<String, Value> {
    let mut options: BTreeMap<String, Value> = unnamed().into();
    for (name, text) in texts {
        let as_it_is = || Value::String(text.clone());
        match (name.as_str(), text.as_str()) {
            ("reencode", "Always" | "SkipIfUnchanged" | "Never") => {
                options.insert("skip_reencode".into(), (text == "SkipIfUnchanged").into());
                options.insert("disable_all_reencoding".into(), (text == "Never").into());
            }
            ("columns", text) => {
                options.insert("no_header".into(), true.into());
                options.insert("columns".into(), json_list(text).unwrap_or_else(as_it_is));
            }
            ("caption_cols", text) => {
                let list = json_list(text).unwrap_or_else(as_it_is);
                options.insert("caption_cols".into(), list);
            }
            ("quoting" | "delimiter" | "caption_separator", text) => {
                options.insert(name.clone(), text.into());
            }
            ("input_format", text) => {
                let format = input_format(text).map(Value::String);
                options.insert(name.clone(), format.unwrap_or_else(as_it_is));
            }
            ("verify_hash", text) => {
                let kind = texts.get("compute_hash").and_then(|text| value(text));
                let value = value(text).map(|column| match column {
                    Value::Null => Value::Null,
                    column => json!([column, kind]),
                });
                options.insert(name.clone(), value.unwrap_or_else(as_it_is));
            }
            // A share of all is `1`, which is the same number.
            ("sample_rate", text) => {
                let rate = text.parse::<f64>().map(Value::from);
                options.insert(name.clone(), rate.unwrap_or_else(|_| as_it_is()));
            }
            ("save_additional_columns", "[]") => {
                options.insert(name.clone(), Value::Null);
            }
            (_, text) => {
                options.insert(name.clone(), value(text).unwrap_or_else(as_it_is));
            }
        }
    }
    options
}

/// What was not named where it was the default.
fn unnamed() -> [(String, Value); 12] {
    [
        ("quoting", json!("auto")),
        ("delimiter", Value::Null),
        ("no_header", json!(false)),
        ("columns", Value::Null),
        ("explode_url", json!(false)),
        ("key_col", Value::Null),
        ("caption_cols", Value::Null),
        ("caption_separator", json!("\n")),
        ("max_rows", Value::Null),
        ("sample_rate", Value::Null),
        ("sample_seed", Value::Null),
        ("true_extension", json!(false)),
    ]
    .map(|(name, value)| (name.to_owned(), value))
}

/// `(Csv, Gzip)` is `csv.gz`.
fn input_format(text: &str) -> Option<String> {
    let pair = text.strip_prefix('(')?.strip_suffix(')')?;
    let (format, compression) = pair.split_once(", ")?;
    let known = ["Txt", "Csv", "Tsv", "Json", "Jsonl", "Parquet", "Arrow"];
    let ending = match compression {
        "None" => "",
        "Gzip" => ".gz",
        "Zstd" => ".zst",
        "Bzip2" => ".bz2",
        "Xz" => ".xz",
        _ => return None,
    };
    known
        .contains(&format)
        .then(|| format!("{}{ending}", format.to_ascii_lowercase()))
}

/// A list that was kept as JSON.
fn json_list(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().filter(Value::is_array)
}

/// What a `Debug` text says: `None`, `Some(...)`, a boolean, a number, a text in quotes, a list of texts, or
/// a word of an enumeration.
fn value(text: &str) -> Option<Value> {
    if let Some(inner) = wrapped(text, "Some") {
        return value(inner);
    }
    match text {
        "None" => return Some(Value::Null),
        "true" | "false" => return Some((text == "true").into()),
        "inf" => return Some("inf".into()),
        _ => {}
    }
    match text.as_bytes().first()? {
        b'"' => quoted(text)
            .filter(|(_, rest)| rest.is_empty())
            .map(|(text, _)| text.into()),
        b'[' => list(text),
        b'0'..=b'9' => number(text),
        _ => word(text).map(Value::from),
    }
}

fn wrapped<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let inner = text.strip_prefix(name)?.strip_prefix('(')?;
    inner.strip_suffix(')')
}

fn number(text: &str) -> Option<Value> {
    match text.parse::<u64>() {
        Ok(whole) => Some(whole.into()),
        Err(_) => text.parse::<f64>().ok().map(Value::from),
    }
}

/// The words that the first version had for what the command line calls otherwise.
fn word(text: &str) -> Option<&'static str> {
    let word = match text {
        "Files" => "files",
        "Webdataset" => "webdataset",
        "Parquet" => "parquet",
        "Tfrecord" => "tfrecord",
        "Dummy" => "dummy",
        "No" => "no",
        "Border" => "border",
        "KeepRatio" => "keep_ratio",
        "KeepRatioLargest" => "keep_ratio_largest",
        "CenterCrop" => "center_crop",
        "Nearest" => "nearest",
        "Linear" => "linear",
        "Cubic" => "cubic",
        "Area" => "area",
        "Lanczos4" => "lanczos",
        "Antialiased(Hamming)" => "hamming",
        "Antialiased(Mitchell)" => "mitchell",
        "Antialiased(CatmullRom)" => "catmullrom",
        "Antialiased(Lanczos3)" => "lanczos3",
        "Jpg" => "jpg",
        "Png" => "png",
        "Webp" => "webp",
        "Turbo" => "turbo",
        "Zune" => "zune",
        "Md5" => "md5",
        "Sha256" => "sha256",
        "Sha512" => "sha512",
        _ => return None,
    };
    Some(word)
}

fn list(text: &str) -> Option<Value> {
    let mut rest = text.strip_prefix('[')?.strip_suffix(']')?;
    let mut texts = Vec::new();
    while !rest.is_empty() {
        let (text, after) = quoted(rest)?;
        texts.push(Value::String(text));
        rest = match after.strip_prefix(", ") {
            Some(next) => next,
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(texts.into())
}

/// A text in quotes, with its escapes undone, and what comes after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut chars = text.strip_prefix('"')?.chars();
    let mut out = String::new();
    loop {
        match chars.next()? {
            '"' => return Some((out, chars.as_str())),
            '\\' => out.push(escaped(&mut chars)?),
            other => out.push(other),
        }
    }
}

/// The character behind a backslash, as Rust escapes it.
fn escaped(chars: &mut std::str::Chars) -> Option<char> {
    Some(match chars.next()? {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '0' => '\0',
        'u' => {
            let (digits, rest) = chars.as_str().strip_prefix('{')?.split_once('}')?;
            *chars = rest.chars();
            char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
        }
        other @ ('\\' | '"' | '\'') => other,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_kind_become_the_command_lines_words() {
        for (text, expected) in [
            ("None", json!(null)),
            ("Some(\"None\")", json!("None")),
            ("Some(Sha256)", json!("sha256")),
            ("true", json!(true)),
            ("256", json!(256)),
            ("18446744073709551615", json!(u64::MAX)),
            ("0.0", json!(0.0)),
            ("2.5", json!(2.5)),
            ("1e20", json!(1e20)),
            ("inf", json!("inf")),
            ("Lanczos4", json!("lanczos")),
            ("Antialiased(CatmullRom)", json!("catmullrom")),
            (
                r#""a \"b\" \\ \n\t\u{7f}é""#,
                json!("a \"b\" \\ \n\t\u{7f}é"),
            ),
            (r#"["a, b", "]", ""]"#, json!(["a, b", "]", ""])),
            ("[]", json!([])),
        ] {
            assert_eq!(value(text), Some(expected), "{text}");
        }
        for text in [
            "",
            "Words",
            "\"open",
            "\"a\" b",
            "[\"a\"",
            "[\"a\" \"b\"]",
            "[a]",
            "\"\\q\"",
            "\"\\u{110000}\"",
            "7a",
            "Some(7",
        ] {
            assert_eq!(value(text), None, "{text}");
        }
    }
}
