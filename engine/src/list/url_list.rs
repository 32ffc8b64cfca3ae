//! Owns a URL list as it is when the run begins: its files, their contents, the types of its columns,
//! its identity and its number of rows. Everything that can be refused about a list is refused here,
//! before the first request. Never cuts shards.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_schema::DataType;

use super::byte_stream::{self, ByteStream, Bytes};
use super::columns::Columns;
use super::files;
use super::identity::{Identity, InputIdentity};
use super::list_file::{ListFile, Origin};
use super::object::{self, End};
use super::sample::Sampled;
use super::signature::Content;
use super::source::{Opened, Place};
use super::survey::Survey;
use super::{
    BATCH_ROWS_MAX, RowSource, arrow, broken, format, parquet, shown, text_source, typed, unchanged,
};
use crate::config::{Compression, InputConfig, InputFormat, Location};
use crate::error::Error;

/// Bytes at each end of a file that distinguish it from another with the same name and size.
const IDENTITY_BYTES: u64 = 64 * 1024;
/// Objects whose beginnings or ends are read at a time before each is looked at.
const OBJECTS_AT_ONCE: usize = 32;

/// A URL list, surveyed as far as needed.
pub struct List {
    pub(super) config: InputConfig,
    pub(super) columns: Columns,
    format: InputFormat,
    compression: Option<Compression>,
    files: Vec<ListFile>,
    /// Types of the kept columns; `None` if they are known only when a stream is read.
    types: Option<Arc<[DataType]>>,
    identity: InputIdentity,
    notes: Vec<String>,
}

impl List {
    /// Finds the files, detects their formats, and surveys them as far as needed for the types of their
    /// columns.
    ///
    /// # Errors
    /// [`Error::Input`] if it is not a list, has no rows, lacks a column or has no URL at all;
    /// [`Error::Usage`] for options that do not fit the format.
    pub fn open(config: &InputConfig) -> Result<Self, Error> {
        let found = files::find(config)?;
        let mut identity = Identity::new();
        let mut list = Self {
            columns: Columns::new(config),
            config: config.clone(),
            format: InputFormat::Txt,
            compression: None,
            files: Vec::with_capacity(found.places.len()),
            types: None,
            identity: InputIdentity {
                fingerprint: String::new(),
                rows: None,
            },
            notes: found.notes,
        };
        let mut formats: Vec<(InputFormat, PathBuf)> = Vec::new();
        for (at, place) in found.places.iter().enumerate() {
            if at.is_multiple_of(OBJECTS_AT_ONCE) {
                let next = found.places[at..].iter().take(OBJECTS_AT_ONCE);
                object::prefetch(next.filter_map(Place::object), End::Head);
            }
            if let Some(format) = list.add(place, &mut identity)? {
                formats.push((format, place.path().to_owned()));
            }
        }
        list.format = format::one_of(&formats, config)?;
        format::check_options(config, list.format)?;
        list.survey_files()?;
        list.identity = InputIdentity {
            fingerprint: identity.finish(),
            rows: list.rows(),
        };
        if list.files.iter().all(|file| file.rows == Some(0)) {
            return Err(list.without_rows());
        }
        Ok(list)
    }

    /// Adds a file and returns its format; `None` for an empty file of unknown format.
    fn add(
        &mut self,
        place: &Place,
        identity: &mut Identity,
    ) -> Result<Option<InputFormat>, Error> {
        let path = place.path();
        let (opened, origin) = match place {
            Place::Object(object) => {
                let opened = byte_stream::open(path, object.stream());
                let opened = object.judged(opened)?;
                identity.object(object, &opened.head);
                (opened, Origin::Object(object.clone(), None))
            }
            Place::Path(path) => match files::open_regular(path)? {
                Some((mut file, stamp)) => {
                    let ends = files::ends_of(&mut file, stamp.bytes(), IDENTITY_BYTES);
                    let ends = ends.map_err(|cause| broken(path, cause))?;
                    identity.file(path, stamp.bytes(), &ends);
                    (
                        byte_stream::open(path, Box::new(file))?,
                        Origin::Regular(stamp),
                    )
                }
                None => self.open_pipe(path, identity)?,
            },
        };
        let format = format::of(path, &opened, &self.config)?;
        self.compression = self.compression.or(opened.compression);
        let is_pipe = matches!(origin, Origin::Pipe(_));
        let file = ListFile {
            path: path.to_owned(),
            content: opened.content,
            origin,
            rows: None,
        };
        if is_pipe && file.has_footer() {
            return Err(format::needs_a_file(path, format));
        }
        self.files.push(file);
        Ok(format)
    }

