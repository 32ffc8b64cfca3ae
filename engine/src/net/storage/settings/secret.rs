//! Owns secrets: they are not printed, and are taken out of texts that come from elsewhere. Never keeps more than
//! the latest [`KNOWN_MAX`].

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Secrets that are looked for in texts.
const KNOWN_MAX: usize = 64;
/// Shorter ones are not looked for: they are parts of usual words.
const LENGTH_MIN: usize = 6;
/// Words from this length on are taken for tokens, known or not, bytes.
const TOKEN_LENGTH: usize = 40;
/// In place of a secret.
const HIDDEN: &str = "…";

static KNOWN: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// A text that is never printed.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::net::storage) struct Secret(String);

impl Secret {
    pub(in crate::net::storage) fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        if text.len() >= LENGTH_MIN && !known.contains(&text) {
            if known.len() == KNOWN_MAX {
                known.pop_front();
            }
            known.push_back(text.clone());
        }
        Self(text)
    }

    /// The text, for the request that needs it.
    pub(in crate::net::storage) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

/// A text without secrets: those that are known, and words that look like one.
pub(in crate::net::storage) fn conceal(text: &str) -> String {
    let mut text = Cow::Borrowed(text);
    for secret in KNOWN.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        if text.contains(secret.as_str()) {
            text = text.replace(secret.as_str(), HIDDEN).into();
        }
    }
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "+/=_-.%~".contains(c);
    let mut concealed = String::with_capacity(text.len());
    let mut rest: &str = &text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_of_token(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        concealed.push_str(if end < TOKEN_LENGTH { word } else { HIDDEN });
        let next = after.chars().next();
        concealed.extend(next);
        rest = &after[next.map_or(0, char::len_utf8)..];
    }
    concealed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_lose_what_is_secret() {
        let secret = Secret::new("hush-hush");
        assert!(!format!("{secret:?}").contains("hush"));
        assert_eq!(conceal("with hush-hush in it"), "with … in it");
        let token = "x".repeat(TOKEN_LENGTH);
        assert_eq!(conceal(&format!("a={token}, b")), "…, b");
        assert_eq!(conceal("what is usual ä"), "what is usual ä");
    }
}
