//! Owns which files a URL list names, their order, and the check whether one has changed since.
//! [`super::object_files`] finds those of a store. Never reads a row.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::config::{InputConfig, InputFormat, Location};
use crate::error::Error;

use super::source::Place;
use super::{broken, extension, object_files, shown};

/// Names of standard input.
const STANDARD_INPUT: [&str; 2] = ["-", "/dev/stdin"];
/// Names shown of files that are left out.
const NAMES_SHOWN: usize = 3;

/// Globs work as in shells: only a literal dot matches a hidden file.
pub(super) const GLOB: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// The files that a URL list names.
pub(super) struct Found {
    pub(super) places: Vec<Place>,
    /// Messages for the user about the files that were left out.
    pub(super) notes: Vec<String>,
}

/// The files of `url_list`, sorted: a file, the files of a folder with an extension of the format
/// (without hidden files and subfolders), or the matches of a glob.
///
/// # Errors
/// [`Error::Input`] if there is none; the errors of [`object_files::find`].
pub(super) fn find(config: &InputConfig) -> Result<Found, Error> {
    if let Ok(Location::Remote(url)) = Location::of(&config.url_list) {
        return object_files::find(&url, config);
    }
    let path = Path::new(&config.url_list);
    let one = |path: PathBuf| Found {
        places: vec![Place::Path(path)],
        notes: Vec::new(),
    };
    if STANDARD_INPUT.contains(&&*config.url_list) {
        return Ok(one(STANDARD_INPUT[0].into()));
    }
    if path.is_dir() {
        return in_folder(path, config.format);
    }
    if path.exists() {
        return Ok(one(path.to_owned()));
    }
    let mut paths = Vec::new();
    if is_glob(&config.url_list)
        && let Ok(entries) = glob::glob_with(&config.url_list, GLOB)
    {
        for entry in entries {
            // Skipping an unreadable folder would silently lose its rows.
            let entry = entry.map_err(|error| {
                let path = error.path().to_owned();
                broken(&path, io::Error::from(error))
            })?;
            if entry.is_file() {
                paths.push(entry);
            }
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(absent(path));
    }
    Ok(Found {
        places: paths.into_iter().map(Place::Path).collect(),
        notes: Vec::new(),
    })
}

/// Whether a path may be a glob.
pub(super) fn is_glob(path: &str) -> bool {
    path.contains(['*', '?', '['])
}

/// A list that is not there.
pub(super) fn absent(path: &Path) -> Error {
    Error::input(
        format!("no file at `{}`", shown(path)),
        "give a file, a folder, a glob, or - for standard input",
    )
}

/// Whether a path of [`find`] means standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT[0]
}

fn in_folder(folder: &Path, format: Option<InputFormat>) -> Result<Found, Error> {
    let failed = |cause: io::Error| broken(folder, cause);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            files.push((name.into_owned(), path));
        }
    }
    let (mut paths, notes) = of_folder(folder, files, format)?;
    paths.sort();
    Ok(Found {
        places: paths.into_iter().map(Place::Path).collect(),
        notes,
    })
}

/// The lists among the named files of a folder, and messages about those that are left out.
///
/// # Errors
/// [`Error::Input`] if there is none, or lists of several formats.
pub(super) fn of_folder<T>(
    folder: &Path,
    files: Vec<(String, T)>,
    format: Option<InputFormat>,
) -> Result<(Vec<T>, Vec<String>), Error> {
    let mut lists: Vec<(InputFormat, T)> = Vec::new();
    let mut others = Vec::new();
    for (name, file) in files {
        if name.starts_with('.') {
            continue;
        }
        match extension::format_of(&name) {
            Some(found) if format.is_none_or(|wanted| wanted == found) => lists.push((found, file)),
            _ => others.push(name),
        }
    }
    let mut formats: Vec<InputFormat> = lists.iter().map(|(format, _)| *format).collect();
    formats.sort_by_key(|format| format.as_str());
    formats.dedup();
    others.sort();
    match (&formats[..], format) {
        ([_], _) => {}
        ([], wanted) => return Err(no_list(folder, wanted, &others)),
        _ => return Err(several_formats(folder, &formats)),
    }
    let lists: Vec<T> = lists.into_iter().map(|(_, file)| file).collect();
    let skipped = (!others.is_empty()).then(|| {
        format!(
            "of {}, {} are read and {} left out: {}",
            shown(folder),
            counted(lists.len(), "file"),
            others.len(),
            some_of(&others)
        )
    });
    Ok((lists, skipped.into_iter().collect()))
}

fn no_list(folder: &Path, wanted: Option<InputFormat>, others: &[String]) -> Error {
    let hint = if others.is_empty() {
        "the folder holds no file".to_owned()
    } else {
        format!(
            "set --input_format, or give a glob; the folder holds {}",
            some_of(others)
        )
    };
    let what = wanted.map_or("that is known for a list", |format| match format {
        InputFormat::Parquet => "of parquet files",
        _ => format.as_str(),
    });
    Error::input(
        format!("no file with an extension {what} in `{}`", shown(folder)),
        hint,
    )
}

fn several_formats(folder: &Path, formats: &[InputFormat]) -> Error {
    let words: Vec<&str> = formats.iter().map(|format| format.as_str()).collect();
    Error::input(
        format!(
            "`{}` holds lists of several formats: {}",
            shown(folder),
            words.join(", ")
        ),
        "choose one with --input_format",
    )
}

fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

fn some_of(names: &[String]) -> String {
    let shown = names[..names.len().min(NAMES_SHOWN)].join(", ");
    match names.len().saturating_sub(NAMES_SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Identifies a version of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(data: &Metadata) -> Self {
        Self {
            device: data.dev(),
            inode: data.ino(),
            bytes: data.len(),
            modified: (data.mtime(), data.mtime_nsec()),
        }
    }

    /// The file's length in bytes.
    pub(super) fn bytes(self) -> u64 {
        self.bytes
    }

    /// Fails if an open file is no longer this version.
    pub(super) fn check(self, path: &Path, file: &File) -> Result<(), Error> {
        let now = file.metadata().map_err(|cause| broken(path, cause))?;
        if Self::of(&now) == self {
            return Ok(());
        }
        Err(changed(path))
    }
}

/// A list that has changed since the run began.
pub(super) fn changed(path: &Path) -> Error {
    Error::input(
        format!("`{}` has changed since the run began", shown(path)),
        "rows that it had may be missing and others doubled; with the list as it was, the same command \
         goes on",
    )
}

/// Opens a file of the list; `None` for a pipe or a terminal, which can be read only once.
pub(super) fn open_regular(path: &Path) -> Result<Option<(File, Stamp)>, Error> {
    if is_standard_input(path) {
        return Ok(None);
    }
    let failed = |cause: io::Error| broken(path, cause);
    let kind = std::fs::metadata(path).map_err(failed)?.file_type();
    if kind.is_fifo() || kind.is_char_device() || kind.is_socket() {
        return Ok(None);
    }
    let file = File::open(path).map_err(failed)?;
    let data = file.metadata().map_err(failed)?;
    Ok(Some((file, Stamp::of(&data))))
}

/// The first and last `most` bytes of a file. Rewinds the file.
pub(super) fn ends_of(file: &mut File, bytes: u64, most: u64) -> io::Result<Vec<u8>> {
    let mut ends = Vec::new();
    file.by_ref().take(most).read_to_end(&mut ends)?;
    file.seek(SeekFrom::Start(bytes.saturating_sub(most)))?;
    file.by_ref().take(most).read_to_end(&mut ends)?;
    file.rewind()?;
    Ok(ends)
}
