//! Owns what a run reports: the counters of its cores, the activity of each thread, the events that
//! threads send, and what the user or a host program sees of them. Never decides what a run does.

mod alarm;
mod event;
mod live;
mod progress;
mod resolution;
mod summary;
mod tally;
mod watchdog;

pub(crate) use alarm::{Alarm, Guard};
pub(crate) use event::{Event, ShardReport};
pub(crate) use live::{Live, Snapshot};
pub use progress::Observer;
pub(crate) use progress::Progress;
pub(crate) use resolution::ResolutionMonitor;
pub use summary::RunReport;
pub(crate) use tally::Tally;
pub(crate) use watchdog::{Board, Duty, Post, Wait, Watchdog};
