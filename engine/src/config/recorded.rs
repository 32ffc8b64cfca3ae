//! Owns the options of a run as the dataset's record stores them: by name, as JSON values, spelled as
//! on the command line. Never knows which options there are: the table of options does.

use serde_json::Value;

/// One option of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedOption {
    /// Its name, as in the table of options.
    pub name: &'static str,
    /// Its value: a JSON boolean, number, string or list, null for `None`, `"inf"` for infinity.
    pub value: Value,
    /// The value that a record without this option stands for, because it is older than the option.
    pub absent: Value,
    /// Whether it decides what the dataset contains. Other options are recorded for information and
    /// never compared.
    pub decides: bool,
}

/// The options of a run that its dataset's record stores, in the order of the table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordedOptions(Vec<RecordedOption>);

impl RecordedOptions {
    /// These options.
    pub fn new(options: Vec<RecordedOption>) -> Self {
        Self(options)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &RecordedOption> {
        self.0.iter()
    }

    /// The option of this name.
    pub fn get(&self, name: &str) -> Option<&RecordedOption> {
        self.0.iter().find(|option| option.name == name)
    }

    /// Sets the option of this name, if there is one.
    pub fn set(&mut self, name: &str, value: Value) {
        if let Some(option) = self.0.iter_mut().find(|option| option.name == name) {
            option.value = value;
        }
    }
}
