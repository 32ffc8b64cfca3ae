//! Owns the split of rows into shards: which rows belong to which shard id. Never fetches, and never reads a
//! file itself: [`crate::list`] does.
//!
//! Every file starts a new shard, and ids count on across files, so that a shard's content depends only on the
//! list, the rows per shard and the first id. A truncated file yields its full shards and then the error: a
//! shard committed with too few rows would never be completed.

use std::collections::VecDeque;

use arrow_array::{Array, RecordBatch, StringArray, cast::AsArray};
use turbo2ds_codec::BoundingBox;

use crate::config::InputFormat;
use crate::error::{Error, Message};
use crate::failure::Failure;
use crate::list::{Boxes, Columns, EmptyCell, InputIdentity, List, Losses, Role, RowSource};

pub(crate) mod keys;

use keys::Keys;

/// One shard's rows, before anything is fetched.
#[derive(Clone, Debug)]
pub struct ShardPlan {
    /// Number of the shard.
    pub shard_id: u64,
    /// The saved columns and the boxes, `caption` if there is one, and `url` as the last column.
    pub input: RecordBatch,
    urls: StringArray,
    expected_hashes: Option<StringArray>,
    boxes: Option<Boxes>,
    keys: Option<Keys>,
}

impl ShardPlan {
    /// Number of rows, at least 1.
    pub fn rows(&self) -> usize {
        self.urls.len()
    }

    /// The URL of `row`; `None` if the list has none.
    pub fn url(&self, row: usize) -> Option<&str> {
        self.urls.is_valid(row).then(|| self.urls.value(row))
    }

    /// The hash that the list gives for `row`, verbatim; `None` if it has none.
    pub fn expected_hash(&self, row: usize) -> Option<&str> {
        let hashes = self.expected_hashes.as_ref()?;
        hashes.is_valid(row).then(|| hashes.value(row))
    }

    /// The key that the list gives `row`; `None` if samples are numbered.
    ///
    /// # Errors
    /// [`Failure::InvalidKey`] and [`Failure::DuplicateKey`].
    pub fn key(&self, row: usize) -> Result<Option<&str>, Failure> {
        self.keys.as_ref().map(|keys| keys.of(row)).transpose()
    }

    /// The keys by row, null if a row cannot have a sample; `None` if samples are numbered.
    pub fn keys(&self) -> Option<&StringArray> {
        self.keys.as_ref().map(Keys::names)
    }

    /// The boxes to blur in the image of `row`.
    ///
    /// # Errors
    /// [`Failure::InvalidBoundingBox`] if the list has anything else there.
    pub fn boxes(&self, row: usize) -> Result<Vec<BoundingBox>, Failure> {
        self.boxes.as_ref().map_or(Ok(Vec::new()), |b| b.of(row))
    }
}

/// Splits a URL list into shards, one after the other.
pub struct Planner {
    list: List,
    /// Number of rows in a full shard.
    rows_per_shard: usize,
    /// Index of the file to open next.
    next_file: usize,
    /// Rows that may still be taken.
    rows_left: u64,
    open: Option<OpenFile>,
    next_shard_id: u64,
    /// Number of the last shard to plan.
    last_shard_id: u64,
    hash_column: Option<usize>,
    key_column: Option<usize>,
    boxes_column: Option<usize>,
    is_done: Box<dyn Fn(u64) -> bool + Send>,
    losses: Losses,
    failed: bool,
}

/// The file that is being split.
struct OpenFile {
    source: Box<dyn RowSource>,
    /// Rows that are read but not yet planned.
    pending: VecDeque<RecordBatch>,
}

