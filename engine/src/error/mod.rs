//! Owns the errors of a run: what stops or refuses a whole run, who is at fault, and the exit code. Never
//! describes a single URL: that is [`crate::failure::Failure`].
//!
//! | code | meaning |
//! |---|---|
//! | 0 | finished, every shard committed |
//! | 1 | stopped by the input, the output, this machine's resources or a config mismatch |
//! | 2 | the command line was refused, nothing was touched |
//! | 3 | finished, but some shards are missing; the same command completes them |
//! | 130 | interrupted; the same command resumes where it stopped |

mod hinted;
mod message;
mod why;

use std::io;
use std::path::Path;

use crate::text::{bounded, visible};
pub(crate) use hinted::Hinted;
pub use message::{Cause, Message};
use why::why;

/// Exit code of a run that finished with every shard committed.
pub const EXIT_SUCCESS: u8 = 0;
/// Exit code of a run that was stopped before its end.
pub const EXIT_STOPPED: u8 = 1;
/// Exit code of a run that finished with missing shards.
pub const EXIT_PARTIAL: u8 = 3;

/// An error that stops a run. Each displays as one line that says what is wrong, including why, and one `hint:`
/// line. The underlying error is its source.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command line is refused.
    #[error("{message}\nhint: {hint}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What would be accepted.
        hint: String,
        /// The underlying error.
        source: Option<Cause>,
    },
    /// The URL list cannot be read.
    #[error("input error: {message}\nhint: {hint}")]
    Input {
        /// The file and what is wrong with it.
        message: String,
        /// What to check.
        hint: String,
        /// The underlying error.
        source: Option<Cause>,
    },
    /// The dataset cannot be written.
    #[error("output error: {message}\nhint: {hint}")]
    Output {
        /// The path and what went wrong.
        message: String,
        /// What to check.
        hint: String,
        /// The underlying error.
        source: Option<Cause>,
    },
    /// The output folder holds a dataset with a different configuration or input.
    #[error("config mismatch: {message}\nhint: {hint}")]
    ConfigMismatch {
        /// The option and both values.
        message: String,
        /// The possible remedies.
        hint: String,
        /// The underlying error.
        source: Option<Cause>,
    },
    /// This machine lacks something the run needs.
    #[error("local resource exhausted: {message}\nhint: {hint}")]
    LocalResource {
        /// What ran out.
        message: String,
        /// How to get more of it, or to need less.
        hint: String,
        /// The underlying error.
        source: Option<Cause>,
    },
    /// A signal interrupted the run.
    #[error("interrupted\nhint: the same command goes on where this run stopped")]
    Interrupted,
}

impl Error {
    /// A refused command line: [`Self::Usage`].
    pub fn usage(message: impl Into<Message>, hint: impl Into<String>) -> Self {
        let (message, source) = told(message);
        Self::Usage {
            message,
            hint: one_line(hint),
            source,
        }
    }

    /// An unreadable URL list: [`Self::Input`].
    pub fn input(message: impl Into<Message>, hint: impl Into<String>) -> Self {
        let (message, source) = told(message);
        Self::Input {
            message,
            hint: one_line(hint),
            source,
        }
    }

    /// An unwritable dataset: [`Self::Output`].
    pub fn output(message: impl Into<Message>, hint: impl Into<String>) -> Self {
        let (message, source) = told(message);
        Self::Output {
            message,
            hint: one_line(hint),
            source,
        }
    }

    /// A file system error on a path of the dataset, with a suitable hint: [`Self::Output`].
    pub fn output_io(path: &Path, error: io::Error) -> Self {
        if let Some(hinted) = Hinted::of(&error) {
            // It says where it happened.
            let (message, hint) = (hinted.to_string(), hinted.hint());
            return Self::output(Message::in_place_of(error, message), hint);
        }
        if let Some((message, hint)) = why(path, &error) {
            return Self::output(Message::in_place_of(error, message), hint);
        }
        let hint = match error.kind() {
            io::ErrorKind::StorageFull => "free some space; the same command then goes on",
            io::ErrorKind::QuotaExceeded => {
                "raise the quota, of bytes or of files (quota -s shows both); the same command then goes on"
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "choose an output_folder that this user may write to"
            }
            io::ErrorKind::FileTooLarge => {
                "raise the limit on a file's size (ulimit -f), or lower --number_sample_per_shard in a \
                 new output_folder"
            }
            io::ErrorKind::NotFound => "the folder vanished; is a mount gone?",
            io::ErrorKind::NotADirectory => {
                "give an output_folder that is a folder or is not there yet"
            }
            io::ErrorKind::AlreadyExists => "move it away; the same command then goes on",
            _ => "look at the disk (dmesg); the same command then goes on",
        };
        Self::output(Message::because(path.display().to_string(), error), hint)
    }

