//! Owns what a simulated disk consists of: folders and files, what of them is durable, and what a loss of
//! power leaves. Never counts a step.

use std::collections::BTreeMap;

use fastrand::Rng;

use crate::dataset::disk::Kind;

/// What of a write is whole after a loss of power.
const SECTOR_BYTES: usize = 512;

pub(super) type Id = usize;

pub(super) enum Node {
    File(Content),
    Folder(Folder),
}

impl Node {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::File(_) => Kind::File,
            Self::Folder(_) => Kind::Folder,
        }
    }
}

#[derive(Default)]
pub(super) struct Content {
    pub(super) now: Vec<u8>,
    pub(super) durable: Vec<u8>,
    /// Bytes that a failed sync gave up: no later one writes them.
    pub(super) given_up: bool,
}

#[derive(Default)]
pub(super) struct Folder {
    pub(super) now: BTreeMap<String, Id>,
    pub(super) durable: BTreeMap<String, Id>,
    /// Changes since the last sync, oldest first.
    pub(super) pending: Vec<Change>,
    /// Names that somebody else gave, durable at once.
    pub(super) of_others: BTreeMap<String, Id>,
}

#[derive(Clone)]
pub(super) enum Change {
    Set(String, Id),
    Unset(String),
    Rename(String, String, Id),
}

impl Change {
    fn apply(self, names: &mut BTreeMap<String, Id>) {
        match self {
            Self::Set(name, id) => {
                names.insert(name, id);
            }
            Self::Unset(name) => {
                names.remove(&name);
            }
            Self::Rename(from, to, id) => {
                if names.get(&from) == Some(&id) {
                    names.remove(&from);
                }
                names.insert(to, id);
            }
        }
    }
}

impl Change {
    pub(super) fn gives(&self, wanted: &str) -> bool {
        match self {
            Self::Set(name, _) | Self::Rename(_, name, _) => name == wanted,
            Self::Unset(_) => false,
        }
    }
}

impl Folder {
    pub(super) fn change(&mut self, change: Change) {
        change.clone().apply(&mut self.now);
        self.pending.push(change);
    }

    pub(super) fn sync(&mut self) {
        self.pending.clear();
        self.durable.clone_from(&self.now);
    }

    pub(super) fn lose_power(&mut self, random: &mut Rng) {
        let pending = std::mem::take(&mut self.pending);
        let kept = random.usize(..=pending.len());
        let any = random.bool();
        for (at, change) in pending.into_iter().enumerate() {
            if if any { random.bool() } else { at < kept } {
                change.apply(&mut self.durable);
            }
        }
        for (name, id) in &self.of_others {
            // What a run did to it meanwhile is for the tests to find.
            if self.now.get(name) == Some(id) {
                self.durable.insert(name.clone(), *id);
            }
        }
        self.now.clone_from(&self.durable);
    }
}

impl Content {
    pub(super) fn sync(&mut self) {
        if !self.given_up {
            self.durable.clone_from(&self.now);
        }
    }

    pub(super) fn lose_power(&mut self, random: &mut Rng) {
        let (short, long) = (self.durable.len(), self.now.len());
        let length = match random.u8(..4) {
            0 => short,
            1 => long,
            _ => random.usize(short.min(long)..=short.max(long)),
        };
        self.durable.resize(length, 0);
        let chance = random.f64();
        for at in (0..length.min(long)).step_by(SECTOR_BYTES) {
            if random.f64() < chance {
                let end = (at + SECTOR_BYTES).min(length).min(long);
                self.durable[at..end].copy_from_slice(&self.now[at..end]);
            }
        }
        self.now.clone_from(&self.durable);
        self.given_up = false;
    }
}
