//! Owns writing one shard: what each format appends for a sample and at the end. Checks that every input row
//! has exactly one outcome. Never opens, names temporarily or commits a file.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch, StringArray};
use parquet::arrow::ArrowSchemaConverter;

use crate::error::WriterError;
use crate::files::{CAPTION_EXT, JSON_EXT, OutputFormat, Part, shard_name};
use crate::images::ImageTable;
use crate::layout::Layout;
use crate::metadata::ShardTable;
use crate::outcome::{RowOutcome, SampleFacts};
use crate::sink::Sink;
use crate::tarball::TarMembers;
use crate::tfrecord;

/// Writes one shard. Samples may come in any order, each row at most once; [`ShardWriter::finish`] then takes
/// the outcome of every row.
pub struct ShardWriter {
    table: ShardTable,
    name: String,
    stream: Stream,
    /// Whether each row was written as a sample.
    written: Vec<bool>,
}

/// The state of a format between samples.
enum Stream {
    Files,
    Webdataset(Box<TarMembers>),
    Parquet(Box<ImageTable>),
    Tfrecord,
    Dummy,
}

impl ShardWriter {
    /// Starts a shard. `input` has the saved columns of its rows in output order: additional columns, `caption`
    /// if any, `url`.
    ///
    /// # Errors
    /// `ColumnNameTaken` for a column name that the format uses, `Parquet` for a type that parquet cannot
    /// store.
    pub fn new(
        layout: Arc<Layout>,
        shard_id: u64,
        input: RecordBatch,
    ) -> Result<Self, WriterError> {
        let name = shard_name(shard_id, layout.shard_digits);
        let format = layout.format;
        let table = ShardTable::new(layout, shard_id, input)?;
        ArrowSchemaConverter::new().convert(&table.schema)?;
        let stream = match format {
            OutputFormat::Files => Stream::Files,
            OutputFormat::Webdataset => Stream::Webdataset(Box::new(TarMembers::new()?)),
            OutputFormat::Parquet => Stream::Parquet(Box::new(ImageTable::new(&table)?)),
            OutputFormat::Tfrecord => Stream::Tfrecord,
            OutputFormat::Dummy => Stream::Dummy,
        };
        let written = vec![false; table.rows()];
        Ok(Self {
            table,
            name,
            stream,
            written,
        })
    }

    /// Names the samples by these keys, one per row, instead of numbering them. A row with a null key cannot
    /// have a sample. The caller validates keys: each is one path component without a dot.
    ///
    /// # Errors
    /// `KeyCount` if there is not one key per row.
    pub fn with_keys(mut self, keys: StringArray) -> Result<Self, WriterError> {
        let (given, rows) = (keys.len(), self.written.len());
        if given != rows {
            return Err(WriterError::KeyCount { given, rows });
        }
        self.table.given_keys = Some(keys);
        Ok(self)
    }

    /// Writes one success: the encoded image, its caption and its metadata.
    ///
    /// # Errors
    /// `RowOutOfRange`, `RowRepeated` or `KeyMissing` for a row that cannot be a sample, else why the format
    /// cannot store it.
    pub fn sample(
        &mut self,
        row: usize,
        facts: &SampleFacts,
        image: &[u8],
        sink: &mut dyn Sink,
    ) -> Result<(), WriterError> {
        self.claim(row)?;
        let table = &self.table;
        let key = table.key(row).ok_or(WriterError::KeyMissing(row))?;
        match &mut self.stream {
            Stream::Files => {
                for (ext, bytes) in members(table, row, &key, facts, image) {
                    let folder = Part::Folder.ending();
                    sink.file(
                        format!("{}{folder}/{key}.{ext}", self.name),
                        bytes.into_owned(),
                    );
                }
            }
            Stream::Webdataset(tar) => {
                for (ext, bytes) in members(table, row, &key, facts, image) {
                    tar.append(&format!("{key}.{ext}"), &bytes, sink)?;
                }
            }
            Stream::Parquet(images) => images.sample(table, row, facts, image, sink)?,
            Stream::Tfrecord => tfrecord::append_sample(table, row, &key, facts, image, sink),
            Stream::Dummy => {}
        }
        Ok(())
    }

    /// Ends the stream and writes the metadata parquet, if the format has one beside the data.
    /// `outcomes[row]` is the outcome of each row; exactly the rows written as samples are successes. This is
    /// CPU-heavy: it encodes a whole parquet file.
    ///
    /// # Errors
    /// `OutcomeCount` or `OutcomeDisagrees` if the outcomes do not match the samples, else why the table
    /// cannot be stored.
    pub fn finish(self, outcomes: &[RowOutcome], sink: &mut dyn Sink) -> Result<(), WriterError> {
        self.check_outcomes(outcomes)?;
        match self.stream {
            Stream::Parquet(images) => {
                return images.finish(&self.table, &self.written, outcomes, sink);
            }
            Stream::Dummy => return Ok(()),
            Stream::Webdataset(_) => TarMembers::end(sink),
            Stream::Files | Stream::Tfrecord => {}
        }
        sink.file(
            format!("{}{}", self.name, Part::Parquet.ending()),
            self.table.to_parquet(outcomes)?,
        );
        Ok(())
    }

    /// Name of the file that [`Sink::append`] writes to; `None` if the format has none.
    pub fn stream_path(&self) -> Option<String> {
        let stream = self.table.layout.format.stream()?;
        Some(format!("{}{}", self.name, stream.part.ending()))
    }

    fn claim(&mut self, row: usize) -> Result<(), WriterError> {
        let rows = self.written.len();
        let written = self
            .written
            .get_mut(row)
            .ok_or(WriterError::RowOutOfRange { row, rows })?;
        if std::mem::replace(written, true) {
            return Err(WriterError::RowRepeated(row));
        }
        Ok(())
    }

    /// Checks that metadata neither claims an image that was not written nor hides one that was. A dummy shard
    /// writes no image, so nothing can disagree there.
    fn check_outcomes(&self, outcomes: &[RowOutcome]) -> Result<(), WriterError> {
        let (given, rows) = (outcomes.len(), self.written.len());
        if given != rows {
            return Err(WriterError::OutcomeCount { given, rows });
        }
        let disagrees = |&row: &usize| outcomes[row].as_result().is_ok() != self.written[row];
        match (0..rows).find(disagrees) {
            Some(row) if !matches!(self.stream, Stream::Dummy) => {
                Err(WriterError::OutcomeDisagrees(row))
            }
            _ => Ok(()),
        }
    }
}

/// The members of a sample sorted by extension, as webdataset's own writer orders them.
fn members<'a>(
    table: &ShardTable,
    row: usize,
    key: &str,
    facts: &SampleFacts,
    image: &'a [u8],
) -> Vec<(&'static str, Cow<'a, [u8]>)> {
    let mut members = vec![
        (
            facts.image_ext.unwrap_or(table.layout.image_ext),
            image.into(),
        ),
        (JSON_EXT, table.sample_json(row, key, facts).into()),
    ];
    members.extend(
        table
            .caption(row)
            .map(|caption| (CAPTION_EXT, caption.into())),
    );
    members.sort_by_key(|(ext, _)| *ext);
    members
}

#[cfg(test)]
#[path = "shard_tests.rs"]
mod tests;
