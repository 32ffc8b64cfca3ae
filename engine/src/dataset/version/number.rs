//! Owns the numbers of a dataset's versions, MAJOR.MINOR.PATCH as Croissant counts them: MAJOR where existing
//! samples changed or went, MINOR where samples or columns were added and all others stay, PATCH where the same
//! data is written anew. Never decides what a change was.

use std::fmt;
use std::str::FromStr;

/// The number of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VersionNumber {
    major: u64,
    minor: u64,
    patch: u64,
}

/// How much a change means to who has the version before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// What there was changed, or went.
    Major,
    /// Something came, and all that there was stays.
    Minor,
}

impl VersionNumber {
    /// The first version of a dataset.
    pub(crate) const FIRST: Self = Self {
        major: 1,
        minor: 0,
        patch: 0,
    };

    /// The number after this one for such a change.
    pub(crate) fn after(self, level: Level) -> Self {
        match level {
            Level::Major => Self {
                major: self.major + 1,
                minor: 0,
                patch: 0,
            },
            Level::Minor => Self {
                minor: self.minor + 1,
                patch: 0,
                ..self
            },
        }
    }
}

impl fmt::Display for VersionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for VersionNumber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| {
            let is_plain = part == "0" || !part.starts_with('0');
            let is_digits = part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse().ok().filter(|_| is_plain && is_digits)
        };
        let mut parts = text.split('.').map(number);
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(Some(major)), Some(Some(minor)), Some(Some(patch)), None) => Ok(Self {
                major,
                minor,
                patch,
            }),
            _ => Err("a version such as 1.2.0".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_number_and_read_back() {
        let of = |text: &str| text.parse::<VersionNumber>().expect("a version");
        assert!(of("1.10.0") > of("1.9.0"));
        assert!(of("2.0.0") > of("1.99.7"));
        for text in ["1.0.0", "12.3.4", "0.0.1"] {
            assert_eq!(of(text).to_string(), text);
        }
        for text in [
            "", "1", "1.0", "1.0.0.0", "1.0.x", "01.0.0", "+1.0.0", "1..0",
        ] {
            assert!(text.parse::<VersionNumber>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_change_counts_up_by_what_it_means() {
        let first = VersionNumber::FIRST;
        assert_eq!(first.after(Level::Minor).to_string(), "1.1.0");
        let second = first.after(Level::Minor).after(Level::Major);
        assert_eq!(second.to_string(), "2.0.0");
    }
}
