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

pub use alarm::{Alarm, Guard};
pub use event::{Event, ShardReport};
pub use live::{Live, Snapshot};
pub(crate) use names::NamesWatch;
pub use progress::Observer;
pub(crate) use progress::Progress;
pub use report::RunReport;
pub use tally::Tally;
pub(crate) use watchdog::{Board, Duty, Post, Wait, Watchdog};
