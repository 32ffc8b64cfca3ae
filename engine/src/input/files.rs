//! Owns which files a URL list names, their order, their bytes after decompression and their
//! identity. Never reads a row.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ring::digest;

use crate::config::{Compression, InputConfig, InputFormat};
use crate::error::Error;

use super::{broken, parquet};

/// Bytes at each end of a file that tell it from another of its name and size.
const IDENTITY_BYTES: u64 = 64 * 1024;

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

/// What is known of the input without reading it through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputIdentity {
    /// Hex digest of the files' names without their folder, sizes, first and last bytes. Equal inputs
    /// have equal ones wherever they lie; a resumed run compares it.
    pub fingerprint: String,
    /// Rows of all files, where the format tells them.
    pub rows: Option<u64>,
}

/// Identifies the input.
///
/// # Errors
/// [`Error::Input`] if a file cannot be opened.
pub fn identify(config: &InputConfig) -> Result<InputIdentity, Error> {
    let mut hash = digest::Context::new(&digest::SHA256);
    let mut rows = (config.format == InputFormat::Parquet).then_some(0);
    for path in list(config)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (bytes, ends) = ends_of(&path).map_err(|cause| broken(&path, &cause))?;
        hash.update(format!("{name}\0{bytes}\0").as_bytes());
        hash.update(&ends);
        if let Some(rows) = &mut rows {
            *rows += parquet::row_count(&path)?;
        }
    }
    let digest = hash.finish();
    let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    Ok(InputIdentity {
        fingerprint: hex.collect(),
        rows,
    })
}

/// A file's size and its first and last [`IDENTITY_BYTES`].
fn ends_of(path: &Path) -> std::io::Result<(u64, Vec<u8>)> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut ends = Vec::new();
    Read::by_ref(&mut file)
        .take(IDENTITY_BYTES)
        .read_to_end(&mut ends)?;
    file.seek(SeekFrom::Start(bytes.saturating_sub(IDENTITY_BYTES)))?;
    file.take(IDENTITY_BYTES).read_to_end(&mut ends)?;
    Ok((bytes, ends))
}
