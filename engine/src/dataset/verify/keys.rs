//! Owns which row of a shard a key names, by the number in it or as the list gave it (`--key_col`), and
//! which keys rows may have. Never trusts a key that no sample could have been written under.

use std::collections::{HashMap, HashSet};

use super::fault::Fault;
use crate::failure::Failure;
use crate::list::plan::keys::{folded, is_valid};

/// How samples get their keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Naming {
    /// No record says: the first row decides.
    #[default]
    Unknown,
    /// Each key is one number, of shard and row.
    Numbered,
    /// The keys come from a column of the list.
    Given,
}

/// The keys of one shard.
pub(super) struct Keys {
    shard: String,
    naming: Naming,
    /// Number of digits of a numbered key after the shard's name; the first row decides.
    row_digits: Option<usize>,
    /// The place of each given key's row among the rows of the metadata.
    given: HashMap<Box<str>, usize>,
    /// Given keys as a case-insensitive file system sees them.
    folded: HashSet<String>,
}

impl Keys {
    /// No keys yet.
    pub(super) fn new(shard: &str, naming: Naming) -> Self {
        Self {
            shard: shard.to_owned(),
            naming,
            row_digits: None,
            given: HashMap::new(),
            folded: HashSet::new(),
        }
    }

    /// Records the key of row `number` of the metadata, whose outcome is `end`, and returns the row's place in
    /// the shard.
    pub(super) fn promise(
        &mut self,
        number: u64,
        key: Option<&str>,
        end: &str,
    ) -> Result<usize, Fault> {
        if self.naming == Naming::Unknown {
            let is_number = key.is_some_and(|key| self.number(key).is_some());
            self.naming = if is_number {
                Naming::Numbered
            } else {
                Naming::Given
            };
        }
        if self.naming == Naming::Numbered {
            let at = key.and_then(|key| self.number(key));
            return at.ok_or(Fault::RowKey(number));
        }
        let at = usize::try_from(number).map_err(|_| Fault::GivenKey(number))?;
        match (key, failed_for_its_key(end)) {
            (None, true) => Ok(at),
            (Some(_), true) => Err(Fault::FailedKey(number)),
            (Some(key), false) if is_valid(key) && self.folded.insert(folded(key)) => {
                self.given.insert(key.into(), at);
                Ok(at)
            }
            _ => Err(Fault::GivenKey(number)),
        }
    }

    /// The place of the row that a sample's key names.
    pub(super) fn place(&mut self, key: &str) -> Option<usize> {
        match self.naming {
            Naming::Given => self.given.get(key).copied(),
            Naming::Numbered | Naming::Unknown => self.number(key),
        }
    }

    /// The number in the digits after the shard's name.
    fn number(&mut self, key: &str) -> Option<usize> {
        let digits = key.strip_prefix(self.shard.as_str())?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        if !plain || *self.row_digits.get_or_insert(digits.len()) != digits.len() {
            return None;
        }
        if digits.is_empty() {
            return Some(0);
        }
        digits.parse().ok()
    }
}

/// Whether a row failed because the list gives it no key that a sample may have.
fn failed_for_its_key(end: &str) -> bool {
    [Failure::InvalidKey, Failure::DuplicateKey]
        .iter()
        .any(|failure| failure.to_string() == end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(naming: Naming) -> Keys {
        let mut keys = Keys::new("00003", naming);
        for (number, (key, end)) in [
            (Some("cat"), "success"),
            (None, "invalid key"),
            (Some("dog"), "timed out"),
            (None, "duplicate key"),
        ]
        .into_iter()
        .enumerate()
        {
            let place = keys.promise(number as u64, key, end);
            assert_eq!(place.expect("a row"), number);
        }
        keys
    }

    #[test]
    fn given_keys_name_their_rows_with_a_record_and_without() {
        for naming in [Naming::Given, Naming::Unknown] {
            let mut keys = given(naming);
            let places = ["cat", "dog", "Cat", "000031", "invalid key"].map(|key| keys.place(key));
            assert_eq!(places, [Some(0), Some(2), None, None, None]);
        }
    }

    #[test]
    fn given_keys_are_fit_for_samples_and_differ() {
        for key in ["a.b", "CAT", "dog", "", "../x", "__a", "nul"] {
            let row = given(Naming::Given).promise(4, Some(key), "success");
            assert!(matches!(row, Err(Fault::GivenKey(4))), "{key}");
        }
        let row = given(Naming::Given).promise(4, None, "success");
        assert!(matches!(row, Err(Fault::GivenKey(4))));
        let row = given(Naming::Given).promise(4, None, "timed out");
        assert!(matches!(row, Err(Fault::GivenKey(4))));
        let row = given(Naming::Given).promise(4, Some("cow"), "invalid key");
        assert!(matches!(row, Err(Fault::FailedKey(4))));
    }

    #[test]
    fn where_samples_are_numbered_no_other_key_passes() {
        let mut keys = Keys::new("00003", Naming::Numbered);
        for key in [Some("cat"), None, Some("0000x"), Some("00003x")] {
            let row = keys.promise(0, key, "invalid key");
            assert!(matches!(row, Err(Fault::RowKey(0))), "{key:?}");
        }
        assert_eq!(keys.promise(0, Some("0000307"), "success").ok(), Some(7));
        let mut keys = Keys::new("00003", Naming::Unknown);
        assert_eq!(keys.promise(0, Some("0000307"), "success").ok(), Some(7));
        assert!(keys.promise(1, Some("cat"), "success").is_err());
    }
}
