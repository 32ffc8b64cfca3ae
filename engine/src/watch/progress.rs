//! Owns displaying the progress of a run: a bar on a terminal, or else plain lines, or JSON lines with
//! `--log_json`, or the same events for the observer of a host program. Never counts.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::ShardReport;
use super::live::Snapshot;
use super::resolution;
use super::summary::{RunReport, most_frequent, total_line};
use crate::list::{Loss, Losses};
use crate::text::bounded;
use crate::text::terminal;

/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Kinds of failures shown next to the bar.
const FAILURES_SHOWN: usize = 3;
/// Rates are averages over this time.
const RATE_OVER: Duration = Duration::from_secs(5);

/// Receives a run's events: the objects of `--log_json`, with the line that would have been displayed
/// as `text`, and the progress at every tick. `Break` stops the run like a signal; no event follows.
pub type Observer = Box<dyn FnMut(&serde_json::Value) -> ControlFlow<()> + Send>;

enum Face {
    Bar(ProgressBar),
    Lines { next: Instant },
    Json { next: Instant },
    Observed(Observed),
}

/// A host's observer, and whether it has stopped the run.
struct Observed {
    observer: Observer,
    broken_off: bool,
}

impl Observed {
    fn tell(&mut self, mut event: serde_json::Value, text: String) {
        if !self.broken_off {
            event["text"] = text.into();
            self.broken_off = (self.observer)(&event).is_break();
        }
    }
}

/// The display of one run.
pub(crate) struct Progress {
    face: Face,
    rows_total: Option<u64>,
    /// Recent counts, oldest first: when, rows, bytes.
    recent: std::collections::VecDeque<(Instant, u64, u64)>,
}

impl Progress {
    /// A display for a run of `rows_total` rows, if that is known.
    pub(crate) fn new(
        log_json: bool,
        observer: Option<Observer>,
        rows_total: Option<u64>,
        now: Instant,
    ) -> Self {
        let face = if let Some(observer) = observer {
            Face::Observed(Observed {
                observer,
                broken_off: false,
            })
        } else if log_json {
            Face::Json {
                next: now + LINE_EVERY,
            }
        } else if std::io::stderr().is_terminal() {
            Face::Bar(bar(rows_total))
        } else {
            Face::Lines {
                next: now + LINE_EVERY,
            }
        };
        Self {
            face,
            rows_total,
            recent: [(now, 0, 0)].into(),
        }
    }

    /// Shows the current state.
    pub(crate) fn tick(&mut self, snapshot: &Snapshot, now: Instant) {
        let (rows_rate, bytes_rate) = self.rates(snapshot, now);
        match &mut self.face {
            Face::Bar(bar) => {
                bar.set_position(snapshot.tally.count());
                bar.set_message(state(snapshot, rows_rate, bytes_rate, None));
            }
            Face::Lines { next } if now >= *next => {
                *next = now + LINE_EVERY;
                let total = Some(self.rows_total);
                terminal::err(state(snapshot, rows_rate, bytes_rate, total));
            }
            Face::Json { next } if now >= *next => {
                *next = now + LINE_EVERY;
                let total = self.rows_total;
                terminal::err(progress_json(snapshot, rows_rate, bytes_rate, total));
            }
            Face::Observed(observed) => {
                let total = self.rows_total;
                observed.tell(
                    progress_json(snapshot, rows_rate, bytes_rate, total),
                    state(snapshot, rows_rate, bytes_rate, Some(total)),
                );
            }
            Face::Lines { .. } | Face::Json { .. } => {}
        }
    }

    /// Whether the observer has stopped the run.
    pub(crate) fn broken_off(&self) -> bool {
        matches!(&self.face, Face::Observed(observed) if observed.broken_off)
    }

    /// Shows that a shard is durable.
    pub(crate) fn shard(&mut self, shard: &ShardReport) {
        let line = || total_line("worker", &shard.tally, shard.seconds);
        match &mut self.face {
            Face::Bar(bar) => bar.suspend(|| terminal::out(line())),
            Face::Lines { .. } => terminal::out(line()),
            Face::Json { .. } => terminal::err(shard_json(shard)),
            Face::Observed(observed) => observed.tell(shard_json(shard), line()),
        }
    }

    /// Shows a message at once.
    pub(crate) fn note(&mut self, text: &str) {
        let text = &*bounded(text);
        let event = || json!({"event": "note", "text": text});
        match &mut self.face {
            Face::Bar(bar) => bar.suspend(|| terminal::err(text)),
            Face::Lines { .. } => terminal::err(text),
            Face::Json { .. } => terminal::err(event()),
            Face::Observed(observed) => observed.tell(event(), text.to_owned()),
        }
    }

    /// Shows the summary.
    pub(crate) fn end(&mut self, report: &RunReport) {
        match &mut self.face {
            Face::Json { .. } => terminal::err(summary_json(report)),
            Face::Observed(observed) => {
                observed.tell(summary_json(report), report.lines().join("\n"));
            }
            Face::Bar(bar) => {
                bar.finish_and_clear();
                report.lines().iter().for_each(terminal::out);
            }
            Face::Lines { .. } => report.lines().iter().for_each(terminal::out),
        }
    }

