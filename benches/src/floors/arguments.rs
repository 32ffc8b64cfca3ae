//! Owns the command line. Never opens what it names.

use std::path::PathBuf;

/// A part that is measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// Pixels.
    Codec,
    /// Pixels, all images together and nothing by stage: what a whole run is held against.
    Loop,
    /// Response heads.
    Head,
    /// Digests.
    Hash,
    /// Shards.
    Tar,
    /// Runtimes.
    Runtimes,
}

impl Section {
    const ALL: [Self; 6] = [
        Self::Codec,
        Self::Loop,
        Self::Head,
        Self::Hash,
        Self::Tar,
        Self::Runtimes,
    ];

    /// Its name on the command line and in the JSON.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Codec => "codec",
            Self::Loop => "loop",
            Self::Head => "head",
            Self::Hash => "hash",
            Self::Tar => "tar",
            Self::Runtimes => "runtimes",
        }
    }
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// In the order given.
    pub(crate) sections: Vec<Section>,
    /// Images to decode; seeded pictures without it.
    pub(crate) images: Option<PathBuf>,
    /// Target size of the images, pixels.
    pub(crate) size: u32,
    /// Rounds that count.
    pub(crate) rounds: usize,
    /// GETs of one client in one round.
    pub(crate) gets: usize,
    /// GETs at a time.
    pub(crate) in_flight: usize,
    /// Body of an answer, bytes.
    pub(crate) body_bytes: usize,
    /// Where shards are written; a folder made and removed there. The working folder without it,
    /// since the system's temporary one may be memory.
    pub(crate) scratch: PathBuf,
    /// Where the figures go as JSON.
    pub(crate) json: Option<PathBuf>,
}

impl Arguments {
    /// Reads the words after the program's name.
    ///
    /// # Errors
    /// What is wrong with them, for a person.
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut parsed = Self {
            sections: Vec::new(),
            images: None,
            size: 256,
            rounds: 9,
            gets: 2000,
            in_flight: 32,
            body_bytes: 100_000,
            scratch: PathBuf::from("."),
            json: None,
        };
        let mut words = words;
        while let Some(word) = words.next() {
            if let Some(section) = Section::ALL.into_iter().find(|s| s.name() == word) {
                parsed.sections.push(section);
            } else if word.starts_with("--") {
                let value = words.next().ok_or(format!("{word} needs a value"))?;
                parsed.set(&word, &value)?;
            } else {
                let names = Section::ALL.map(Section::name).join(", ");
                return Err(format!("{word} is no section; there are {names}"));
            }
        }
        if parsed.sections.is_empty() {
            parsed.sections = Section::ALL.to_vec();
        }
        Ok(parsed)
    }

    fn set(&mut self, option: &str, value: &str) -> Result<(), String> {
        let number = || match value.parse::<u32>() {
            Ok(number) if number > 0 => Ok(number),
            _ => Err(format!("{option} needs a number above zero, not {value}")),
        };
        match option {
            "--images" => self.images = Some(value.into()),
            "--size" => self.size = number()?,
            "--rounds" => self.rounds = number()? as usize,
            "--gets" => self.gets = number()? as usize,
            "--in-flight" => self.in_flight = number()? as usize,
            "--body-bytes" => self.body_bytes = number()? as usize,
            "--scratch" => self.scratch = value.into(),
            "--json" => self.json = Some(value.into()),
            _ => return Err(format!("there is no option {option}")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &str) -> Result<Arguments, String> {
        Arguments::parse(words.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn every_section_is_measured_where_none_is_named() {
        assert_eq!(parse("").expect("nothing").sections, Section::ALL);
        let some = parse("tar --rounds 3 head").expect("two sections");
        assert_eq!(some.sections, [Section::Tar, Section::Head]);
        assert_eq!(some.rounds, 3);
    }

    #[test]
    fn what_is_not_known_is_refused() {
        for wrong in ["stages", "--rounds", "--rounds 0", "--rounds x", "--what 3"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
