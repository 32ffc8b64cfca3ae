//! Owns a run from the checked configuration to the exit code: starts, watches and ends the threads. Never
//! touches a row.

mod planner;
mod prepare;
mod signals;
#[doc(hidden)]
pub mod stages;
mod start;
mod threads;
mod watching;

pub use crate::watch::{Observer, RunReport};
pub use prepare::{Prepared, prepare};
pub use signals::SignalUse;
pub use start::run;

/// The process that hosts a run.
pub struct Host {
    /// Receives the run's events; if set, the run displays nothing itself.
    pub observer: Option<Observer>,
    /// What the run does with the process's signals.
    pub signals: SignalUse,
}
