//! Owns reading Arrow IPC: files with a footer (`.arrow`, Feather version 2) one record batch at a
//! time, and streams. Never allocates for a claimed size that the file cannot contain.

use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{FileDecoder, StreamReader, read_footer_length};
use arrow_ipc::{Block, Message, root_as_footer, root_as_message};
use arrow_schema::{ArrowError, DataType, SchemaRef};

use super::byte_stream::Bytes;
use super::columns::Columns;
use super::source::Opened;
use super::typed::{self, Batches, Places, TypedSource};
use super::{BATCH_ROWS_MAX, broken};
use crate::error::Error;
use crate::list::catch_panic::contained;
use crate::net::storage::{HELD_BYTES_MAX, ReadAhead};

/// Largest record batch, bytes: one is in memory at a time, whatever the file's size.
const BATCH_BYTES_MAX: u64 = 1 << 30;
/// Largest decompressed buffer, bytes.
const BUFFER_BYTES_MAX: i64 = 1 << 30;
/// Bytes of the magic and the footer's length at a file's end.
const TAIL_BYTES: u64 = 10;
/// Most bytes of metadata that are read at a time, unless one batch has more.
const METADATA_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// The batches of a file or a stream.
pub(super) struct ArrowBatches {
    path: PathBuf,
    origin: Origin,
    /// A batch that is returned in parts, and its first row that was not returned yet.
    open: Option<(RecordBatch, usize)>,
    rows_max: usize,
}

enum Origin {
    File(Box<FileBatches>),
    Stream(Box<StreamReader<Bytes>>),
}

/// Rows and schema of a file, from its footer and the metadata of its batches.
///
/// # Errors
/// [`Error::Input`].
pub(super) fn file_summary(path: &Path, file: Opened) -> Result<(u64, SchemaRef), Error> {
    let batches = open_file(path, file)?;
    let rows = contained(|| batches.rows()).unwrap_or_else(|| Err(contradiction()));
    let rows = rows.map_err(|cause| broken(path, cause))?;
    Ok((rows, batches.schema))
}

/// Schema of a stream, and its number of rows if that is 0.
///
/// # Errors
/// [`Error::Input`].
pub(super) fn stream_summary(path: &Path, bytes: Bytes) -> Result<(Option<u64>, SchemaRef), Error> {
    let mut reader = open_stream(path, bytes)?;
    let schema = reader.schema();
    let mut has_row = || reader.any(|batch| batch.map_or(true, |batch| batch.num_rows() > 0));
    // Reading the rows reports any error again.
    let is_empty = contained(&mut has_row) == Some(false);
    Ok((is_empty.then_some(0), schema))
}

/// Reads the kept columns of a file.
///
/// # Errors
/// [`Error::Input`].
pub(super) fn open(
    path: &Path,
    file: Opened,
    columns: Columns,
    types: Arc<[DataType]>,
    rows_max: usize,
) -> Result<TypedSource<ArrowBatches>, Error> {
    let batches = open_file(path, file)?;
    let places = Places::in_schema(path, &batches.schema, &columns)?;
    let batches = ArrowBatches::new(path, Origin::File(Box::new(batches)), rows_max);
    Ok(TypedSource::new(
        path,
        batches,
        columns,
        types,
        places.roots(),
    ))
}

/// Reads the kept columns of a stream. Without `types`, in the stream's own types, since a pipe cannot
/// be surveyed first.
///
/// # Errors
/// [`Error::Input`].
pub(super) fn open_stream_rows(
    path: &Path,
    bytes: Bytes,
    columns: Columns,
    types: Option<Arc<[DataType]>>,
    rows_max: usize,
) -> Result<TypedSource<ArrowBatches>, Error> {
    let reader = open_stream(path, bytes)?;
    let schema = reader.schema();
    let types = match types {
        Some(types) => types,
        None => typed::types(path, &schema, &columns)?.into(),
    };
    let places = Places::in_schema(path, &schema, &columns)?;
    let batches = ArrowBatches::new(path, Origin::Stream(Box::new(reader)), rows_max);
    Ok(TypedSource::new(
        path,
        batches,
        columns,
        types,
        places.roots(),
    ))
}

fn open_file(path: &Path, file: Opened) -> Result<FileBatches, Error> {
    let opened = contained(|| FileBatches::open(file));
    let opened = opened.unwrap_or_else(|| Err(contradiction()));
    opened.map_err(|cause| broken(path, cause))
}

