//! Owns packed entries within a bound on memory, and their eviction.
//! Never interprets an entry beyond its tag and name.
//!
//! Each entry is charged its bytes, the allocator's overhead, and its share of the tables at the worst
//! point of their growth, so the bound holds for actual memory and not only for payloads.
//! Eviction is second chance: it needs one bit and no list, and comes close to LRU on skewed names.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};

use super::entry::{self, ENTRY_BYTES_MAX, Tag};

/// Overhead of one entry: a slot (32 bytes) and an index cell (17 bytes), each in a table that may be
/// half empty, cells at a load of at most 7/8; plus allocator header and rounding.
const OVERHEAD_BYTES: usize = 2 * 32 + 2 * 17 * 8 / 7 + 16;

#[derive(Debug)]
struct Slot {
    /// The packed entry; empty if the slot is free.
    data: Box<[u8]>,
    /// Not served from this time on.
    expires_s: u32,
    /// End of the TTL; `expires_s` of a stale entry may be later.
    good_until_s: u32,
    referenced: bool,
    /// Incremented with every use, to rotate addresses.
    turn: u8,
}

/// An entry found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub(super) payload: &'a [u8],
    pub(super) expires_s: u32,
    pub(super) good_until_s: u32,
    pub(super) turn: u8,
}

/// The identity hasher: the keys of the index are keyed hashes already.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

pub(super) struct Store {
    /// Slot by the keyed hash of tag and name. The bytes of the slot are compared too.
    index: HashMap<u64, u32, BuildHasherDefault<AsIs>>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    keys: RandomState,
    hand: usize,
    bytes: usize,
    bytes_max: usize,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({} entries, {} bytes)", self.len(), self.bytes)
    }
}

impl Store {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self {
            index: HashMap::default(),
            slots: Vec::new(),
            free: Vec::new(),
            keys: RandomState::new(),
            hand: 0,
            bytes: 0,
            bytes_max,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// The entry, expired or not. Marks it as used.
    pub(super) fn get(&mut self, tag: Tag, name: &[u8]) -> Option<Found<'_>> {
        let at = self.position(tag, name)?;
        let slot = &mut self.slots[at];
        slot.referenced = true;
        slot.turn = slot.turn.wrapping_add(1);
        Some(Found {
            payload: &slot.data[1 + name.len()..],
            expires_s: slot.expires_s,
            good_until_s: slot.good_until_s,
            turn: slot.turn,
        })
    }

    /// Inserts an entry, replacing one with the same tag and name, and evicts others as needed. Ignores
    /// a malformed entry and one larger than the bound.
    pub(super) fn put(&mut self, data: Box<[u8]>, until_s: u32) {
        let Some((tag, name, _)) = entry::split(&data) else {
            return;
        };
        let cost = cost(&data);
        if cost > self.bytes_max || data.len() > ENTRY_BYTES_MAX {
            return;
        }
        self.remove(tag, name);
        while self.bytes + cost > self.bytes_max {
            self.evict();
        }
        let hash = self.hash(tag, name);
        // An entry with the same hash is removed: it could not be found any more.
        if let Some(&other) = self.index.get(&hash) {
            self.clear(other as usize);
        }
        let slot = Slot {
            data,
            expires_s: until_s,
            good_until_s: until_s,
            referenced: false,
            turn: 0,
        };
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at as usize] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
            }
        };
        self.bytes += cost;
        self.index.insert(hash, at);
    }

    /// Serves an entry until `until_s`, whatever its TTL.
    pub(super) fn extend(&mut self, tag: Tag, name: &[u8], until_s: u32) {
        if let Some(at) = self.position(tag, name) {
            self.slots[at].expires_s = until_s;
        }
    }

    pub(super) fn remove(&mut self, tag: Tag, name: &[u8]) {
        if let Some(at) = self.position(tag, name) {
            self.clear(at);
        }
    }

    /// All entries in arbitrary order: packed bytes and the end of their TTL.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&[u8], u32)> {
        self.slots
            .iter()
            .filter(|slot| !slot.data.is_empty())
            .map(|slot| (&*slot.data, slot.good_until_s))
    }

    /// Whether a packed entry fits without evicting another.
    pub(super) fn has_room(&self, data: &[u8]) -> bool {
        self.bytes + cost(data) <= self.bytes_max
    }

    fn position(&self, tag: Tag, name: &[u8]) -> Option<usize> {
        let at = *self.index.get(&self.hash(tag, name))? as usize;
        let data = &self.slots.get(at)?.data;
        let same = data.first() == Some(&tag.byte()) && data[1..].starts_with(name);
        same.then_some(at)
    }

    fn hash(&self, tag: Tag, name: &[u8]) -> u64 {
        let mut hasher = self.keys.build_hasher();
        hasher.write_u8(tag.byte());
        hasher.write(name);
        hasher.finish()
    }

    fn clear(&mut self, at: usize) {
        let data = std::mem::take(&mut self.slots[at].data);
        if let Some((tag, name, _)) = entry::split(&data) {
            let hash = self.hash(tag, name);
            self.index.remove(&hash);
            self.bytes -= cost(&data);
            self.free.push(u32::try_from(at).unwrap_or(u32::MAX));
        }
    }

    /// Evicts the next entry that was not used since the hand last passed. Takes at most two rounds; to
    /// be called only while there are entries.
    fn evict(&mut self) {
        for _ in 0..2 * self.slots.len() + 1 {
            let at = self.hand;
            self.hand = (self.hand + 1) % self.slots.len().max(1);
            let slot = &mut self.slots[at];
            if slot.data.is_empty() {
                continue;
            }
            if !slot.referenced {
                self.clear(at);
                return;
            }
            slot.referenced = false;
        }
    }
}

/// The accounted size of an entry: its bytes as the allocator rounds them, and [`OVERHEAD_BYTES`].
fn cost(data: &[u8]) -> usize {
    OVERHEAD_BYTES + data.len().next_multiple_of(16)
}
