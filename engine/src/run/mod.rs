//! Owns a run from checked configuration to exit code: starts the threads, watches them, ends them.
//! Never touches a row.

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

/// The process around a run.
pub struct Host {
    /// Takes the run's events; the run then shows nothing itself.
    pub observer: Option<Observer>,
    /// What the run does with the process's signals.
    pub signals: SignalUse,
}