fn open_stream(path: &Path, bytes: Bytes) -> Result<StreamReader<Bytes>, Error> {
    let opened = contained(|| StreamReader::try_new(bytes, None));
    let opened = opened.unwrap_or_else(|| Err(contradiction()));
    opened.map_err(|cause| broken(path, cause))
}

impl ArrowBatches {
    fn new(path: &Path, origin: Origin, rows_max: usize) -> Self {
        Self {
            path: path.to_owned(),
            origin,
            open: None,
            rows_max: rows_max.min(BATCH_ROWS_MAX),
        }
    }
}

impl Batches for ArrowBatches {
    fn next(&mut self) -> Result<Option<RecordBatch>, Error> {
        loop {
            if let Some((batch, from)) = self.open.take() {
                let rows = self.rows_max.min(batch.num_rows() - from);
                if rows > 0 {
                    let part = batch.slice(from, rows);
                    self.open = Some((batch, from + rows));
                    return Ok(Some(part));
                }
            }
            let next = contained(|| self.origin.next()).unwrap_or_else(|| Err(contradiction()));
            match next.map_err(|cause| broken(&self.path, cause))? {
                Some(batch) => self.open = Some((batch, 0)),
                None => return Ok(None),
            }
        }
    }
}

impl Origin {
    fn next(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        match self {
            Self::File(file) => file.next(),
            Self::Stream(stream) => stream.next().transpose(),
        }
    }
}

/// A file's record batches, located by its footer.
struct FileBatches {
    file: Opened,
    file_bytes: u64,
    /// The batches of an object; a file is read where it lies.
    ahead: Option<ReadAhead>,
    schema: SchemaRef,
    decoder: FileDecoder,
    blocks: std::vec::IntoIter<Block>,
}

impl FileBatches {
    fn open(file: Opened) -> Result<Self, ArrowError> {
        let file_bytes = file.bytes()?;
        let tail_at = file_bytes
            .checked_sub(TAIL_BYTES)
            .ok_or_else(contradiction)?;
        let tail = file.read(tail_at..file_bytes)?;
        let tail = tail.first_chunk().ok_or_else(contradiction)?;
        let length = read_footer_length(*tail)? as u64;
        let footer_at = tail_at.checked_sub(length).ok_or_else(contradiction)?;
        let bytes = file.read(footer_at..tail_at)?;
        let footer =
            root_as_footer(&bytes).map_err(|cause| ArrowError::ParseError(cause.to_string()))?;
        let schema = footer.schema().ok_or_else(contradiction)?;
        let schema: SchemaRef = Arc::new(try_fb_to_schema(schema)?);
        let mut this = Self {
            decoder: FileDecoder::new(schema.clone(), footer.version()),
            file,
            file_bytes,
            ahead: None,
            schema,
            blocks: footer
                .recordBatches()
                .map_or_else(Vec::new, |blocks| blocks.iter().copied().collect())
                .into_iter(),
        };
        if let Opened::Object(object) = &this.file {
            let dictionaries = footer.dictionaries().into_iter().flatten();
            let all = dictionaries.chain(this.blocks.as_slice());
            // Another block is an error when its turn comes.
            let ranges = all.filter_map(|block| this.range(block).ok());
            let mut ranges: Vec<_> = ranges.map(|(_, range)| range).collect();
            ranges.sort_by_key(|range| range.start);
            this.ahead = Some(object.ahead(ranges, HELD_BYTES_MAX));
        }
        for block in footer.dictionaries().into_iter().flatten() {
            let buffer = this.block(block)?;
            this.decoder.read_dictionary(block, &buffer)?;
        }
        Ok(this)
    }