    /// Recent rows and bytes per second.
    fn rates(&mut self, snapshot: &Snapshot, now: Instant) -> (f64, f64) {
        self.recent
            .push_back((now, snapshot.tally.count(), snapshot.body_bytes));
        while self.recent.len() > 2 && now.duration_since(self.recent[0].0) > RATE_OVER {
            self.recent.pop_front();
        }
        let (since, rows, bytes) = self.recent[0];
        let seconds = now.duration_since(since).as_secs_f64().max(1e-3);
        let rows_rate = snapshot.tally.count().saturating_sub(rows) as f64 / seconds;
        let bytes_rate = snapshot.body_bytes.saturating_sub(bytes) as f64 / seconds;
        (rows_rate, bytes_rate)
    }
}

fn bar(rows_total: Option<u64>) -> ProgressBar {
    let (bar, template) = match rows_total {
        Some(total) => (
            ProgressBar::new(total),
            "{bar:24} {human_pos}/{human_len} eta {eta} {wide_msg}",
        ),
        None => (
            ProgressBar::no_length(),
            "{spinner} {human_pos} in {elapsed} {wide_msg}",
        ),
    };
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The state as text. With `counted_of`, it begins with the count and the total, if that is known.
fn state(
    snapshot: &Snapshot,
    rows_rate: f64,
    bytes_rate: f64,
    counted_of: Option<Option<u64>>,
) -> String {
    let count = snapshot.tally.count();
    let mut text = match counted_of {
        Some(Some(total)) => {
            let left = total.saturating_sub(count) as f64;
            let eta = if rows_rate > 0.0 {
                left / rows_rate
            } else {
                f64::INFINITY
            };
            format!("{count}/{total} rows, eta {eta:.0} s, ")
        }
        Some(None) => format!("{count} rows, "),
        None => String::new(),
    };
    let success = if count == 0 {
        0.0
    } else {
        100.0 * snapshot.tally.successes as f64 / count as f64
    };
    text += &format!(
        "{rows_rate:.0} images/s, {:.1} MB/s, {success:.1} % success, {} in flight, {} shards open",
        bytes_rate / 1e6,
        snapshot.in_flight,
        snapshot.open_shards,
    );
    for (failure, count) in most_frequent(&snapshot.tally, FAILURES_SHOWN) {
        text += &format!(", {failure}: {count}");
    }
    text
}

fn progress_json(
    snapshot: &Snapshot,
    rows_rate: f64,
    bytes_rate: f64,
    rows_total: Option<u64>,
) -> serde_json::Value {
    json!({
        "event": "progress",
        "count": snapshot.tally.count(),
        "total": rows_total,
        "successes": snapshot.tally.successes,
        "failed_to_download": snapshot.tally.failed_to_download,
        "failed_to_resize": snapshot.tally.failed_to_resize,
        "images_per_sec": rows_rate,
        "bytes_per_sec": bytes_rate,
        "in_flight": snapshot.in_flight,
        "open_shards": snapshot.open_shards,
        "names": resolution::json(&snapshot.names),
        "failures": failures_json(&snapshot.tally),
    })
}

fn shard_json(shard: &ShardReport) -> serde_json::Value {
    json!({
        "event": "shard",
        "shard_id": shard.shard_id,
        "seconds": shard.seconds,
        "end_time": shard.end_time,
        "count": shard.tally.count(),
        "successes": shard.tally.successes,
        "failed_to_download": shard.tally.failed_to_download,
        "failed_to_resize": shard.tally.failed_to_resize,
        "failures": failures_json(&shard.tally),
    })
}

pub(super) fn summary_json(report: &RunReport) -> serde_json::Value {
    json!({
        "event": "summary",
        "count": report.tally.count(),
        "successes": report.tally.successes,
        "failed_to_download": report.tally.failed_to_download,
        "failed_to_resize": report.tally.failed_to_resize,
        "shards": report.shards,
        "shards_before": report.shards_before,
        "shards_elsewhere": report.shards_elsewhere,
        "shards_missing": report.shards_missing,
        "bytes": report.body_bytes,
        "seconds": report.elapsed.as_secs_f64(),
        "interrupted": report.interrupted,
        "version": report.version,
        "lossy": losses_json(&report.losses),
        "names": resolution::json(&report.names),
        "failures": failures_json(&report.tally),
    })
}

fn losses_json(losses: &Losses) -> serde_json::Value {
    let counts = Loss::ALL.map(|loss| (loss.name().to_owned(), losses.count(loss).into()));
    serde_json::Value::Object(counts.into_iter().collect())
}

fn failures_json(tally: &crate::watch::Tally) -> serde_json::Value {
    let all = most_frequent(tally, usize::MAX);
    serde_json::Value::Object(all.into_iter().map(|(text, n)| (text, n.into())).collect())
}
