//! Owns the decision which format a list has: by its bytes, and for text by the option and the name. A
//! file that is not a list is refused with a message that says what it is. Never reads a row.

use std::path::{Path, PathBuf};

use memchr::memmem;

use super::byte_stream::ByteStream;
use super::signature::Content;
use super::{extension, shown};
use crate::config::{Compression, InputConfig, InputFormat};
use crate::error::Error;

/// The format of a file; `None` for an empty file whose format neither the option nor the name gives.
///
/// # Errors
/// [`Error::Input`] if it is not a list, or if option, name and bytes contradict each other.
pub(super) fn of(
    path: &Path,
    opened: &ByteStream,
    config: &InputConfig,
) -> Result<Option<InputFormat>, Error> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let named = extension::format_of(&name);
    let stored = match opened.content {
        Content::Empty => return Ok(config.format.or(named)),
        Content::Foreign(what, hint) => {
            let file = shown(path);
            return Err(Error::input(
                format!("`{file}` is {what}, which is no URL list"),
                hint,
            ));
        }
        Content::Compressed(inner) => return Err(too_compressed(path, compression_name(inner))),
        Content::Parquet => InputFormat::Parquet,
        Content::ArrowFile | Content::ArrowStream => InputFormat::Arrow,
        Content::Text(_) => return text(path, opened, config, named).map(Some),
    };
    if let Some(outer) = opened.compression
        && opened.content != Content::ArrowStream
    {
        let what = format!("{} under {}", stored.as_str(), compression_name(outer));
        return Err(too_compressed(path, &what));
    }
    match config.format {
        Some(asked) if asked != stored => Err(contradiction(path, stored.as_str(), asked)),
        _ => Ok(Some(stored)),
    }
}

fn text(
    path: &Path,
    opened: &ByteStream,
    config: &InputConfig,
    named: Option<InputFormat>,
) -> Result<InputFormat, Error> {
    match config.format.or(named) {
        // Many tables are named .txt, and no URL looks like the beginning of a table.
        Some(InputFormat::Txt) => match guess(&opened.head, config) {
            other if config.format.is_some() && other != InputFormat::Txt => {
                Err(contradiction(path, other.as_str(), InputFormat::Txt))
            }
            guessed => Ok(guessed),
        },
        Some(format) if format.is_text() => Ok(format),
        Some(format) if config.format.is_some() => Err(contradiction(path, "text", format)),
        Some(format) => Err(Error::input(
            format!(
                "`{}` is text, and named as {}",
                shown(path),
                format.as_str()
            ),
            "check that the file is complete, or set --input_format",
        )),
        None => Ok(guess(&opened.head, config)),
    }
}

/// Guesses the format of text without a telling name.
fn guess(head: &[u8], config: &InputConfig) -> InputFormat {
    let solid = head.trim_ascii_start();
    let line = solid.split(|byte| matches!(byte, b'\n' | b'\r')).next();
    let line = line.unwrap_or_default();
    let dialect = &config.dialect;
    match solid.first() {
        // The reader finds out the layout, which may also be one object per line.
        Some(b'[' | b'{') => InputFormat::Json,
        _ if has_field(line, b'\t', &config.url_col) => InputFormat::Tsv,
        _ if b",;|"
            .iter()
            .any(|delimiter| has_field(line, *delimiter, &config.url_col)) =>
        {
            InputFormat::Csv
        }
        _ if dialect.delimiter.is_some() || dialect.columns.is_some() => InputFormat::Csv,
        _ => InputFormat::Txt,
    }
}

/// Whether a line is a header with a field of this name.
fn has_field(line: &[u8], delimiter: u8, name: &str) -> bool {
    let quoted = format!("\"{}\"", name.replace('"', "\"\""));
    let mut fields = line.split(|byte| *byte == delimiter);
    line.contains(&delimiter)
        // The first URL of a txt list may contain commas.
        && memmem::find(line, b"://").is_none()
        && (fields.any(|field| field == name.as_bytes())
            || memmem::find(line, quoted.as_bytes()).is_some())
}

fn compression_name(compression: Compression) -> &'static str {
    match compression {
        Compression::Gzip => "gzip",
        Compression::Zstd => "zstd",
        Compression::Bzip2 => "bzip2",
        Compression::Xz => "xz",
    }
}

fn contradiction(path: &Path, is: &str, asked: InputFormat) -> Error {
    let asked = asked.as_str();
    Error::input(
        format!("`{}` is {is}, and --input_format says {asked}", shown(path)),
        "leave --input_format out, or set it to what the file is",
    )
}

fn too_compressed(path: &Path, what: &str) -> Error {
    Error::input(
        format!("`{}` is {what}, which cannot be read as it is", shown(path)),
        "decompress it first",
    )
}

/// A format whose footer is read first cannot come from a pipe.
pub(super) fn needs_a_file(path: &Path, format: Option<InputFormat>) -> Error {
    let format = format.map_or("a list", InputFormat::as_str);
    let from = if super::files::is_standard_input(path) {
        "standard input".to_owned()
    } else {
        format!("the pipe `{}`", shown(path))
    };
    Error::input(
        format!("{format} cannot be read from {from}: its end is read first"),
        "give a file; txt, csv, tsv, json, jsonl and Arrow streams are read from pipes",
    )
}

/// The common format of all files; txt if no file has one.
///
/// # Errors
/// [`Error::Input`] for files of several formats.
pub(super) fn one_of(
    formats: &[(InputFormat, PathBuf)],
    config: &InputConfig,
) -> Result<InputFormat, Error> {
    let Some((first, path)) = formats.first() else {
        return Ok(config.format.unwrap_or(InputFormat::Txt));
    };
    match formats.iter().find(|(format, _)| format != first) {
        None => Ok(*first),
        Some((other, there)) => Err(Error::input(
            format!(
                "`{}` is {} and `{}` is {}: a list has one format",
                shown(path),
                first.as_str(),
                shown(there),
                other.as_str()
            ),
            "list the files of one format at a time",
        )),
    }
}

/// Refuses options that do not apply to this format.
///
/// # Errors
/// [`Error::Usage`].
pub(super) fn check_options(config: &InputConfig, format: InputFormat) -> Result<(), Error> {
    if format == InputFormat::Txt {
        let asked = [
            ("caption_cols", !config.caption_cols.is_empty()),
            (
                "save_additional_columns",
                !config.save_additional_columns.is_empty(),
            ),
            ("bbox_col", config.bbox_col.is_some()),
            ("verify_hash", config.verify_hash_col.is_some()),
            ("key_col", config.key_col.is_some()),
        ];
        if let Some((name, _)) = asked.into_iter().find(|(_, given)| *given) {
            return Err(Error::usage(
                format!("`--{name}` needs columns and a txt list has none"),
                "set --input_format to csv, tsv, json, jsonl, parquet or arrow",
            ));
        }
    }
    if !matches!(format, InputFormat::Csv | InputFormat::Tsv) {
        let dialect = &config.dialect;
        let asked = [
            ("quoting", dialect.quoting != Default::default()),
            ("delimiter", dialect.delimiter.is_some()),
            ("no_header", dialect.columns.is_some()),
        ];
        if let Some((name, _)) = asked.into_iter().find(|(_, given)| *given) {
            return Err(Error::usage(
                format!(
                    "`--{name}` is for csv and tsv, and the list is {}",
                    format.as_str()
                ),
                "leave it out, or set --input_format to csv or tsv",
            ));
        }
    }
    Ok(())
}
