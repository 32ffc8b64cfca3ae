//! Owns how a place for lists and datasets is written: a path, or a URL whose scheme names a store. Never
//! looks whether it is there.

use std::path::PathBuf;

/// A place for lists and datasets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// A path on this machine's file systems.
    Local(PathBuf),
}

/// The scheme of a store that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownScheme(pub String);

impl Location {
    /// The place that a text names: a path as it is, `file:///path`, or a URL of a store.
    ///
    /// # Errors
    /// The scheme, where no store of this version has it.
    pub fn of(text: &str) -> Result<Self, UnknownScheme> {
        match text.split_once("://") {
            None => Ok(Self::Local(text.into())),
            Some(("file", path)) if path.starts_with('/') => Ok(Self::Local(path.into())),
            Some((scheme, _)) => Err(UnknownScheme(scheme.to_owned())),
        }
    }
}
