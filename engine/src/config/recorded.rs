//! Owns the options of a run as the dataset's record has them: by name, in the command line's own words,
//! as JSON values. Never knows which options there are: the table of options does.

use serde_json::Value;

/// One option of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedOption {
    /// Its name, as in the table of options.
    pub name: &'static str,
    /// Its value: a JSON boolean, number, string or list, null for `None`, `"inf"` for infinity.
    pub value: Value,
    /// What a record says that was written before the option existed.
    pub absent: Value,
    /// It decides what the dataset holds. One that does not is written for people and never compared.
    pub decides: bool,
}

/// The options of a run that its dataset's record has, in the order of the table.
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

    /// Gives an option of this name another value; nothing where there is none.
    pub fn set(&mut self, name: &str, value: Value) {
        if let Some(option) = self.0.iter_mut().find(|option| option.name == name) {
            option.value = value;
        }
    }
}
