//! Owns Arrow IPC: files with a footer (`.arrow`, Feather version 2) record batch by record batch, and
//! streams as they come. Never takes memory for a claim that the file cannot hold.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{FileDecoder, StreamReader, read_footer_length};
use arrow_ipc::{Block, root_as_footer, root_as_message};
use arrow_schema::{ArrowError, DataType, SchemaRef};

use super::bytes::Bytes;
use super::columns::Columns;
use super::losses::Losses;
use super::stored::{self, Places};
use super::{BATCH_ROWS_MAX, RowSource, broken};
use crate::contain::contained;
use crate::error::Error;

/// Largest record batch, bytes: one is in memory at a time, whatever the file's size.
const BATCH_BYTES_MAX: u64 = 1 << 30;
/// What one compressed buffer may become, bytes.
const BUFFER_BYTES_MAX: i64 = 1 << 30;
/// Bytes of the magic and the footer's length at a file's end.
const TAIL_BYTES: u64 = 10;

/// The record batches of a file or a stream.
pub(super) struct ArrowSource {
    path: PathBuf,
    batches: Batches,
    columns: Columns,
    places: Places,
    types: Arc<[DataType]>,
    /// A batch that is given in parts, and the first row that was not.
    open: Option<(RecordBatch, usize)>,
    rows_max: usize,
    failed: bool,
    losses: Losses,
}

enum Batches {
    File(Box<FileBatches>),
    Stream(Box<StreamReader<Bytes>>),
}

impl ArrowSource {
    /// Reads the footer of a file.
    pub(super) fn file(path: &Path, file: File) -> Result<(SchemaRef, FileBatches), Error> {
        let opened = contained(|| FileBatches::open(file));
        let batches = opened
            .unwrap_or_else(|| Err(contradiction()))
            .map_err(|cause| broken(path, &cause))?;
        Ok((batches.schema.clone(), batches))
    }

    /// Reads the schema of a stream.
    pub(super) fn stream(
        path: &Path,
        bytes: Bytes,
    ) -> Result<(SchemaRef, StreamReader<Bytes>), Error> {
        let opened = contained(|| StreamReader::try_new(bytes, None));
        let reader = opened
            .unwrap_or_else(|| Err(contradiction()))
            .map_err(|cause| broken(path, &cause))?;
        Ok((reader.schema(), reader))
    }

    pub(super) fn of_file(
        path: &Path,
        file: File,
        columns: Columns,
        types: Arc<[DataType]>,
        rows_max: usize,
    ) -> Result<Self, Error> {
        let (schema, batches) = Self::file(path, file)?;
        Self::new(
            path,
            Batches::File(Box::new(batches)),
            &schema,
            columns,
            types,
            rows_max,
        )
    }

    pub(super) fn of_stream(
        path: &Path,
        bytes: Bytes,
        columns: Columns,
        types: Option<Arc<[DataType]>>,
        rows_max: usize,
    ) -> Result<Self, Error> {
        let (schema, reader) = Self::stream(path, bytes)?;
        let types = match types {
            Some(types) => types,
            // Nobody could look into a pipe before.
            None => stored::types(path, &schema, &columns)?.into(),
        };
        Self::new(
            path,
            Batches::Stream(Box::new(reader)),
            &schema,
            columns,
            types,
            rows_max,
        )
    }

    fn new(
        path: &Path,
        batches: Batches,
        schema: &SchemaRef,
        columns: Columns,
        types: Arc<[DataType]>,
        rows_max: usize,
    ) -> Result<Self, Error> {
        let places = Places::in_schema(path, schema, &columns)?;
        Ok(Self {
            losses: Losses::of(&super::shown(path), "row"),
            path: path.to_owned(),
            batches,
            columns,
            places,
            types,
            open: None,
            rows_max: rows_max.min(BATCH_ROWS_MAX),
            failed: false,
        })
    }

    fn read(&mut self) -> Result<Option<RecordBatch>, Error> {
        loop {
            if let Some((batch, from)) = self.open.take() {
                let rows = self.rows_max.min(batch.num_rows() - from);
                if rows > 0 {
                    let part = batch.slice(from, rows);
                    self.open = Some((batch, from + rows));
                    return self.kept(&part).map(Some);
                }
            }
            let next = contained(|| self.batches.next()).unwrap_or_else(|| Err(contradiction()));
            match next.map_err(|cause| broken(&self.path, &cause))? {
                Some(batch) => self.open = Some((batch, 0)),
                None => return Ok(None),
            }
        }
    }

    fn kept(&mut self, batch: &RecordBatch) -> Result<RecordBatch, Error> {
        let roots = self.places.roots();
        let arrays: Vec<ArrayRef> = roots
            .iter()
            .map(|&root| batch.column(root).clone())
            .collect();
        let arrays = stored::kept(arrays, &self.columns, &self.types, &mut self.losses);
        arrays
            .and_then(|arrays| self.columns.batch(arrays))
            .map_err(|cause| broken(&self.path, &cause))
    }
}

impl RowSource for ArrowSource {
    fn next_batch(&mut self) -> Option<Result<RecordBatch, Error>> {
        if self.failed {
            return None;
        }
        let batch = self.read().transpose();
        self.failed = matches!(batch, Some(Err(_)));
        batch
    }

    fn losses(&self) -> Losses {
        self.losses.clone()
    }
}

impl Batches {
    fn next(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        match self {
            Self::File(file) => file.next(),
            Self::Stream(stream) => stream.next().transpose(),
        }
    }
}

/// A file's record batches, by its footer.
pub(super) struct FileBatches {
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

    /// The bytes of one message, after a look at what it claims.
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

/// Whether the compressed buffers of a message, whose body begins at `head`, claim no more than they may.
fn check_buffers(bytes: &[u8], head: usize) -> Result<(), ArrowError> {
    let continued = bytes.starts_with(&[0xff; 4]);
    let metadata = bytes.get(if continued { 8 } else { 4 }..head);
    let message = root_as_message(metadata.ok_or_else(contradiction)?)
        .map_err(|cause| ArrowError::ParseError(cause.to_string()))?;
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

fn contradiction() -> ArrowError {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "its parts contradict each other",
    )
    .into()
}
