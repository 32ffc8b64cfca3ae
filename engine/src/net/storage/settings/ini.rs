//! Owns ini files, as Python's configparser reads them: sections, `key = value` or `key: value`, lines that go
//! on where they are indented, comments on lines of their own. Never knows what a section is for.

use std::collections::BTreeMap;

/// Sections by name, each with its keys in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ini(BTreeMap<String, BTreeMap<String, String>>);

impl Ini {
    /// Reads a file's text. Lines that are nothing of an ini file are skipped.
    pub(super) fn of(text: &str) -> Self {
        let mut ini = Self::default();
        let mut section: Option<String> = None;
        let mut key: Option<String> = None;
        for line in text.lines() {
            let content = line.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            let goes_on = line.starts_with([' ', '\t']);
            if let (true, Some(section), Some(key)) = (goes_on, &section, &key) {
                let value = ini.0.get_mut(section).and_then(|keys| keys.get_mut(key));
                if let Some(value) = value {
                    value.push('\n');
                    value.push_str(content);
                }
                continue;
            }
            if let Some(name) = content
                .strip_prefix('[')
                .and_then(|rest| rest.split_once(']'))
            {
                let name = name.0.trim().to_owned();
                ini.0.entry(name.clone()).or_default();
                (section, key) = (Some(name), None);
                continue;
            }
            let split = content.split_once(['=', ':']);
            key = None;
            if let (Some((name, value)), Some(section)) = (split, &section) {
                let name = name.trim().to_lowercase();
                let keys = ini.0.entry(section.clone()).or_default();
                keys.insert(name.clone(), value.trim().to_owned());
                key = Some(name);
            }
        }
        ini
    }

    /// The sections by name.
    pub(super) fn sections(&self) -> impl Iterator<Item = (&str, &BTreeMap<String, String>)> {
        self.0.iter().map(|(name, keys)| (&**name, keys))
    }

    /// A section's keys.
    pub(super) fn section(&self, name: &str) -> Option<&BTreeMap<String, String>> {
        self.0.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_keys_comments_and_long_values() {
        let ini = Ini::of(
            "lost = 1\n# c\n[default]\nKey = a=b\nother: c:d\n; c\n[profile x]\ns3 =\n  max = 1\n\n  style = path\nno\n",
        );
        let default = ini.section("default").expect("a section");
        assert_eq!(default["key"], "a=b");
        assert_eq!(default["other"], "c:d");
        let profile = ini.section("profile x").expect("a section");
        assert_eq!(profile["s3"], "\nmax = 1\nstyle = path");
        assert_eq!((profile.len(), ini.sections().count()), (1, 2));
    }
}
