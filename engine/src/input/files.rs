//! Owns which files a URL list names, their order, their bytes after decompression and their
//! identity. Never reads a row.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use ring::digest;

use crate::config::{Compression, InputConfig, InputFormat};
use crate::error::Error;

use super::{broken, parquet};

/// The files of `url_list`, sorted: a file, a folder's files with the format's extension (hidden ones
/// and those of sub-folders not), or a glob's.
///
/// # Errors
/// [`Error::Input`] if there is none.
pub(crate) fn list(config: &InputConfig) -> Result<Vec<PathBuf>, Error> {
    let path = Path::new(&config.url_list);
    if path.is_dir() {
        return list_folder(path, &extension(config));
    }
    if path.exists() {
        return Ok(vec![path.to_owned()]);
    }
    let looks_like_glob = config.url_list.contains(['*', '?', '[']);
    let mut files: Vec<PathBuf> = match glob::glob(&config.url_list) {
        Ok(paths) if looks_like_glob => paths
            .filter_map(Result::ok)
            .filter(|path| path.is_file())
            .collect(),
        _ => Vec::new(),
    };
    files.sort();
    if files.is_empty() {
        return Err(Error::input(
            format!("no file at `{}`", config.url_list),
            "give a file, a folder or a glob",
        ));
    }
    Ok(files)
}

fn extension(config: &InputConfig) -> String {
    let format = match config.format {
        InputFormat::Txt => "txt",
        InputFormat::Csv => "csv",
        InputFormat::Tsv => "tsv",
        InputFormat::Json => "json",
        InputFormat::Jsonl => "jsonl",
        InputFormat::Parquet => "parquet",
    };
    let compression = match config.compression {
        Compression::None => "",
        Compression::Gzip => ".gz",
        Compression::Zstd => ".zst",
    };
    format!(".{format}{compression}")
}

fn list_folder(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(folder).map_err(|cause| broken(folder, &cause))?;
    let mut files = Vec::new();
    let mut others: Vec<String> = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|cause| broken(folder, &cause))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || !entry.path().is_file() {
            continue;
        }
        if name.ends_with(extension) {
            files.push(entry.path());
        } else if others.len() < 3 {
            others.push(name);
        }
    }
    files.sort();
    if files.is_empty() {
        let hint = if others.is_empty() {
            "the folder holds no file".to_owned()
        } else {
            format!("set --input_format; the folder holds {}", others.join(", "))
        };
        return Err(Error::input(
            format!("no file ending in {extension} in `{}`", folder.display()),
            hint,
        ));
    }
    Ok(files)
}

/// The bytes of one file after decompression.
pub(super) fn open(path: &Path, compression: Compression) -> Result<Box<dyn Read + Send>, Error> {
    let file = File::open(path).map_err(|cause| broken(path, &cause))?;
    Ok(match compression {
        Compression::None => Box::new(file),
        // Logs and crawls are often many gzip members behind each other.
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(
            BufReader::with_capacity(1 << 16, file),
        )),
        Compression::Zstd => {
            Box::new(zstd::stream::read::Decoder::new(file).map_err(|cause| broken(path, &cause))?)
        }
    })
}

/// A cheap identity of the input, hex: names without their folder, sizes in bytes and parquet's row
/// counts. Equal inputs have equal ones wherever they lie; a resumed run compares it.
///
/// # Errors
/// [`Error::Input`] if a file cannot be opened.
pub fn input_fingerprint(config: &InputConfig) -> Result<String, Error> {
    let mut hash = digest::Context::new(&digest::SHA256);
    for path in list(config)? {
        let bytes = std::fs::metadata(&path)
            .map_err(|cause| broken(&path, &cause))?
            .len();
        let rows = match config.format {
            InputFormat::Parquet => parquet::row_count(&path)?,
            _ => 0,
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        hash.update(format!("{name}\0{bytes}\0{rows}\n").as_bytes());
    }
    Ok(hash
        .finish()
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}
