//! Owns what surrounds the process: its environment variables and its user's home. Never interprets a value.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Environment variables, those that are text.
#[derive(Clone)]
pub(in crate::net::storage) struct Surroundings(BTreeMap<String, String>);

impl Surroundings {
    /// Those of this process.
    pub(in crate::net::storage) fn of_process() -> Self {
        let variables = std::env::vars_os();
        Self(
            variables
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
        )
    }

    /// Those of a test.
    #[cfg(test)]
    pub(in crate::net::storage) fn of(variables: &[(&str, &str)]) -> Self {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Self(variables.iter().map(owned).collect())
    }

    /// All of them, by name.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// A variable that is set to something.
    pub(super) fn variable(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(String::as_str);
        value.filter(|value| !value.is_empty())
    }

    /// The first of several variables that is set to something.
    pub(super) fn first(&self, names: &[&str]) -> Option<&str> {
        names.iter().find_map(|name| self.variable(name))
    }

    /// A variable that says yes or no.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.variable(name).and_then(super::given::flag_of)
    }

    /// A path below the user's home.
    pub(super) fn below_home(&self, path: &str) -> Option<PathBuf> {
        Some(PathBuf::from(self.variable("HOME")?).join(path))
    }

    /// A path as a user writes it, with `~` for the home.
    pub(super) fn path(&self, text: &str) -> PathBuf {
        let below = text.strip_prefix("~/");
        below
            .and_then(|below| self.below_home(below))
            .unwrap_or_else(|| text.into())
    }
}
