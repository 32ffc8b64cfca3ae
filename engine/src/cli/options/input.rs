//! Owns the options of the URL list: turns their texts into a checked [`InputConfig`]. [`crate::list`]
//! refuses options that do not fit the list's format. Never touches a file.

use turbo2ds_writers::Column;

use crate::config::{
    Dialect, HashKind, InputConfig, InputFormat, Location, Sample, StorageConfig, choices,
};
use crate::error::Error;
use crate::list::format_of;

use super::check::location;
use super::value::{Values, boolean, choice, integer, optional, text};

/// Reads the options of the list.
pub(super) fn input(
    v: &Values,
    hash: Option<HashKind>,
    storage: &StorageConfig,
) -> Result<InputConfig, Error> {
    if !v.is_given("url_list") {
        return Err(Error::usage(
            "no URL list is given",
            "write `turbo2ds URL_LIST [--option value]...`; `turbo2ds --help` lists the options",
        ));
    }
    let config = InputConfig {
        url_list: url_list(v)?,
        storage: storage.clone(),
        format: v.read("input_format", optional(input_format))?,
        dialect: dialect(v)?,
        url_col: v.read("url_col", text)?,
        explode_url: v.read("explode_url", boolean)?,
        caption_col: v.read("caption_col", optional(text))?,
        caption_cols: v.read_list("caption_cols", text)?,
        caption_separator: v.read("caption_separator", separator)?,
        save_additional_columns: v.read_list("save_additional_columns", text)?,
        bbox_col: v.read("bbox_col", optional(text))?,
        verify_hash_col: verify_hash(v, hash)?,
        key_col: v.read("key_col", optional(text))?,
        rows_per_shard: v.read("number_sample_per_shard", integer(1, u64::from(u32::MAX)))?,
        rows_max: v.read("max_rows", optional(integer(1, u64::MAX)))?,
        sample: sample(v)?,
    };
    check_columns(&config)?;
    Ok(config)
}

/// The list as it was written, and of a file's URL the path.
fn url_list(v: &Values) -> Result<String, Error> {
    match location(v, "url_list")? {
        Location::Local(path) => Ok(path.to_string_lossy().into_owned()),
        Location::Remote(_) => v.read("url_list", text),
    }
}

fn dialect(v: &Values) -> Result<Dialect, Error> {
    let names = v.read_list("columns", text)?;
    let columns = match (v.read("no_header", boolean)?, names.is_empty()) {
        (true, false) => Some(names),
        (false, true) => None,
        (true, true) => {
            return Err(Error::usage(
                "`--no_header` is given and no `--columns`",
                "name the columns in their order, such as `--columns url,caption`",
            ));
        }
        (false, false) => {
            return Err(Error::usage(
                "`--columns` names the columns of files without a header line",
                "add `--no_header`, or leave `--columns` out",
            ));
        }
    };
    let words = choices::named(choices::QUOTINGS, choices::quoting);
    Ok(Dialect {
        quoting: v.read("quoting", choice(&words))?,
        delimiter: v.read("delimiter", optional(delimiter))?,
        columns,
    })
}

/// The byte between fields.
fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "\\t" | "tab" => Ok(b'\t'),
        _ => match text.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n' | 0) => Ok(*byte),
            _ => Err("one character, such as ; or |, or \\t".to_owned()),
        },
    }
}

/// Text in which `\n` and `\t` stand for a new line and a tab.
fn separator(text: &str) -> Result<String, String> {
    Ok(text.replace("\\n", "\n").replace("\\t", "\t"))
}