    /// A dataset that this run cannot resume: [`Self::ConfigMismatch`].
    pub fn config_mismatch(message: impl Into<Message>, hint: impl Into<String>) -> Self {
        let (message, source) = told(message);
        Self::ConfigMismatch {
            message,
            hint: one_line(hint),
            source,
        }
    }

    /// An exhausted resource of this machine: [`Self::LocalResource`].
    pub fn local_resource(message: impl Into<Message>, hint: impl Into<String>) -> Self {
        let (message, source) = told(message);
        Self::LocalResource {
            message,
            hint: one_line(hint),
            source,
        }
    }

    /// What is wrong, without the hint.
    pub fn message(&self) -> &str {
        match self {
            Self::Usage { message, .. }
            | Self::Input { message, .. }
            | Self::Output { message, .. }
            | Self::ConfigMismatch { message, .. }
            | Self::LocalResource { message, .. } => message,
            Self::Interrupted => "interrupted",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> &str {
        match self {
            Self::Usage { hint, .. }
            | Self::Input { hint, .. }
            | Self::Output { hint, .. }
            | Self::ConfigMismatch { hint, .. }
            | Self::LocalResource { hint, .. } => hint,
            Self::Interrupted => "the same command goes on where this run stopped",
        }
    }

    /// The process's exit code, according to the module's table.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            Self::Input { .. }
            | Self::Output { .. }
            | Self::ConfigMismatch { .. }
            | Self::LocalResource { .. } => 1,
            Self::Interrupted => 130,
        }
    }
}

/// Splits a message into its line and the underlying error.
fn told(message: impl Into<Message>) -> (String, Option<Cause>) {
    let Message { text, cause } = message.into();
    (one_line(text), cause)
}

/// Makes text safe to print on one line: it may contain names from any source, of any length.
fn one_line(text: impl Into<String>) -> String {
    visible(&bounded(&text.into())).into_owned()
}

#[cfg(test)]
mod tests {
    use std::error::Error as StdError;

    use super::*;

    #[test]
    fn an_error_is_one_line_and_a_hint_line() {
        let error = Error::output("cannot write `x`: disk full", "free some space");
        let text = error.to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "output error: cannot write `x`: disk full",
                "hint: free some space"
            ]
        );
    }

    #[test]
    fn a_name_cannot_add_a_line_or_move_the_cursor() {
        let error = Error::input("no file at `a\nhint: run `rm`\x1b[2J`", "x\ny");
        let text = error.to_string();
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(!text.contains('\x1b'));
    }

    #[test]
    fn what_an_error_came_of_is_its_source_and_is_printed_once() {
        let full = || io::Error::from_raw_os_error(libc::ENOSPC);
        let words = full().to_string();
        let source = |error: &Error| {
            let source =
                StdError::source(error).and_then(|source| source.downcast_ref::<io::Error>());
            source.and_then(io::Error::raw_os_error)
        };
        let path = tempfile::tempdir().expect("a folder");
        let error = Error::output_io(path.path(), full());
        assert_eq!(source(&error), Some(libc::ENOSPC));
        assert_eq!(
            error.message(),
            format!("{}: {words}", path.path().display())
        );
        let error = Error::local_resource(Message::because("no thread", full()), "wait");
        assert_eq!(source(&error), Some(libc::ENOSPC));
        assert_eq!(error.to_string().matches(&words).count(), 1);
        let error = Error::usage(Message::of(full()), "wait");
        assert_eq!(
            (source(&error), error.message()),
            (Some(libc::ENOSPC), &*words)
        );
        // Our own text is displayed instead of the kernel's, which stays available as the source.
        let error = Error::input(Message::in_place_of(full(), "the disk is full"), "wait");
        assert_eq!(
            (source(&error), error.message()),
            (Some(libc::ENOSPC), "the disk is full")
        );
        assert!(StdError::source(&Error::config_mismatch("another", "wait")).is_none());
        assert!(StdError::source(&Error::Interrupted).is_none());
    }

    #[test]
    fn exit_codes_follow_the_table() {
        assert_eq!(Error::usage("", "").exit_code(), 2);
        assert_eq!(Error::input("", "").exit_code(), 1);
        assert_eq!(Error::config_mismatch("", "").exit_code(), 1);
        assert_eq!(Error::local_resource("", "").exit_code(), 1);
        assert_eq!(Error::Interrupted.exit_code(), 130);
    }
}