    fn next(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        while let Some(block) = self.blocks.next() {
            let buffer = self.block(&block)?;
            if let Some(batch) = self.decoder.read_record_batch(&block, &buffer)? {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// Rows of all batches.
    fn rows(&self) -> Result<u64, ArrowError> {
        let mut rows = 0_u64;
        let mut waiting: Vec<Range<u64>> = Vec::new();
        let mut waiting_bytes = 0;
        for block in self.blocks.as_slice() {
            let head = u64::try_from(block.metaDataLength()).map_err(|_| contradiction())?;
            let at = u64::try_from(block.offset()).map_err(|_| contradiction())?;
            let end = at.checked_add(head).filter(|end| *end <= self.file_bytes);
            if waiting_bytes + head > METADATA_BYTES_MAX {
                rows += self.rows_told(std::mem::take(&mut waiting))?;
                waiting_bytes = 0;
            }
            waiting.push(at..end.ok_or_else(contradiction)?);
            waiting_bytes += head;
        }
        Ok(rows + self.rows_told(waiting)?)
    }

    /// Rows of the batches whose metadata is there.
    fn rows_told(&self, metadata: Vec<Range<u64>>) -> Result<u64, ArrowError> {
        let rows = self.file.read_all(metadata)?.into_iter().map(|bytes| {
            let message = message_of(&bytes, bytes.len())?;
            let batch = message.header_as_record_batch();
            let rows = batch.map_or(0, |batch| batch.length());
            u64::try_from(rows).map_err(|_| contradiction())
        });
        rows.sum()
    }

    /// Where one message is, and the length of its metadata.
    fn range(&self, block: &Block) -> Result<(usize, Range<u64>), ArrowError> {
        let at = u64::try_from(block.offset()).map_err(|_| contradiction())?;
        let head = u64::try_from(block.metaDataLength()).map_err(|_| contradiction())?;
        let body = u64::try_from(block.bodyLength()).map_err(|_| contradiction())?;
        let length = head.checked_add(body).ok_or_else(contradiction)?;
        let end = at.checked_add(length).ok_or_else(contradiction)?;
        if end > self.file_bytes {
            return Err(contradiction());
        }
        Ok((head as usize, at..end))
    }

    /// The bytes of one message, after checking the sizes that it claims.
    fn block(&mut self, block: &Block) -> Result<Buffer, ArrowError> {
        let (head, range) = self.range(block)?;
        let length = range.end - range.start;
        if length > BATCH_BYTES_MAX {
            return Err(ArrowError::IpcError(
                "a record batch is over 1 GiB; write smaller ones (chunksize of \
                 pyarrow.feather.write_feather)"
                    .to_owned(),
            ));
        }
        let mut bytes = vec![0; length as usize];
        match (&self.file, &mut self.ahead) {
            (Opened::File(file), _) => file.read_exact_at(&mut bytes, range.start)?,
            (Opened::Object(object), Some(ahead)) => {
                let mut at = 0;
                while at < bytes.len() {
                    let piece = object.told(ahead.bytes_at(range.start + at as u64))?;
                    let taken = piece.len().min(bytes.len() - at);
                    if taken == 0 {
                        return Err(contradiction());
                    }
                    bytes[at..at + taken].copy_from_slice(&piece[..taken]);
                    at += taken;
                }
            }
            (Opened::Object(_), None) => return Err(contradiction()),
        }
        check_buffers(&bytes, head)?;
        Ok(Buffer::from_vec(bytes))
    }
}

/// Refuses a message, whose body begins at `head`, if a compressed buffer claims too large a size.
fn check_buffers(bytes: &[u8], head: usize) -> Result<(), ArrowError> {
    let message = message_of(bytes, head)?;
    let batch = message.header_as_record_batch().or_else(|| {
        message
            .header_as_dictionary_batch()
            .and_then(|dictionary| dictionary.data())
    });
    let Some(batch) = batch.filter(|batch| batch.compression().is_some()) else {
        return Ok(());
    };
    for buffer in batch.buffers().into_iter().flatten() {
        let offset = usize::try_from(buffer.offset()).map_err(|_| contradiction())?;
        let start = head.checked_add(offset).ok_or_else(contradiction)?;
        let claim = bytes.get(start..).and_then(|rest| rest.first_chunk::<8>());
        let claim = claim.map_or(0, |claim| i64::from_le_bytes(*claim));
        if buffer.length() > 0 && claim > BUFFER_BYTES_MAX {
            return Err(contradiction());
        }
    }
    Ok(())
}

/// The metadata of a message whose body begins at `head`.
fn message_of(bytes: &[u8], head: usize) -> Result<Message<'_>, ArrowError> {
    let continued = bytes.starts_with(&[0xff; 4]);
    let metadata = bytes.get(if continued { 8 } else { 4 }..head);
    root_as_message(metadata.ok_or_else(contradiction)?)
        .map_err(|cause| ArrowError::ParseError(cause.to_string()))
}

fn contradiction() -> ArrowError {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "its parts contradict each other",
    )
    .into()
}
