//! Owns reading Arrow IPC: files with a footer (`.arrow`, Feather version 2) one record batch at a
//! time, and streams. Never allocates for a claimed size that the file cannot contain.

use std::fs::File;
use std::io;
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
use super::typed::{self, Batches, Places, TypedSource};
use super::{BATCH_ROWS_MAX, broken};
use crate::error::Error;
use crate::list::catch_panic::contained;

/// Largest record batch, bytes: one is in memory at a time, whatever the file's size.
const BATCH_BYTES_MAX: u64 = 1 << 30;
/// Largest decompressed buffer, bytes.
const BUFFER_BYTES_MAX: i64 = 1 << 30;
/// Bytes of the magic and the footer's length at a file's end.
const TAIL_BYTES: u64 = 10;

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
pub(super) fn file_summary(path: &Path, file: File) -> Result<(u64, SchemaRef), Error> {
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
    file: File,
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

fn open_file(path: &Path, file: File) -> Result<FileBatches, Error> {
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
    file: File,
    file_bytes: u64,
    schema: SchemaRef,
    decoder: FileDecoder,
    blocks: std::vec::IntoIter<Block>,
}

impl FileBatches {
    fn open(file: File) -> Result<Self, ArrowError> {
        let file_bytes = file.metadata()?.len();
        let tail_at = file_bytes
            .checked_sub(TAIL_BYTES)
            .ok_or_else(contradiction)?;
        let mut tail = [0; TAIL_BYTES as usize];
        file.read_exact_at(&mut tail, tail_at)?;
        let length = read_footer_length(tail)? as u64;
        let footer_at = tail_at.checked_sub(length).ok_or_else(contradiction)?;
        let mut bytes = vec![0; (tail_at - footer_at) as usize];
        file.read_exact_at(&mut bytes, footer_at)?;
        let footer =
            root_as_footer(&bytes).map_err(|cause| ArrowError::ParseError(cause.to_string()))?;
        let schema = footer.schema().ok_or_else(contradiction)?;
        let schema: SchemaRef = Arc::new(try_fb_to_schema(schema)?);
        let mut this = Self {
            decoder: FileDecoder::new(schema.clone(), footer.version()),
            file,
            file_bytes,
            schema,
            blocks: footer
                .recordBatches()
                .map_or_else(Vec::new, |blocks| blocks.iter().copied().collect())
                .into_iter(),
        };
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
        let rows = self.blocks.as_slice().iter().map(|block| {
            let head = usize::try_from(block.metaDataLength()).map_err(|_| contradiction())?;
            let at = u64::try_from(block.offset()).map_err(|_| contradiction())?;
            if at
                .checked_add(head as u64)
                .is_none_or(|end| end > self.file_bytes)
            {
                return Err(contradiction());
            }
            let mut bytes = vec![0; head];
            self.file.read_exact_at(&mut bytes, at)?;
            let message = message_of(&bytes, head)?;
            let batch = message.header_as_record_batch();
            let rows = batch.map_or(0, |batch| batch.length());
            u64::try_from(rows).map_err(|_| contradiction())
        });
        rows.sum()
    }

    /// The bytes of one message, after checking the sizes that it claims.
    fn block(&self, block: &Block) -> Result<Buffer, ArrowError> {
        let at = u64::try_from(block.offset()).map_err(|_| contradiction())?;
        let head = u64::try_from(block.metaDataLength()).map_err(|_| contradiction())?;
        let body = u64::try_from(block.bodyLength()).map_err(|_| contradiction())?;
        let length = head.checked_add(body).ok_or_else(contradiction)?;
        let end = at.checked_add(length).ok_or_else(contradiction)?;
        if end > self.file_bytes {
            return Err(contradiction());
        }
        if length > BATCH_BYTES_MAX {
            return Err(ArrowError::IpcError(
                "a record batch is over 1 GiB; write smaller ones (chunksize of \
                 pyarrow.feather.write_feather)"
                    .to_owned(),
            ));
        }
        let mut bytes = vec![0; length as usize];
        self.file.read_exact_at(&mut bytes, at)?;
        check_buffers(&bytes, head as usize)?;
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
