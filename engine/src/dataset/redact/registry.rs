//! Owns what was taken out of a dataset and may not come back: the document `.turbo2ds/redactions.jsonl`, and whether a
//! URL or a body is on it. Never removes a sample.
//!
//! An entry that is to be forgotten is kept as a salted hash: who has the document can tell whether a URL that is known to
//! them is on it, and no more.

use std::collections::HashSet;
use std::io;
use std::path::Path;

use ring::rand::{SecureRandom as _, SystemRandom};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::config::HashKind;
use crate::dataset::digest::{hex, hex_digest};
use crate::dataset::disk::Files;
use crate::dataset::names::OWN_FOLDER;
use crate::error::Error;

/// The name of the document in the dataset's own folder.
const NAME: &str = "redactions.jsonl";
/// The version of the document that is written.
const DOCUMENT: u64 = 1;
/// Bytes of the salt.
const SALT_BYTES: usize = 16;

/// The document's path in the dataset's folder.
pub(super) fn path() -> String {
    format!("{OWN_FOLDER}/{NAME}")
}

/// What may not be in a dataset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Redactions {
    salt: String,
    entries: Vec<Entry>,
    known: HashSet<(Kind, String)>,
    /// Whether some entries are salted.
    has_salted: bool,
}

/// One entry of the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    pub(super) kind: Kind,
    pub(super) value: String,
    pub(super) reason: String,
    /// When, as RFC 3339 in UTC.
    pub(super) at: String,
}

/// What an entry names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// A URL as a browser writes it, without its fragment.
    Url,
    /// The salted hash of one.
    UrlHash,
    /// A host, or with `*.` before it all hosts below it.
    Host,
    /// The salted hash of one.
    HostHash,
    /// The hash of a body.
    Md5,
    Sha256,
    Sha512,
}

impl Kind {
    /// The kind of a body's hash.
    pub(super) const fn of_hash(kind: HashKind) -> Self {
        match kind {
            HashKind::Md5 => Self::Md5,
            HashKind::Sha256 => Self::Sha256,
            HashKind::Sha512 => Self::Sha512,
        }
    }

    /// The column that has it, if it is a hash of bodies.
    pub(super) const fn column(self) -> &'static str {
        match self {
            Self::Md5 => HashKind::Md5.as_str(),
            Self::Sha256 => HashKind::Sha256.as_str(),
            Self::Sha512 => HashKind::Sha512.as_str(),
            Self::Url | Self::UrlHash | Self::Host | Self::HostHash => "url",
        }
    }

    /// Its salted form; `None` if it has none.
    const fn salted(self) -> Option<Self> {
        match self {
            Self::Url => Some(Self::UrlHash),
            Self::Host => Some(Self::HostHash),
            _ => None,
        }
    }
}

/// The first line of the document.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    redactions: u64,
    salt: String,
}

/// What tells one version of the document from another.
#[derive(Deserialize)]
struct Numbered {
    redactions: u64,
}

