//! Owns what is to be taken out of a dataset: lists of URLs, hosts, hashes and keys, one entry a line, and which rows
//! they name. Never reads a dataset.

use std::collections::HashSet;
use std::str::FromStr;

use super::registry::{Entry, Kind, Redactions, normal_host, normal_url};
use crate::config::HashKind;
use crate::error::Error;

/// What the lists of a redaction hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// URLs.
    Urls,
    /// Hosts, or `*.` and a host for all below it.
    Hosts,
    /// Hashes of images as they came, in hexadecimal.
    Hashes,
    /// Keys of samples.
    Keys,
}

impl ListKind {
    /// Every kind with its option.
    pub const ALL: [(Self, &'static str); 4] = [
        (Self::Urls, "urls"),
        (Self::Hosts, "hosts"),
        (Self::Hashes, "hashes"),
        (Self::Keys, "keys"),
    ];
}

/// The rows that are to go.
#[derive(Default)]
pub(super) struct Targets {
    /// By URL, host and hash.
    named: Redactions,
    keys: HashSet<String>,
    /// Kinds of the hashes.
    pub(super) hashes: HashSet<Kind>,
}

impl Targets {
    /// Adds a list. Blank lines and lines that begin with `#` are skipped.
    ///
    /// # Errors
    /// `Usage` for a line that is no such thing; nothing was changed.
    pub(super) fn add(&mut self, kind: ListKind, name: &str, text: &str) -> Result<(), Error> {
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            self.add_line(kind, line).map_err(|expected| {
                Error::usage(
                    format!("line {} of {name} is not {expected}", number + 1),
                    "mend the line; nothing was changed",
                )
            })?;
        }
        Ok(())
    }

    fn add_line(&mut self, kind: ListKind, line: &str) -> Result<(), &'static str> {
        let (kind, value) = match kind {
            ListKind::Urls => (Kind::Url, normal_url(line)),
            ListKind::Hosts => (Kind::Host, normal_host(line)?),
            ListKind::Hashes => {
                let Hash(kind, value) = line.parse()?;
                self.hashes.insert(kind);
                (kind, value)
            }
            ListKind::Keys => {
                self.keys.insert(line.to_owned());
                return Ok(());
            }
        };
        self.named.push(Entry {
            kind,
            value,
            reason: String::new(),
            at: String::new(),
        });
        Ok(())
    }

    /// Whether a row is to go.
    pub(super) fn has(
        &self,
        url: Option<&str>,
        key: Option<&str>,
        hash: Option<(HashKind, &str)>,
    ) -> bool {
        url.is_some_and(|url| self.named.has_url(url))
            || key.is_some_and(|key| self.keys.contains(key))
            || hash.is_some_and(|(kind, digest)| self.named.has_body(kind, digest))
    }

    /// What may not come back, beside the URLs of the rows that go.
    pub(super) fn entries(&self) -> impl Iterator<Item = (Kind, &str)> {
        let entries = self.named.entries().iter();
        entries.map(|entry| (entry.kind, entry.value.as_str()))
    }

    /// Whether nothing is to go.
    pub(super) fn is_empty(&self) -> bool {
        self.named.is_empty() && self.keys.is_empty()
    }
}

/// A hash, whose kind its length tells.
struct Hash(Kind, String);

impl FromStr for Hash {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kind = match text.len() {
            32 => Kind::Md5,
            64 => Kind::Sha256,
            128 => Kind::Sha512,
            _ => return Err("an MD5, SHA-256 or SHA-512 in hexadecimal"),
        };
        if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("an MD5, SHA-256 or SHA-512 in hexadecimal");
        }
        Ok(Self(kind, text.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_named_by_url_host_hash_and_key() {
        let mut targets = Targets::default();
        let digest = "AB".repeat(32);
        for (kind, text) in [
            (ListKind::Urls, "# mine\n\n http://a.test/1.jpg#x \n"),
            (ListKind::Hosts, "*.b.test\nc.test"),
            (ListKind::Hashes, digest.as_str()),
            (ListKind::Keys, "000000007"),
        ] {
            targets.add(kind, "list", text).expect("a list");
        }
        assert_eq!(targets.entries().count(), 4);
        let lower = digest.to_ascii_lowercase();
        assert!(targets.has(Some("http://u:p@a.test:80/1.jpg"), None, None));
        assert!(targets.has(Some("http://x.b.test/2"), None, None));
        assert!(targets.has(None, Some("000000007"), None));
        assert!(targets.has(None, None, Some((HashKind::Sha256, &lower))));
        assert!(!targets.has(
            Some("http://b.test/2"),
            Some("000000008"),
            Some((HashKind::Md5, &lower))
        ));
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for (kind, text) in [
            (ListKind::Hosts, "a.test\nhttp://b.test\n"),
            (ListKind::Hashes, "# sums\nab\n"),
        ] {
            let error = Targets::default().add(kind, "list.txt", text);
            let error = error.expect_err("a line that is none").to_string();
            assert!(error.contains("line 2 of list.txt"), "{error}");
        }
    }
}
