//! Owns an I/O error that brings its own hint: of a store, which knows more of its errors than their kinds say.
//! Never prints the hint: [`super::Error`] does.

use std::error::Error as StdError;
use std::fmt;
use std::io;

/// An error with a hint, inside an [`io::Error`].
#[derive(Debug)]
pub(crate) struct Hinted {
    hint: &'static str,
    error: Box<dyn StdError + Send + Sync>,
}

impl Hinted {
    /// An I/O error of this kind that says what `error` says.
    pub(crate) fn io(
        kind: io::ErrorKind,
        hint: &'static str,
        error: impl StdError + Send + Sync + 'static,
    ) -> io::Error {
        let error = Box::new(error);
        io::Error::new(kind, Self { hint, error })
    }

    /// What an I/O error holds, if it brings its hint.
    pub(crate) fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }

    /// The hint.
    pub(super) fn hint(&self) -> &'static str {
        self.hint
    }

    /// The error itself, if it is of this type.
    pub(crate) fn error<E: StdError + 'static>(&self) -> Option<&E> {
        self.error.downcast_ref()
    }
}

impl fmt::Display for Hinted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl StdError for Hinted {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.source()
    }
}
