//! Owns what a run tells: the counters of its cores, what each thread is at and since when, the events that
//! threads send, and what a person or a host program sees of it. Never decides what a run does.

mod alarm;
mod event;
mod live;
mod names;
mod progress;
mod report;
mod tally;
mod watchdog;

pub(crate) use alarm::{Alarm, Guard};
pub(crate) use event::{Event, ShardReport};
pub(crate) use live::{Live, Snapshot};
pub(crate) use names::NamesWatch;
pub use progress::Observer;
pub(crate) use progress::Progress;
pub use report::RunReport;
pub(crate) use tally::Tally;
pub(crate) use watchdog::{Board, Duty, Post, Wait, Watchdog};
