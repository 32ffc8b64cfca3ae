//! Owns the document of a change that was begun: which files take another's place, which go, and how far it is.
//! Its version is told and a newer one is refused. Never touches another file.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dataset::commit::write_durably;
use crate::dataset::names::OWN_FOLDER;
use crate::dataset::staging::Staging;
use crate::error::Error;

/// The name of the document in the dataset's own folder.
const NAME: &str = "change.json";
/// The version of the document that is written.
const DOCUMENT: u64 = 1;

/// A change that will be finished, whatever happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// Version of the document.
    plan: u64,
    /// The version of the dataset that it makes.
    pub(crate) version: String,
    /// The word in the temporary names of its files.
    pub(crate) word: String,
    pub(crate) stage: Stage,
    pub(crate) steps: Vec<Step>,
}

/// How far a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stage {
    /// Its files are whole under temporary names, and get their own.
    Begun,
    /// They have them. What went is removed.
    Moved,
}

/// What happens to one file, by its path in the dataset's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Step {
    /// A new file takes the place of one of the dataset's.
    Replace(String),
    /// A new file gets a name that nothing has.
    Create(String),
    /// A file of the dataset's goes.
    Remove(String),
}

impl Step {
    /// The file's path.
    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Replace(path) | Self::Create(path) | Self::Remove(path) => path,
        }
    }
}

/// What tells one version of the document from another.
#[derive(Deserialize)]
struct Numbered {
    plan: u64,
}

impl Plan {
    pub(crate) fn new(version: String, word: String, steps: Vec<Step>) -> Self {
        Self {
            plan: DOCUMENT,
            version,
            word,
            stage: Stage::Begun,
            steps,
        }
    }

    /// The change that was begun in a dataset's folder, if one was.
    ///
    /// # Errors
    /// `Output`: the file system's, and a document that does not read.
    pub(crate) fn read(place: &Staging) -> Result<Option<Self>, Error> {
        let path = own(place).folder().join(NAME);
        let document = match place.disk().read(&path) {
            Ok(document) => document,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::output_io(&path, error)),
        };
        Self::parse(&document).map(Some).map_err(|what| {
            Error::output(
                format!("{} {what}", path.display()),
                "a change of the dataset was interrupted there, and only the turbo2ds that began it can finish it",
            )
        })
    }

    fn parse(document: &[u8]) -> Result<Self, String> {
        let unread = |error: serde_json::Error| {
            format!(
                "is no plan of a change: line {}, column {}",
                error.line(),
                error.column()
            )
        };
        let Numbered { plan } = serde_json::from_slice(document).map_err(unread)?;
        if plan != DOCUMENT {
            return Err(format!(
                "is a plan of version {plan}, and this turbo2ds reads up to {DOCUMENT}"
            ));
        }
        serde_json::from_slice(document).map_err(unread)
    }

    /// Makes the plan durable, in place of the one before.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn write(&self, place: &Staging) -> io::Result<()> {
        let document = serde_json::to_vec_pretty(self)?;
        write_durably(&own(place), NAME, &document)
    }

    /// Forgets the plan, which is done.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn forget(place: &Staging) -> io::Result<()> {
        let own = own(place);
        place.disk().remove(&own.folder().join(NAME))?;
        place.disk().sync_folder(own.folder())
    }
}

/// The dataset's own folder.
fn own(place: &Staging) -> Staging {
    place.within(&place.folder().join(Path::new(OWN_FOLDER)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A plan as the first program that changed datasets wrote it. Every later one reads it.
    const DOCUMENT_1: &str = "{\n  \"plan\": 1,\n  \"version\": \"2.0.0\",\n  \"word\": \"0123456789abcdef\",\n  \"stage\": \"begun\",\n  \"steps\": [\n    {\n      \"replace\": \"00003.tar\"\n    },\n    {\n      \"create\": \".turbo2ds/versions/2.0.0.jsonl\"\n    },\n    {\n      \"remove\": \"00003/000030.jpg\"\n    }\n  ]\n}";

    #[test]
    fn the_plan_on_the_disk_reads_back() {
        let steps = vec![
            Step::Replace("00003.tar".to_owned()),
            Step::Create(".turbo2ds/versions/2.0.0.jsonl".to_owned()),
            Step::Remove("00003/000030.jpg".to_owned()),
        ];
        let plan = Plan::new("2.0.0".to_owned(), "0123456789abcdef".to_owned(), steps);
        let document = serde_json::to_string_pretty(&plan).expect("plain data");
        assert_eq!(document, DOCUMENT_1);
        assert_eq!(Plan::parse(DOCUMENT_1.as_bytes()), Ok(plan));
        let newer = DOCUMENT_1.replacen('1', "2", 1);
        assert!(Plan::parse(newer.as_bytes()).is_err_and(|what| what.contains("version 2")));
        assert!(Plan::parse(&DOCUMENT_1.as_bytes()[..40]).is_err());
    }
}
