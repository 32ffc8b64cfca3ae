//! Owns the main thread's watch over a run: it receives the threads' events, polls signals, the folder and the
//! network, and reports progress. Never starts or joins a thread.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError};

use super::signals::Signals;
use super::threads::Threads;
use crate::core::Shared;
use crate::dataset::store::Hold;
use crate::error::Error;
use crate::net::outage::{Outage, OutageNotices};
use crate::watch::{Event, Live, Progress, ResolutionMonitor, RunReport, Snapshot, Watchdog};

/// Interval between polls of signals and counters.
const TICK: Duration = Duration::from_millis(200);
/// Interval between checks of the dataset's folder.
const FOLDER_TICK: Duration = Duration::from_secs(1);
/// Shown when the list breaks; the error itself is reported at the end of the run.
const INPUT_BROKEN: &str =
    "the list cannot be read further: what was read is finished, then the run ends with the error";
/// Time that an aborted run allows for the commit in progress, a few syncs, before it leaves the files to the
/// next run.
const COMMIT_END_MAX: Duration = Duration::from_secs(5);
/// Time that an aborted run allows for the files that reactors are creating.
const MAKING_END_MAX: Duration = Duration::from_secs(1);

/// The main thread's view of a run.
pub(super) struct Watch<'a> {
    shared: &'a Shared,
    hold: Box<dyn Hold>,
    /// When the folder was last checked.
    folder_seen: Instant,
    lives: &'a [Arc<Live>],
    names: ResolutionMonitor,
    outage: Arc<Outage>,
    outage_notices: OutageNotices,
    watchdog: Watchdog,
    progress: Progress,
    report: RunReport,
    broken: Option<Error>,
    /// Shards of the whole list; known once it has been read to its end.
    planned: Option<u64>,
    cores_left: usize,
}

impl<'a> Watch<'a> {
    /// Starts the watch over running threads.
    pub(super) fn new(
        shared: &'a Shared,
        hold: Box<dyn Hold>,
        shards_before: u64,
        lives: &'a [Arc<Live>],
        threads: &Threads,
        progress: Progress,
        started: Instant,
    ) -> Self {
        let config = &shared.config;
        Self {
            shared,
            hold,
            folder_seen: started,
            lives,
            names: ResolutionMonitor::new(threads.names.handle().stats(), config.dns.resolver),
            outage: threads.outage.clone(),
            outage_notices: OutageNotices::new(),
            watchdog: Watchdog::new(threads.board.clone(), lives.len(), config.fetch.timeout),
            progress,
            report: RunReport {
                shards_before,
                ..RunReport::default()
            },
            broken: None,
            planned: None,
            cores_left: lives.len(),
        }
    }

    /// Shows a note to the user.
    pub(super) fn note(&mut self, note: &str) {
        self.progress.note(note);
    }