    fn open_pipe(
        &self,
        path: &Path,
        identity: &mut Identity,
    ) -> Result<(ByteStream, Origin), Error> {
        let stream: Bytes = if files::is_standard_input(path) {
            Box::new(std::io::stdin())
        } else {
            Box::new(File::open(path).map_err(|cause| broken(path, cause))?)
        };
        let opened = byte_stream::open(path, stream)?;
        identity.pipe(&opened.head);
        let ByteStream {
            content,
            compression,
            head,
            bytes,
        } = opened;
        let rest = ByteStream {
            content,
            compression,
            head,
            bytes: Box::new(std::io::empty()),
        };
        Ok((rest, Origin::Pipe(Mutex::new(Some(bytes)))))
    }

    /// Reads footers, or the text of the files, until the columns' types are known.
    fn survey_files(&mut self) -> Result<(), Error> {
        let has_pipe = self.is_piped();
        match self.format {
            InputFormat::Parquet | InputFormat::Arrow if !has_pipe => {
                self.types = self.stored_types()?.map(Into::into);
            }
            InputFormat::Parquet | InputFormat::Arrow => {}
            // A pipe cannot be surveyed before it is read: its additional columns are text.
            _ if has_pipe => self.types = Some(text_source::texts(&self.columns)),
            _ => {
                let survey = Survey::of(self)?;
                if survey.records == 0 {
                    return Err(self.without_rows());
                }
                if !survey.has_url && survey.has_url_list {
                    let name = self.name();
                    return Err(typed::lists_of_urls(Path::new(&name), &self.config.url_col));
                }
                if !survey.has_url && self.format != InputFormat::Txt {
                    return Err(self.without_urls(survey.records));
                }
                self.types = Some(survey.types(&self.columns));
                for (file, rows) in self.files.iter_mut().zip(survey.rows) {
                    file.rows = rows;
                }
            }
        }
        Ok(())
    }

    /// One type per column over all files; `None` if no file has any.
    fn stored_types(&mut self) -> Result<Option<Vec<DataType>>, Error> {
        let mut all: Option<(usize, Vec<DataType>)> = None;
        for at in 0..self.files.len() {
            self.prefetch(at, End::Tail);
            self.prefetch(at, End::Head);
            if self.files[at].content == Content::Empty {
                self.files[at].rows = Some(0);
                continue;
            }
            let note = self.files[at].copy_unless_ranged()?;
            self.notes.extend(note);
            let path = self.files[at].path.clone();
            let (rows, schema) = self.files[at].summary()?;
            self.files[at].rows = rows;
            let types = typed::types(&path, &schema, &self.columns)?;
            match &mut all {
                None => all = Some((at, types)),
                Some((first, known)) => {
                    let paths = (&*self.files[*first].path, &*path);
                    typed::widen(known, paths, &types, &self.columns)?;
                }
            }
        }
        Ok(all.map(|(_, types)| types))
    }

    /// Reads the heads or tails of the next objects from `at` on, if `at` is where that is done. Those whose format has
    /// a footer need their tails, others their heads.
    pub(super) fn prefetch(&self, at: usize, end: End) {
        if !at.is_multiple_of(OBJECTS_AT_ONCE) {
            return;
        }
        let next = self.files[at..].iter().take(OBJECTS_AT_ONCE);
        let objects = next.filter_map(|file| match &file.origin {
            Origin::Object(object, None) if file.has_footer() == (end == End::Tail) => Some(object),
            _ => None,
        });
        object::prefetch(objects, end);
    }

    fn rows(&self) -> Option<u64> {
        if self.config.selects_rows() {
            return None;
        }
        let rows: Option<Vec<u64>> = self.files.iter().map(|file| file.rows).collect();
        let rows = rows.map(|rows| rows.iter().sum::<u64>());
        rows.map(|rows| self.config.rows_max.map_or(rows, |most| rows.min(most)))
    }