fn sample(v: &Values) -> Result<Option<Sample>, Error> {
    let rate: Option<f64> = v.read("sample_rate", optional(share))?;
    let seed: Option<u64> = v.read("sample_seed", optional(integer(0, u64::MAX)))?;
    match (rate, seed) {
        (Some(rate), seed) => Ok(Some(Sample {
            rate,
            seed: seed.unwrap_or(0),
        })),
        (None, Some(_)) => Err(Error::usage(
            "`--sample_seed` is given and no `--sample_rate`",
            "say which share of the rows is picked, such as `--sample_rate 0.01`",
        )),
        (None, None) => Ok(None),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok();
    number
        .filter(|number| *number > 0.0 && *number <= 1.0)
        .ok_or_else(|| "a number over 0 and at most 1".to_owned())
}

fn verify_hash(v: &Values, hash: Option<HashKind>) -> Result<Option<String>, Error> {
    let mut parts = v.read_list("verify_hash", text)?;
    if parts.is_empty() {
        return Ok(None);
    }
    let hint = r#"write `--verify_hash '["COLUMN","TYPE"]'` with TYPE as in --compute_hash"#;
    let (Some(kind), Some(column), true) = (parts.pop(), parts.pop(), parts.is_empty()) else {
        return Err(Error::usage(
            "`--verify_hash` takes a column and a type",
            hint,
        ));
    };
    let computed = hash.map_or("None", HashKind::as_str);
    if kind != computed {
        return Err(Error::usage(
            format!("`--verify_hash` asks for {kind} and `--compute_hash` for {computed}"),
            hint,
        ));
    }
    Ok(Some(column))
}

/// Columns that turbo2ds writes itself: what of the list has a name of its own, and what is found out.
fn reserved_columns() -> Vec<&'static str> {
    let own = Column::ALL.iter().flat_map(|column| column.names());
    ["caption", "url"].iter().chain(own).copied().collect()
}

/// Refuses column options that no list can satisfy.
fn check_columns(input: &InputConfig) -> Result<(), Error> {
    let extra = &input.save_additional_columns;
    if input.caption_col.is_some() && !input.caption_cols.is_empty() {
        return Err(Error::usage(
            "`--caption_col` and `--caption_cols` are both given",
            "name every column of the caption in --caption_cols",
        ));
    }
    let kept = extra.iter().map(|name| ("save_additional_columns", name));
    let mut kept = kept.chain(input.bbox_col.iter().map(|name| ("bbox_col", name)));
    let reserved = reserved_columns();
    if let Some((option, name)) = kept.find(|(_, name)| reserved.contains(&name.as_str())) {
        return Err(Error::usage(
            format!("`--{option}` names `{name}`, a column turbo2ds writes itself"),
            format!(
                "rename it in the list; reserved are {}",
                reserved.join(", ")
            ),
        ));
    }
    let mut seen: Vec<&str> = Vec::new();
    let roles = [
        Some(&input.url_col),
        input.caption_col.as_ref(),
        input.bbox_col.as_ref(),
        input.verify_hash_col.as_ref(),
    ];
    let roles = roles.into_iter().flatten();
    for name in roles.chain(&input.caption_cols).chain(extra) {
        if seen.contains(&name.as_str()) {
            return Err(Error::usage(
                format!("column `{name}` is asked for twice"),
                "a column is the URL, the caption, the boxes (kept anyway), the hash or an additional one",
            ));
        }
        seen.push(name);
    }
    check_key_column(input)
}

/// Refuses a key column whose other role can never give a valid key.
fn check_key_column(input: &InputConfig) -> Result<(), Error> {
    let Some(key) = &input.key_col else {
        return Ok(());
    };
    let what = if *key == input.url_col {
        "URLs, and a URL names no sample: it holds colons and slashes"
    } else if input.bbox_col.as_ref() == Some(key) {
        "boxes, which name no sample"
    } else {
        return Ok(());
    };
    Err(Error::usage(
        format!("`--key_col {key}` is the column of {what}"),
        "name a column of identifiers, or leave --key_col out: samples are then numbered",
    ))
}

/// A format by name. A compression in the name is ignored, since the file's bytes show it.
fn input_format(text: &str) -> Result<InputFormat, String> {
    format_of(&format!(".{text}")).ok_or_else(|| {
        "one of txt, csv, tsv, json, jsonl (each also with .gz, .zst, .bz2 or .xz), parquet, arrow"
            .to_owned()
    })
}
