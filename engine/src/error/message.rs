//! Owns an error's message and its cause. Never knows who is at fault.

use std::error::Error as StdError;

/// The underlying error.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// What is wrong, and the underlying error if there is one.
#[derive(Debug)]
pub struct Message {
    pub(super) text: String,
    pub(super) cause: Option<Cause>,
}

impl Message {
    /// A message that says what failed, followed by the cause's own text.
    pub fn because(what: impl AsRef<str>, cause: impl Into<Cause>) -> Self {
        let cause = cause.into();
        Self {
            text: format!("{}: {cause}", what.as_ref()),
            cause: Some(cause),
        }
    }

    /// A message that consists of the cause's text.
    pub fn of(cause: impl Into<Cause>) -> Self {
        let cause = cause.into();
        Self {
            text: cause.to_string(),
            cause: Some(cause),
        }
    }

    /// A message that replaces the cause's text; it must say at least as much.
    pub fn in_place_of(cause: impl Into<Cause>, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            cause: Some(cause.into()),
        }
    }
}

impl<T: Into<String>> From<T> for Message {
    fn from(text: T) -> Self {
        Self {
            text: text.into(),
            cause: None,
        }
    }
}
