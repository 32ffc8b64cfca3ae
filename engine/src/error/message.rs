//! Owns what an error says is wrong, and the error that it came of. Never knows who is at fault.

use std::error::Error as StdError;

/// The error that another one came of.
pub type Cause = Box<dyn StdError + Send + Sync>;

/// What is wrong, with the error it came of where there is one.
#[derive(Debug)]
pub struct Message {
    pub(super) text: String,
    pub(super) cause: Option<Cause>,
}

impl Message {
    /// Where something failed, or what, and then in the cause's own words why.
    pub fn because(what: impl AsRef<str>, cause: impl Into<Cause>) -> Self {
        let cause = cause.into();
        Self {
            text: format!("{}: {cause}", what.as_ref()),
            cause: Some(cause),
        }
    }

    /// The cause's words alone.
    pub fn of(cause: impl Into<Cause>) -> Self {
        let cause = cause.into();
        Self {
            text: cause.to_string(),
            cause: Some(cause),
        }
    }

    /// A text that says what the cause's own words say, or more.
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
