//! Owns the arguments of a tool as they were given, and reading their values. Never knows which tool it is.

use crate::cli::options::table::Kind;
use crate::cli::options::value::{boolean, list, read_by_kind, read_text};
use crate::error::Error;

/// The arguments of a tool.
#[derive(Default)]
pub(super) struct Given {
    pub(super) options: Vec<(&'static str, Kind, String)>,
    pub(super) words: Vec<String>,
}

impl Given {
    /// The last value of an option.
    pub(super) fn last<T>(
        &self,
        name: &str,
        reader: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Error> {
        let given = self.options.iter().rev().find(|(known, ..)| *known == name);
        given
            .map(|(_, kind, value)| read_by_kind(name, *kind, value, &reader))
            .transpose()
    }

    /// The values of a repeatable option, as they are.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let given = self.options.iter().filter(|(known, ..)| *known == name);
        given.map(|(_, _, value)| value.clone()).collect()
    }

    /// The values of a repeatable list.
    pub(super) fn all<T>(
        &self,
        name: &str,
        reader: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        for (_, _, value) in self.options.iter().filter(|(known, ..)| *known == name) {
            for part in read_text(name, value, &list)? {
                all.push(read_text(name, &part, &reader)?);
            }
        }
        Ok(all)
    }
}

/// Whether the argument behind an option of this kind is its value.
pub(super) fn is_value(kind: Kind, next: &Result<String, Error>) -> bool {
    match next {
        Ok(text) if kind == Kind::Bool => boolean(text).is_ok(),
        Ok(text) => !text.starts_with("--"),
        Err(_) => true,
    }
}