impl Planner {
    /// Opens the list's first file.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub fn open(list: List) -> Result<Self, Error> {
        let config = list.config();
        let columns = Columns::new(config);
        let mut planner = Self {
            rows_per_shard: config.rows_per_shard,
            rows_left: config.rows_max.unwrap_or(u64::MAX),
            list,
            next_file: 0,
            open: None,
            next_shard_id: 0,
            last_shard_id: u64::MAX,
            hash_column: columns.place(Role::Hash),
            key_column: columns.place(Role::Key),
            boxes_column: columns.place(Role::Boxes),
            is_done: Box::new(|_| false),
            losses: Losses::default(),
            failed: false,
        };
        planner.open_next()?;
        Ok(planner)
    }

    /// The identity of the list, by which a resumed run recognizes it.
    pub fn identity(&self) -> &InputIdentity {
        self.list.identity()
    }

    /// Numbers the shards from `first_shard_id` instead of 0.
    #[must_use]
    pub fn starting_at(mut self, first_shard_id: u64) -> Self {
        self.next_shard_id = first_shard_id;
        self
    }

    /// Ends after the shard with this number, and reads no further.
    #[must_use]
    pub fn ending_at(mut self, last_shard_id: u64) -> Self {
        self.last_shard_id = last_shard_id;
        self
    }

    /// The number after the last shard that was planned or skipped.
    pub fn next_shard_id(&self) -> u64 {
        self.next_shard_id
    }

    /// Skips the shards for which `is_done` returns true: they keep their ids and rows, and are skipped as
    /// cheaply as the format allows.
    #[must_use]
    pub fn skipping(mut self, is_done: impl Fn(u64) -> bool + Send + 'static) -> Self {
        self.is_done = Box::new(is_done);
        self
    }

    /// What could not be kept as the list has it, so far.
    pub fn losses(&self) -> Losses {
        let mut total = self.losses.clone();
        if let Some(open) = &self.open {
            total.join(&open.source.losses());
        }
        total
    }

    fn open_next(&mut self) -> Result<(), Error> {
        if let Some(closed) = self.open.take() {
            self.losses.join(&closed.source.losses());
        }
        if let Some(source) = self.list.source(self.next_file)? {
            self.next_file += 1;
            self.open = Some(OpenFile {
                source,
                pending: VecDeque::new(),
            });
        }
        Ok(())
    }

    /// Plans the next shard that is not done; `None` at the end of the list.
    fn next_plan(&mut self) -> Result<Option<ShardPlan>, Error> {
        while self.rows_left > 0
            && let Some(open) = &mut self.open
            && self.next_shard_id <= self.last_shard_id
        {
            let left = usize::try_from(self.rows_left).unwrap_or(usize::MAX);
            let wanted = self.rows_per_shard.min(left);
            let (rows, batch) = if (self.is_done)(self.next_shard_id) {
                (open.skip(wanted)?, None)
            } else {
                let batch = open.take(wanted)?;
                (batch.as_ref().map_or(0, RecordBatch::num_rows), batch)
            };
            if rows == 0 {
                self.open_next()?;
                continue;
            }
            let shard_id = self.next_shard_id;
            self.next_shard_id += 1;
            self.rows_left -= rows as u64;
            if let Some(batch) = batch {
                return self.plan(shard_id, batch).map(Some);
            }
        }
        Ok(None)
    }

    fn plan(&self, shard_id: u64, mut batch: RecordBatch) -> Result<ShardPlan, Error> {
        let boxes = self
            .boxes_column
            .map(|column| self.boxes(&batch, column))
            .transpose()?;
        // The key's column comes after the hash's, so it is removed first.
        let keys = self
            .key_column
            .map(|column| Keys::new(batch.remove_column(column).as_string()));
        let expected_hashes = self
            .hash_column
            .map(|column| batch.remove_column(column).as_string::<i32>().clone());
        // The URL is the last column, as text.
        let urls = batch
            .column(batch.num_columns() - 1)
            .as_string::<i32>()
            .clone();
        Ok(ShardPlan {
            shard_id,
            input: batch,
            urls,
            expected_hashes,
            boxes,
            keys,
        })
    }

    fn boxes(&self, batch: &RecordBatch, column: usize) -> Result<Boxes, Error> {
        // An empty delimited field is not null: null means a truncated record.
        let empty = match self.list.format() {
            InputFormat::Csv | InputFormat::Tsv => EmptyCell::Broken,
            _ => EmptyCell::NoBoxes,
        };
        Boxes::new(batch.column(column), empty).map_err(|cause| {
            Error::input(
                Message::because("cannot read the boxes of the list", cause),
                "see the column named by --bbox_col",
            )
        })
    }
}

impl Iterator for Planner {
    type Item = Result<ShardPlan, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let plan = self.next_plan().transpose();
        self.failed = matches!(plan, Some(Err(_)));
        plan
    }
}

impl OpenFile {
    /// Reads until `rows` rows are pending or the file ends, and returns how many are pending.
    fn gather(&mut self, rows: usize) -> Result<usize, Error> {
        let mut have: usize = self.pending.iter().map(RecordBatch::num_rows).sum();
        while have < rows
            && let Some(batch) = self.source.next_batch()
        {
            let batch = batch?;
            have += batch.num_rows();
            self.pending.push_back(batch);
        }
        Ok(have)
    }

    /// Takes up to `rows` rows; `None` at the end of the file. Copies only if a shard spans batches.
    fn take(&mut self, rows: usize) -> Result<Option<RecordBatch>, Error> {
        self.gather(rows)?;
        let mut parts = self.cut(rows);
        let Some(first) = parts.first() else {
            return Ok(None);
        };
        if parts.len() == 1 {
            return Ok(parts.pop());
        }
        arrow_select::concat::concat_batches(&first.schema(), &parts)
            .map(Some)
            .map_err(|cause| {
                Error::input(
                    Message::because("cannot join the rows of a shard", cause),
                    "lower --number_sample_per_shard",
                )
            })
    }

    /// Takes up to `rows` pending rows.
    fn cut(&mut self, rows: usize) -> Vec<RecordBatch> {
        let mut parts = Vec::new();
        let mut left = rows;
        while left > 0
            && let Some(batch) = self.pending.pop_front()
        {
            let taken = left.min(batch.num_rows());
            if taken < batch.num_rows() {
                self.pending
                    .push_front(batch.slice(taken, batch.num_rows() - taken));
            }
            parts.push(batch.slice(0, taken));
            left -= taken;
        }
        parts
    }

    /// Skips up to `rows` rows and returns how many it skipped.
    fn skip(&mut self, rows: usize) -> Result<usize, Error> {
        let count =
            |parts: Vec<RecordBatch>| parts.iter().map(RecordBatch::num_rows).sum::<usize>();
        let mut skipped = count(self.cut(rows));
        // At most `rows`, so it fits.
        skipped += self.source.skip((rows - skipped) as u64) as usize;
        if skipped < rows {
            self.gather(rows - skipped)?;
            skipped += count(self.cut(rows - skipped));
        }
        Ok(skipped)
    }
}

#[cfg(test)]
mod tests;