    fn without_rows(&self) -> Error {
        let list = self.name();
        Error::input(
            format!("`{list}` is empty: the list has no rows"),
            "give a list with at least one URL",
        )
    }

    fn without_urls(&self, records: u64) -> Error {
        let list = self.name();
        let (format, column) = (
            self.format.as_str(),
            crate::text::visible(&self.config.url_col),
        );
        Error::input(
            format!(
                "`{list}` was read as {format}, and none of its {records} records is whole and has a URL \
                 in `{column}`"
            ),
            "see --input_format, --url_col, --delimiter and --quoting",
        )
    }

    /// Its name for the user, without what may be a secret.
    fn name(&self) -> String {
        match Location::of(&self.config.url_list) {
            Ok(Location::Remote(url)) => shown(Path::new(&url.to_string())),
            _ => shown(Path::new(&self.config.url_list)),
        }
    }

    /// The options it was opened with.
    pub(crate) fn config(&self) -> &InputConfig {
        &self.config
    }

    /// Messages for the user before the run begins.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// What identifies the list.
    pub fn identity(&self) -> &InputIdentity {
        &self.identity
    }

    /// The format of its files.
    pub fn format(&self) -> InputFormat {
        self.format
    }

    /// The compression of its files.
    pub fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// The paths of its regular files on this machine, without pipes.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        let regular = |file: &&ListFile| matches!(file.origin, Origin::Regular(_));
        self.files.iter().filter(regular).map(|file| &*file.path)
    }

    /// Whether a part of it can be read only once.
    pub fn is_piped(&self) -> bool {
        let mut files = self.files.iter();
        files.any(|file| matches!(file.origin, Origin::Pipe(_)))
    }

    /// Its files, including pipes.
    pub(super) fn files(&self) -> &[ListFile] {
        &self.files
    }

    /// Opens the rows of file number `at`; `None` after the last.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub(crate) fn source(&self, at: usize) -> Result<Option<Box<dyn RowSource>>, Error> {
        let Some(file) = self.files.get(at) else {
            return Ok(None);
        };
        let mut source = if let Origin::Pipe(stream) = &file.origin {
            let taken = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
            let bytes = taken.ok_or_else(|| broken(&file.path, "a pipe is read but once"))?;
            self.read_stream(file, bytes, true)?
        } else {
            let opened = file.reopened()?;
            let watch = file.watch(&opened)?;
            let source = file.judged(self.read_file(file, opened))?;
            let rows = file.rows.filter(|_| !self.config.explode_url);
            Box::new(unchanged::UnchangedRows::new(
                source, &file.path, watch, rows,
            ))
        };
        if let Some(sample) = self.config.sample {
            source = Box::new(Sampled::new(source, sample, at as u64));
        }
        Ok(Some(source))
    }

    fn read_file(&self, file: &ListFile, opened: Opened) -> Result<Box<dyn RowSource>, Error> {
        let (columns, rows) = (self.columns.clone(), self.rows_per_batch());
        let types = self.types.clone().unwrap_or_default();
        let path = &file.path;
        Ok(match file.content {
            Content::Parquet => Box::new(parquet::open(path, opened, columns, types, rows)?),
            Content::ArrowFile => Box::new(arrow::open(path, opened, columns, types, rows)?),
            _ => self.read_stream(file, byte_stream::reopen(path, opened)?, false)?,
        })
    }

    fn read_stream(
        &self,
        file: &ListFile,
        bytes: Bytes,
        is_pipe: bool,
    ) -> Result<Box<dyn RowSource>, Error> {
        let (columns, rows) = (self.columns.clone(), self.rows_per_batch());
        if file.content == Content::ArrowStream {
            let types = self.types.clone();
            let source = arrow::open_stream_rows(&file.path, bytes, columns, types, rows)?;
            return Ok(Box::new(source));
        }
        let types = self.types.clone().unwrap_or_default();
        text_source::text_source(self, &file.path, bytes, types, rows, is_pipe)
    }

    fn rows_per_batch(&self) -> usize {
        self.config.rows_per_shard.min(BATCH_ROWS_MAX)
    }
}
