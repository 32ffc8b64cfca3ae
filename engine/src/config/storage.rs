//! Owns what the user says of stores on the command line. Never prints a value: any of them may be a secret.

use std::fmt;
use std::time::Duration;

/// How stores are reached.
#[derive(Clone, Debug, Default)]
pub struct StorageConfig {
    /// What the user says of them.
    pub options: StorageOptions,
    /// How long a store may be away before the run ends.
    pub patience: Duration,
}

/// The values of `--storage_option KEY=VALUE`, in their order; of two with one key the last counts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct StorageOptions(pub Vec<(String, String)>);

impl fmt::Debug for StorageOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.0.iter().map(|(key, _)| key);
        f.debug_list().entries(keys).finish()
    }
}
