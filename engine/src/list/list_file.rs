//! Owns one file of a list as it was found: its content, where its bytes come from, and opening it again. Never
//! reads a row.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Mutex;

use arrow_schema::SchemaRef;

use super::byte_stream::{self, Bytes};
use super::files::Stamp;
use super::object::ObjectFile;
use super::signature::Content;
use super::source::{self, Opened, Watch};
use super::{arrow, broken, parquet, shown};
use crate::error::Error;

/// One file of a list.
pub(super) struct ListFile {
    pub(super) path: PathBuf,
    pub(super) content: Content,
    pub(super) origin: Origin,
    /// Its number of rows, if that is known before it is read.
    pub(super) rows: Option<u64>,
}

impl ListFile {
    /// Opens it again, and fails if it has changed.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub(super) fn reopened(&self) -> Result<Opened, Error> {
        let failed = |cause| broken(&self.path, cause);
        let opened = match &self.origin {
            Origin::Object(_, Some(copy)) => copy.try_clone().map_err(failed)?,
            Origin::Object(object, None) => return Ok(Opened::Object(object.clone())),
            Origin::Regular(_) | Origin::Pipe(_) => File::open(&self.path).map_err(failed)?,
        };
        if let Origin::Regular(stamp) = &self.origin {
            stamp.check(&self.path, &opened)?;
        }
        Ok(Opened::File(opened))
    }

    /// What to watch while its rows are read.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub(super) fn watch(&self, opened: &Opened) -> Result<Watch, Error> {
        match (&self.origin, opened) {
            (Origin::Object(object, _), _) | (_, Opened::Object(object)) => {
                Ok(Watch::Object(object.clone()))
            }
            (Origin::Regular(stamp), Opened::File(file)) => {
                let file = file
                    .try_clone()
                    .map_err(|cause| broken(&self.path, cause))?;
                Ok(Watch::File(file, *stamp))
            }
            (Origin::Pipe(_), _) => Err(broken(&self.path, "a pipe is read but once")),
        }
    }

    /// A result of reading it, or the error of its store if there was one.
    ///
    /// # Errors
    /// Either.
    pub(super) fn judged<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        match &self.origin {
            Origin::Object(object, _) => object.judged(result),
            _ => result,
        }
    }

    /// Number of rows, if a file of a format with a schema tells it, and that schema.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub(super) fn summary(&self) -> Result<(Option<u64>, SchemaRef), Error> {
        let (path, opened) = (&self.path, self.reopened()?);
        let summary = match self.content {
            Content::Parquet => {
                parquet::summary(path, &opened).map(|(rows, schema)| (Some(rows), schema))
            }
            Content::ArrowFile => {
                arrow::file_summary(path, opened).map(|(rows, schema)| (Some(rows), schema))
            }
            _ => byte_stream::reopen(path, opened)
                .and_then(|bytes| arrow::stream_summary(path, bytes)),
        };
        if let Origin::Object(object, _) = &self.origin {
            object.forget_tail();
        }
        self.judged(summary)
    }

    /// Copies an object whose format is read from its end to this machine, if its server sends no ranges, and returns a
    /// message for the user.
    ///
    /// # Errors
    /// [`Error::Input`], and [`Error::LocalResource`] if it cannot be kept.
    pub(super) fn copy_unless_ranged(&mut self) -> Result<Option<String>, Error> {
        let has_footer = self.has_footer();
        let Origin::Object(object, copy) = &mut self.origin else {
            return Ok(None);
        };
        if !has_footer || object.has_ranges()? {
            return Ok(None);
        }
        *copy = Some(source::spilled(object)?);
        Ok(Some(format!(
            "the server of {} sends no ranges: the file is copied to {} while the run lasts",
            shown(&self.path),
            std::env::temp_dir().display()
        )))
    }

    /// Whether its end is read first.
    pub(super) fn has_footer(&self) -> bool {
        matches!(self.content, Content::Parquet | Content::ArrowFile)
    }
}

/// Where a file's bytes come from.
pub(super) enum Origin {
    Regular(Stamp),
    /// An object of a store, and its copy where it cannot be read by ranges.
    Object(ObjectFile, Option<File>),
    /// A pipe or standard input; `None` once it is being read.
    Pipe(Mutex<Option<Bytes>>),
}