impl Redactions {
    /// A dataset's redactions; none if it has no document.
    ///
    /// # Errors
    /// `Output`: the store's, and a document that does not read. A run may not go on without it.
    pub(crate) fn read(files: &dyn Files, folder: &Path) -> Result<Self, Error> {
        let path = folder.join(path());
        let document = match files.read(&path) {
            Ok(document) => document,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Error::output_io(&path, error)),
        };
        Self::parse(&document).map_err(|what| {
            Error::output(
                format!("{} {what}", path.display()),
                "it says what may not be in the dataset: restore it, or use the turbo2ds that wrote it",
            )
        })
    }

    fn parse(document: &[u8]) -> Result<Self, String> {
        let unread = |line: usize| format!("is no list of redactions: line {line}");
        let mut lines = document.split(|byte| *byte == b'\n').enumerate();
        let (_, first) = lines.next().ok_or_else(|| unread(1))?;
        let numbered: Numbered = serde_json::from_slice(first).map_err(|_| unread(1))?;
        if numbered.redactions != DOCUMENT {
            let version = numbered.redactions;
            return Err(format!(
                "is a list of redactions of version {version}, and this turbo2ds reads up to {DOCUMENT}"
            ));
        }
        let head: Head = serde_json::from_slice(first).map_err(|_| unread(1))?;
        let mut redactions = Self {
            salt: head.salt,
            ..Self::default()
        };
        for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
            let entry = serde_json::from_slice(line).map_err(|_| unread(number + 1))?;
            redactions.push(entry);
        }
        Ok(redactions)
    }

    /// The document.
    ///
    /// # Errors
    /// None of its own: JSON takes whatever the entries hold.
    pub(super) fn to_document(&self) -> Result<Vec<u8>, serde_json::Error> {
        let head = Head {
            redactions: DOCUMENT,
            salt: self.salt.clone(),
        };
        let mut document = serde_json::to_vec(&head)?;
        document.push(b'\n');
        for entry in &self.entries {
            serde_json::to_writer(&mut document, entry)?;
            document.push(b'\n');
        }
        Ok(document)
    }

    /// Adds an entry, salted if it is to be forgotten. Returns whether it is new.
    ///
    /// # Errors
    /// The system's, if it has no randomness for the salt.
    pub(super) fn add(&mut self, mut entry: Entry, forgets: bool) -> io::Result<bool> {
        if let Some(salted) = entry.kind.salted().filter(|_| forgets) {
            if self.salt.is_empty() {
                let mut salt = [0; SALT_BYTES];
                let filled = SystemRandom::new().fill(&mut salt);
                filled.map_err(|_| io::Error::other("no randomness for a salt"))?;
                self.salt = hex(&salt);
            }
            entry.value = self.salted(&entry.value);
            entry.kind = salted;
        }
        Ok(self.push(entry))
    }

    /// Adds an entry as it is. Returns whether it is new.
    pub(super) fn push(&mut self, entry: Entry) -> bool {
        let is_new = self.known.insert((entry.kind, entry.value.clone()));
        if is_new {
            self.has_salted |= matches!(entry.kind, Kind::UrlHash | Kind::HostHash);
            self.entries.push(entry);
        }
        is_new
    }

    fn salted(&self, value: &str) -> String {
        hex_digest(
            HashKind::Sha256,
            format!("{}\n{value}", self.salt).as_bytes(),
        )
    }

    /// What is on the list, in the order in which it came.
    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether there is nothing on the list.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether a URL, or its host, is on the list.
    pub(crate) fn has_url(&self, url: &str) -> bool {
        if self.is_empty() {
            return false;
        }
        let Some(url) = parsed(url) else {
            return self.has(Kind::Url, url);
        };
        self.has(Kind::Url, url.as_str()) || hosts_of(&url).any(|host| self.has(Kind::Host, &host))
    }

    /// Whether a body with this digest is on the list.
    pub(crate) fn has_body(&self, kind: HashKind, digest: &str) -> bool {
        !self.is_empty() && self.has(Kind::of_hash(kind), digest)
    }

    fn has(&self, kind: Kind, value: &str) -> bool {
        let is_known = |kind, value: String| self.known.contains(&(kind, value));
        let salted = kind.salted().filter(|_| self.has_salted);
        is_known(kind, value.to_owned())
            || salted.is_some_and(|salted| is_known(salted, self.salted(value)))
    }
}

/// A URL as a browser writes it, without userinfo and fragment; as it is if it is none.
pub(super) fn normal_url(url: &str) -> String {
    parsed(url).map_or_else(|| url.to_owned(), String::from)
}

fn parsed(url: &str) -> Option<Url> {
    let mut url = Url::parse(url).ok()?;
    url.set_fragment(None);
    // A URL without a host has no userinfo either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    Some(url)
}

/// A host as URLs have it, or `*.` and one.
///
/// # Errors
/// What was expected instead.
pub(super) fn normal_host(text: &str) -> Result<String, &'static str> {
    let (below, host) = match text.strip_prefix("*.") {
        Some(host) => ("*.", host),
        None => ("", text),
    };
    match Host::parse(host.trim_end_matches('.')) {
        Ok(host) if below.is_empty() || matches!(host, Host::Domain(_)) => {
            Ok(format!("{below}{host}"))
        }
        _ => Err("a host, or *. and a host"),
    }
}

