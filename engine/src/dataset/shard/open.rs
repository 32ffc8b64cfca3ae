//! Owns one shard while its rows end, in any order: outcomes, counts, rows left. Never waits.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::SystemTime;

use turbo2ds_writers::{
    Layout, Part, RowFailure, RowOutcome, SampleFacts, ShardStats, ShardWriter, Sink, Status,
    WriterError,
};

use super::stream::{Dirty, ShardFiles};
use crate::dataset::sealed::Collected;
use crate::dataset::sealed::{SealedShard, ShardSlot};
use crate::dataset::store::Draft;
use crate::failure::Failure;
use crate::list::plan::ShardPlan;
use crate::machine::sync::Permit;
use crate::watch::Tally;

/// A shard whose rows have not all ended.
pub(crate) struct OpenShard {
    /// The plan, kept for another try.
    pub plan: ShardPlan,
    /// Tries before this one.
    pub attempt: u32,
    /// Where its bytes go.
    pub files: Rc<RefCell<ShardFiles>>,
    /// Rows by how they ended.
    pub tally: Tally,
    /// The error of its files, if one failed.
    pub broken: Option<(PathBuf, std::io::Error)>,
    /// Whether its last byte is laid out.
    pub laid_out: bool,
    writer: Option<Box<ShardWriter>>,
    /// By row; `None` for one that has not ended.
    outcomes: Vec<Option<RowOutcome>>,
    left: usize,
    started: SystemTime,
    _place: Permit,
}

impl OpenShard {
    /// Opens a plan's shard, whose files go to `draft`; `place` is its place among the core's open shards.
    ///
    /// # Errors
    /// If the input's columns cannot be laid out.
    pub(crate) fn open(
        plan: ShardPlan,
        attempt: u32,
        layout: &Arc<Layout>,
        draft: Box<dyn Draft>,
        dirty: Rc<Dirty>,
        place: Permit,
    ) -> Result<Self, WriterError> {
        let mut writer = ShardWriter::new(layout.clone(), plan.shard_id, plan.input.clone())?;
        if let Some(keys) = plan.keys() {
            writer = writer.with_keys(keys.clone())?;
        }
        let files = ShardFiles::new(draft, writer.stream_path(), dirty);
        let rows = plan.rows();
        Ok(Self {
            plan,
            attempt,
            files: Rc::new(RefCell::new(files)),
            tally: Tally::default(),
            broken: None,
            laid_out: false,
            writer: Some(Box::new(writer)),
            outcomes: vec![None; rows],
            left: rows,
            started: SystemTime::now(),
            _place: place,
        })
    }

    /// Adds a sample; true if it was the last row.
    ///
    /// # Errors
    /// If the sample cannot be laid out.
    pub(crate) fn sample(
        &mut self,
        row: usize,
        facts: SampleFacts,
        image: &[u8],
    ) -> Result<bool, WriterError> {
        if let Some(writer) = &mut self.writer
            && self.broken.is_none()
        {
            writer.sample(row, &facts, image, &mut *self.files.borrow_mut())?;
        }
        self.tally.successes += 1;
        Ok(self.end_row(row, RowOutcome::Success(facts)))
    }

    /// Adds a failure; true if it was the last row.
    pub(crate) fn fail(&mut self, row: usize, failure: Failure, text: Arc<str>) -> bool {
        self.tally.fail(failure);
        let stage = failure.stage();
        self.end_row(row, RowOutcome::Failure(RowFailure { stage, text }))
    }

    fn end_row(&mut self, row: usize, outcome: RowOutcome) -> bool {
        debug_assert!(self.outcomes[row].is_none(), "a row ends once");
        self.outcomes[row] = Some(outcome);
        self.left -= 1;
        self.left == 0
    }

    /// The writer and the outcomes, for the seal; `None` if they were taken before.
    pub(crate) fn take_seal(&mut self) -> Option<(Box<ShardWriter>, Vec<RowOutcome>)> {
        debug_assert_eq!(self.left, 0, "a shard is sealed when every row has ended");
        let outcomes = std::mem::take(&mut self.outcomes).into_iter();
        Some((self.writer.take()?, outcomes.collect::<Option<_>>()?))
    }

    /// Adds the bytes of the seal. A broken shard lays nothing out: it is done again.
    ///
    /// # Errors
    /// If the metadata could not be laid out.
    pub(crate) fn lay_out_end(
        &mut self,
        collected: Result<Collected, WriterError>,
    ) -> Result<(), WriterError> {
        self.laid_out = true;
        if self.broken.is_some() {
            return Ok(());
        }
        let collected = collected?;
        let mut files = self.files.borrow_mut();
        files.append(&collected.stream);
        for (path, bytes) in collected.files {
            files.file(path, bytes);
        }
        files.finish_stream();
        Ok(())
    }

    /// The shard for the commit thread, once its last byte is written. The reactor `owner` calls it `slot`.
    pub(crate) fn take_sealed(
        &mut self,
        owner: usize,
        slot: ShardSlot,
        digits: usize,
    ) -> Option<SealedShard> {
        if !self.laid_out || !self.files.borrow().is_written() {
            return None;
        }
        self.laid_out = false;
        let stats = ShardStats {
            files: self.files.borrow_mut().digests(),
            ..self.stats(SystemTime::now())
        };
        let (written, stream_bytes) = self.files.borrow_mut().take_written();
        Some(SealedShard {
            owner,
            slot,
            shard_id: self.plan.shard_id,
            attempt: self.attempt,
            rows: self.plan.rows() as u64,
            keys: self.plan.keys().cloned(),
            written,
            stream_bytes,
            stats: (self.stats_name(digits), stats.to_json()),
        })
    }

    /// The shard's statistics, without its files.
    pub(crate) fn stats(&self, now: SystemTime) -> ShardStats {
        let mut status: Vec<(String, u64)> = Vec::with_capacity(self.tally.failures.len() + 1);
        if self.tally.successes > 0 {
            status.push((Status::Success.as_str().to_owned(), self.tally.successes));
        }
        status.extend(
            self.tally
                .failures
                .iter()
                .map(|(failure, &n)| (failure.to_string(), n)),
        );
        ShardStats {
            count: self.tally.count(),
            successes: self.tally.successes,
            failed_to_download: self.tally.failed_to_download,
            failed_to_resize: self.tally.failed_to_resize,
            start_time: unix_seconds(self.started),
            end_time: unix_seconds(now),
            status_dict: status.into_iter().collect(),
            files: BTreeMap::new(),
        }
    }

    /// Name of the mark.
    pub(crate) fn stats_name(&self, digits: usize) -> String {
        Part::Mark.file_name(self.plan.shard_id, digits)
    }
}

fn unix_seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}
