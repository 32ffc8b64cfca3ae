//! Owns name resolution as the options ask for it: the resolver of a run ([`start`]), and the command
//! `turbo2ds resolve`, which shows the path that an answer took. Never decides how a name is walked:
//! the crate `turbo2ds-dns` does.

mod command;
mod setup;
mod show;

pub use command::{ResolveOptions, run};
pub use setup::{SetupError, check_cache_file, names_active_max, start};