/// The entries that would name a URL's host.
fn hosts_of(url: &Url) -> impl Iterator<Item = String> {
    let host = url
        .host_str()
        .unwrap_or_default()
        .trim_end_matches('.')
        .to_owned();
    let above: Vec<String> = host
        .match_indices('.')
        .map(|(at, _)| format!("*.{}", &host[at + 1..]))
        .collect();
    std::iter::once(host).chain(above)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A document as the first program with redactions wrote it. Every later one reads it.
    const DOCUMENT_1: &str = concat!(
        r#"{"redactions":1,"salt":"00ff"}"#,
        "\n",
        r#"{"kind":"url","value":"http://a.test/1.jpg","reason":"its owner asked","at":"2026-11-30T12:00:00Z"}"#,
        "\n",
        r#"{"kind":"host_hash","value":"5d2d40d0cf8d61d6e3b7e7a1e2e7cbdbac7b5fb8e6f5f4bba6ed8a1fb2a2ffff","reason":"","at":"2026-11-30T12:00:00Z"}"#,
        "\n",
    );

    fn entry(kind: Kind, value: &str) -> Entry {
        Entry {
            kind,
            value: value.to_owned(),
            reason: "its owner asked".to_owned(),
            at: "2026-11-30T12:00:00Z".to_owned(),
        }
    }

    #[test]
    fn the_document_of_the_first_version_is_read_and_written() {
        let redactions = Redactions::parse(DOCUMENT_1.as_bytes()).expect("a document");
        assert_eq!(
            redactions.to_document().expect("plain data"),
            DOCUMENT_1.as_bytes()
        );
        assert!(redactions.has_url("http://A.test:80/1.jpg#part"));
        assert!(!redactions.has_url("http://a.test/2.jpg"));
        let newer = DOCUMENT_1.replacen("\"redactions\":1", "\"redactions\":2", 1);
        assert!(Redactions::parse(newer.as_bytes()).is_err());
        let torn = &DOCUMENT_1.as_bytes()[..DOCUMENT_1.len() - 20];
        assert!(Redactions::parse(torn).is_err());
    }

    #[test]
    fn urls_hosts_and_bodies_are_told_from_others() {
        let mut redactions = Redactions::default();
        for (kind, value) in [
            (Kind::Url, "http://a.test/1.jpg?q=1"),
            (Kind::Host, "b.test"),
            (Kind::Host, "*.c.test"),
            (Kind::Sha256, "ab"),
        ] {
            for forgets in [false, true] {
                let added = redactions
                    .add(entry(kind, value), forgets)
                    .expect("randomness");
                let is_twice = forgets && kind.salted().is_none();
                assert_eq!(added, !is_twice, "{value}");
            }
        }
        for url in [
            "http://a.test/1.jpg?q=1#x",
            "https://B.test:8080/any",
            "http://x.y.c.test/",
            "http://b.test./",
        ] {
            assert!(redactions.has_url(url), "{url}");
        }
        for url in [
            "http://a.test/1.jpg",
            "http://c.test/",
            "http://bb.test/",
            "no url",
        ] {
            assert!(!redactions.has_url(url), "{url}");
        }
        assert!(redactions.has_body(HashKind::Sha256, "ab"));
        assert!(!redactions.has_body(HashKind::Md5, "ab"));
    }

    #[test]
    fn what_is_forgotten_is_not_in_the_document() {
        let mut redactions = Redactions::default();
        let url = "http://secret.test/1.jpg";
        redactions
            .add(entry(Kind::Url, url), true)
            .expect("randomness");
        redactions
            .add(entry(Kind::Host, "other.test"), true)
            .expect("randomness");
        let document = redactions.to_document().expect("plain data");
        let text = String::from_utf8_lossy(&document);
        assert!(
            !text.contains("secret") && !text.contains("other.test"),
            "{text}"
        );
        let read = Redactions::parse(&document).expect("a document");
        assert!(read.has_url(url) && read.has_url("http://other.test/2"));
        assert!(!read.has_url("http://secret.test/2.jpg"));
    }

    #[test]
    fn hosts_are_written_as_urls_have_them() {
        assert_eq!(
            normal_host("B\u{fc}cher.Test."),
            Ok("xn--bcher-kva.test".to_owned())
        );
        assert_eq!(normal_host("*.a.test"), Ok("*.a.test".to_owned()));
        for text in ["", "*.", "http://a.test", "*.1.2.3.4", "a b"] {
            assert!(normal_host(text).is_err(), "{text}");
        }
    }
}