    /// Handles events until every core has ended.
    pub(super) fn until_the_end(
        &mut self,
        events: &Receiver<Event>,
        signals: &Signals,
    ) -> Result<(), Error> {
        while self.cores_left > 0 {
            match events.recv_timeout(TICK) {
                Ok(event) => self.handle(event)?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.look_at_signals(signals)?;
            self.look_at_folder()?;
            self.look_at_network()?;
            self.tell_of_names(false);
            for note in self.watchdog.look(self.lives, Instant::now()) {
                self.progress.note(&note);
            }
            let mut snapshot = Snapshot::of(self.lives);
            snapshot.names = self.names.snapshot();
            self.progress.tick(&snapshot, Instant::now());
        }
        self.tell_of_names(true);
        self.report.names = self.names.snapshot();
        Ok(())
    }

    /// Reports the list's error as a note, if the run ends with another error first.
    pub(super) fn break_off(&mut self) {
        if let Some(broken) = self.broken.take() {
            self.progress.note(broken.message());
        }
    }

    /// The run's report, once every thread has ended.
    ///
    /// # Errors
    /// The list's error, and `Interrupted` if a signal left shards undone.
    pub(super) fn end(self, started: Instant) -> Result<RunReport, Error> {
        let Self {
            mut report,
            mut progress,
            ..
        } = self;
        // A signal that came when every shard was in progress has stopped nothing.
        let ended = report.shards + report.shards_elsewhere + report.shards_missing;
        report.interrupted &= self.planned != Some(ended);
        report.elapsed = started.elapsed();
        report.body_bytes = Snapshot::of(self.lives).body_bytes;
        progress.end(&report);
        match self.broken {
            Some(error) => Err(error),
            None if report.interrupted => Err(Error::Interrupted),
            None => Ok(report),
        }
    }

    /// Enters the dataset among its versions, if every shard of the list is done.
    pub(super) fn enter_version(&mut self) {
        let report = &self.report;
        let ended = report.shards + report.shards_elsewhere;
        let is_whole = self.planned == Some(ended) && report.shards_missing == 0;
        if !is_whole || self.broken.is_some() {
            return;
        }
        match self.shared.store.enter_version() {
            Ok(number) => self.report.version = number.map(|number| number.to_string()),
            Err(error) => self.broken = Some(error),
        }
    }

    fn tell_of_names(&mut self, at_end: bool) {
        for note in self.names.notes(at_end) {
            self.progress.note(&note);
        }
    }

    fn handle(&mut self, event: Event) -> Result<(), Error> {
        match event {
            Event::ShardCommitted(shard) => {
                self.progress.shard(&shard);
                self.report.shards += 1;
                self.report.tally.add(&shard.tally);
            }
            Event::ShardElsewhere => self.report.shards_elsewhere += 1,
            Event::ShardGivenUp { shard_id, error } => {
                let (message, hint) = (error.message(), error.hint());
                self.progress
                    .note(&format!("shard {shard_id} is missing: {message} ({hint})"));
                self.report.shards_missing += 1;
            }
            Event::InputBroken(error) => {
                self.progress.note(INPUT_BROKEN);
                self.broken = Some(error);
            }
            Event::ListEnded { losses, planned } => {
                self.report.losses = losses;
                self.planned = planned;
            }
            Event::CoreEnded(Ok(())) => self.cores_left -= 1,
            Event::CoreEnded(Err(error)) | Event::Fatal(error) => return Err(self.abort(error)),
        }
        Ok(())
    }

    fn look_at_signals(&mut self, signals: &Signals) -> Result<(), Error> {
        match signals.count() + usize::from(self.progress.broken_off()) {
            0 => Ok(()),
            1 if self.report.interrupted => Ok(()),
            1 => {
                self.report.interrupted = true;
                self.shared.drain();
                self.progress.note(
                    "stopping: open shards are finished, no new one is begun; once more stops at once",
                );
                Ok(())
            }
            _ => Err(self.abort(Error::Interrupted)),
        }
    }

    /// Checks that the folder still exists: a shard may write nothing for minutes, so no write would notice.
    fn look_at_folder(&mut self) -> Result<(), Error> {
        if self.folder_seen.elapsed() < FOLDER_TICK {
            return Ok(());
        }
        self.folder_seen = Instant::now();
        self.hold.check().map_err(|error| self.abort(error))
    }

    /// Aborts an interrupted run during an outage: rows that wait for the network, and shards that wait for their
    /// store, stay open.
    fn look_at_network(&mut self) -> Result<(), Error> {
        if self.report.interrupted && (self.outage.is_down() || self.shared.store.is_away()) {
            return Err(self.abort(Error::Interrupted));
        }
        match self.outage_notices.poll(&self.outage, Instant::now()) {
            Ok(None) => {}
            Ok(Some(note)) => self.progress.note(&note),
            Err(error) => return Err(self.abort(error)),
        }
        Ok(())
    }

    /// Ends the run at once: does not wait for reactors, and leaves the folder resumable.
    fn abort(&self, error: Error) -> Error {
        self.shared.drain();
        let is_still = self.shared.commits.close(COMMIT_END_MAX);
        self.shared.store.close(MAKING_END_MAX);
        if is_still {
            self.shared.store.sweep();
        }
        error
    }
}
