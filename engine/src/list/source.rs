//! Owns where a file of a list is: on this machine, or in a store. What is different between the two is here, and
//! the readers of the formats see bytes. Never knows a format.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::broken;
use super::byte_stream;
use super::files::Stamp;
use super::object::ObjectFile;
use crate::error::{Error, Message};

/// Where a file of a list is.
pub(super) enum Place {
    /// On this machine: a file, a pipe, or `-`.
    Path(PathBuf),
    /// In a store.
    Object(ObjectFile),
}

impl Place {
    /// Its name for the user.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Path(path) => path,
            Self::Object(object) => object.path(),
        }
    }

    /// The object, if it is one.
    pub(super) fn object(&self) -> Option<&ObjectFile> {
        match self {
            Self::Object(object) => Some(object),
            Self::Path(_) => None,
        }
    }
}

/// A file of a list that is open.
pub(super) enum Opened {
    File(File),
    Object(ObjectFile),
}

impl Opened {
    /// All its bytes.
    pub(super) fn stream(self) -> byte_stream::Bytes {
        match self {
            Self::File(file) => Box::new(file),
            Self::Object(object) => object.stream(),
        }
    }

    /// Its length in bytes.
    pub(super) fn bytes(&self) -> io::Result<u64> {
        match self {
            Self::File(file) => Ok(file.metadata()?.len()),
            Self::Object(object) => object
                .bytes()
                .ok_or_else(|| io::ErrorKind::Unsupported.into()),
        }
    }

    /// A small range of its bytes.
    pub(super) fn read(&self, range: Range<u64>) -> io::Result<Bytes> {
        match self {
            Self::File(file) => {
                let mut bytes = vec![0; (range.end - range.start) as usize];
                file.read_exact_at(&mut bytes, range.start)?;
                Ok(bytes.into())
            }
            Self::Object(object) => object.read(range),
        }
    }

    /// Small ranges of its bytes, all of them at a time.
    pub(super) fn read_all(&self, ranges: Vec<Range<u64>>) -> io::Result<Vec<Bytes>> {
        match self {
            Self::File(_) => ranges.into_iter().map(|range| self.read(range)).collect(),
            Self::Object(object) => object.read_all(ranges),
        }
    }
}

/// How a file is watched while it is read.
pub(super) enum Watch {
    File(File, Stamp),
    Object(ObjectFile),
}

impl Watch {
    /// Fails if what was read so far is not of the file that was found.
    pub(super) fn check(&self, path: &Path) -> Result<(), Error> {
        match self {
            Self::File(file, stamp) => stamp.check(path, file),
            Self::Object(object) => object.check(),
        }
    }

    /// Fails if the file has changed until its end was read.
    pub(super) fn check_end(&self) -> Result<(), Error> {
        match self {
            Self::File(..) => Ok(()),
            Self::Object(object) => object.check_end(),
        }
    }
}

/// Copies an object into a file without a name, which goes with the run.
///
/// # Errors
/// [`Error::Input`] if it cannot be read, [`Error::LocalResource`] if it cannot be kept.
pub(super) fn spilled(object: &ObjectFile) -> Result<File, Error> {
    let kept = |cause: io::Error| {
        let folder = std::env::temp_dir();
        Error::local_resource(
            Message::because(
                format!("cannot keep the list in {}", folder.display()),
                cause,
            ),
            "its server sends no ranges, so it is copied first; TMPDIR names another folder",
        )
    };
    let mut file = tempfile::tempfile().map_err(kept)?;
    let mut stream = object.stream();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = stream
            .read(&mut buffer)
            .map_err(|cause| broken(object.path(), cause));
        match object.judged(read)? {
            0 => break,
            length => file.write_all(&buffer[..length]).map_err(kept)?,
        }
    }
    file.rewind().map_err(kept)?;
    Ok(file)
}
