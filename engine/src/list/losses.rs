//! Owns counting the values of a list that could not be kept unchanged, and the places of the first
//! ones. Every such row is still a row. Never holds a byte of the list.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Most places named for each kind.
const PLACES_MAX: usize = 5;

/// A kind of loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// A value with invalid UTF-8; the bad bytes became U+FFFD.
    InvalidUtf8,
    /// A value that does not fit its column's type and became null.
    Misfit,
    /// A record with fewer fields than the header; the missing ones are null.
    ShortRecord,
    /// A record with more fields than the header; the additional ones are dropped.
    LongRecord,
    /// A record that is not a JSON object; every column is null.
    MalformedRecord,
    /// A quote that was never closed, or would have swallowed records; it is an ordinary character.
    UnbalancedQuote,
    /// A list of URLs in one cell, where one URL was expected.
    UrlList,
}

impl Loss {
    /// Every kind, in the order of a summary.
    pub const ALL: [Self; 7] = [
        Self::InvalidUtf8,
        Self::Misfit,
        Self::ShortRecord,
        Self::LongRecord,
        Self::MalformedRecord,
        Self::UnbalancedQuote,
        Self::UrlList,
    ];

    /// The name in `--log_json` and in Python.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "invalid_utf8",
            Self::Misfit => "misfits",
            Self::ShortRecord => "short_records",
            Self::LongRecord => "long_records",
            Self::MalformedRecord => "malformed_records",
            Self::UnbalancedQuote => "unbalanced_quotes",
            Self::UrlList => "url_lists",
        }
    }

    /// What happened, as a phrase after a count.
    const fn what(self) -> &'static str {
        match self {
            Self::InvalidUtf8 => "values were not UTF-8; their bad bytes were replaced",
            Self::Misfit => "values did not fit their column's type and are null",
            Self::ShortRecord => "records had too few fields; the missing ones are null",
            Self::LongRecord => "records had too many fields; the further ones were dropped",
            Self::MalformedRecord => "records were malformed; they are rows without a URL",
            Self::UnbalancedQuote => {
                "quotes were unbalanced and are kept as characters (--quoting none takes all so)"
            }
            Self::UrlList => "cells held a list of URLs; --explode_url makes a row of each",
        }
    }
}

/// Counts and places of one file, or of a whole list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    file: Arc<str>,
    unit: &'static str,
    kinds: BTreeMap<Loss, Kind>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Kind {
    count: u64,
    places: Vec<Staging>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Staging {
    file: Arc<str>,
    unit: &'static str,
    number: u64,
}

impl Losses {
    /// No losses yet, in a file that messages call `file`, with places counted in `unit`s.
    pub(super) fn of(file: &str, unit: &'static str) -> Self {
        Self {
            file: file.into(),
            unit,
            kinds: BTreeMap::new(),
        }
    }

    /// How often this happened.
    pub fn count(&self, loss: Loss) -> u64 {
        self.kinds.get(&loss).map_or(0, |kind| kind.count)
    }

    /// Counts this `times` times, without a place.
    pub(super) fn add(&mut self, loss: Loss, times: u64) {
        if times > 0 {
            self.kinds.entry(loss).or_default().count += times;
        }
    }

    /// Counts this once, at the line or record of this number.
    pub(super) fn add_at(&mut self, loss: Loss, number: u64) {
        let kind = self.kinds.entry(loss).or_default();
        kind.count += 1;
        let known = kind.places.last().is_some_and(|last| last.number == number);
        if kind.places.len() < PLACES_MAX && !known {
            kind.places.push(Staging {
                file: self.file.clone(),
                unit: self.unit,
                number,
            });
        }
    }

    /// Adds the losses of another file.
    pub(crate) fn join(&mut self, other: &Self) {
        for (loss, theirs) in &other.kinds {
            let ours = self.kinds.entry(*loss).or_default();
            ours.count += theirs.count;
            let room = PLACES_MAX.saturating_sub(ours.places.len());
            ours.places.extend(theirs.places.iter().take(room).cloned());
        }
    }

    /// A message for each kind that happened.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.kinds.iter().map(|(loss, kind)| {
            let (count, what, places) = (kind.count, loss.what(), shown(kind));
            format!("of the list, {count} {what}{places}")
        })
    }
}

/// The places as ` (lines 3, 17 of a.csv; line 2 of b.csv)`.
fn shown(kind: &Kind) -> String {
    let mut groups: Vec<(&Staging, Vec<String>)> = Vec::new();
    for place in &kind.places {
        let number = place.number.to_string();
        match groups.last_mut() {
            Some((first, numbers)) if first.file == place.file => numbers.push(number),
            _ => groups.push((place, vec![number])),
        }
    }
    if groups.is_empty() {
        return String::new();
    }
    let more = if kind.count > kind.places.len() as u64 {
        ", ..."
    } else {
        ""
    };
    let groups = groups.into_iter().map(|(place, numbers)| {
        let plural = if numbers.len() > 1 { "s" } else { "" };
        format!(
            "{}{plural} {} of {}",
            place.unit,
            numbers.join(", "),
            place.file
        )
    });
    format!(" ({}{more})", groups.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_places_are_named_and_all_are_counted() {
        let mut all = Losses::default();
        let mut a = Losses::of("a.csv", "line");
        a.add_at(Loss::ShortRecord, 3);
        a.add_at(Loss::ShortRecord, 17);
        a.add(Loss::Misfit, 2);
        let mut b = Losses::of("b.json", "record");
        (0..9).for_each(|n| b.add_at(Loss::ShortRecord, n));
        all.join(&a);
        all.join(&b);
        assert_eq!(all.count(Loss::ShortRecord), 11);
        let lines: Vec<String> = all.lines().collect();
        assert_eq!(
            lines,
            [
                "of the list, 2 values did not fit their column's type and are null",
                "of the list, 11 records had too few fields; the missing ones are null \
                 (lines 3, 17 of a.csv; records 0, 1, 2 of b.json, ...)"
            ]
        );
    }
}
