//! Owns the cache's file: delegations first, then addresses, so that a smaller cache takes what
//! saves most. Never saves a failure, and never believes a file that is not whole.
//!
//! Layout, little endian: magic and version (8 bytes); Unix time of saving, s (8); per entry the end
//! of its TTL relative to that, s (4, signed), packed length (2), packed bytes; CRC-32C of all before
//! (4). The file is written in place: a file broken by a crash is told by its checksum, and costs a
//! cold start. What is there and does not begin as a cache does is somebody's, and is never written over.

use std::fs;
use std::io::{self, BufWriter, Read, Write};
use std::path::Path;

use super::cache::{RecordCache, STALE_MAX_S};
use super::entry::{self, Tag};
use crate::answer::DnsError;
use crate::recursive::kind::Kind;
use crate::recursive::time::Time;

/// The last two bytes are the version of the layout.
const MAGIC: [u8; 8] = *b"t2dDNS\x00\x01";
/// What every version begins with.
const MAGIC_BYTES: usize = 6;
const HEAD_BYTES: usize = 16;
const ENTRY_HEAD_BYTES: usize = 6;
const SUM_BYTES: usize = 4;

/// Why a cache's file was not used.
#[derive(Debug, thiserror::Error)]
pub enum CacheFileError {
    /// It cannot be read.
    #[error("cannot be read")]
    Unreadable(#[from] io::Error),
    /// It is larger than the cache could have written.
    #[error("is larger than the cache")]
    TooLarge,
    /// It is cut off, changed, of another version, or no such file at all.
    #[error("is broken or of another version")]
    Broken,
    /// It holds something else, which is not to be lost.
    #[error("is not a cache of names")]
    NotACache,
}

/// Whether a cache may be saved at this path: nothing is there, or an empty file, or one that a cache was
/// saved to, whole or not.
///
/// # Errors
/// `NotACache` for anything else, and what the system said.
pub fn check_cache_file(path: &Path) -> Result<(), CacheFileError> {
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => return Err(CacheFileError::NotACache),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let mut start = Vec::new();
    let file = fs::File::open(path)?;
    file.take(MAGIC_BYTES as u64).read_to_end(&mut start)?;
    if start.is_empty() || start == MAGIC[..MAGIC_BYTES] {
        Ok(())
    } else {
        Err(CacheFileError::NotACache)
    }
}

/// Writes what is known at `now`, which is `unix_s` on the wall clock.
///
/// # Errors
/// The system's.
pub(crate) fn save(cache: &RecordCache, path: &Path, now: Time, unix_s: u64) -> io::Result<()> {
    // It may have come since the start.
    check_cache_file(path).map_err(io::Error::other)?;
    let mut out = Summed {
        inner: BufWriter::new(fs::File::create(path)?),
        sum: 0,
    };
    out.put(&MAGIC)?;
    out.put(&unix_s.to_le_bytes())?;
    for delegations in [true, false] {
        for (data, good_until_s) in cache.store.entries() {
            if (data.first() == Some(&Tag::Delegation.byte())) == delegations && is_worth(data) {
                let left = i64::from(good_until_s) - i64::from(entry::secs(now));
                let left = i32::try_from(left).unwrap_or(i32::MAX);
                out.put(&left.to_le_bytes())?;
                out.put(&u16::try_from(data.len()).unwrap_or_default().to_le_bytes())?;
                out.put(data)?;
            }
        }
    }
    let sum = out.sum.to_le_bytes();
    out.put(&sum)?;
    out.inner.flush()
}

/// Failures are forgotten; everything else is kept.
fn is_worth(data: &[u8]) -> bool {
    readable(data).is_some_and(|failed| !failed)
}

/// Takes in what a file holds, as far as there is room; returns how many entries.
///
/// # Errors
/// The file cannot be used; nothing of it was taken in.
pub(crate) fn load(
    cache: &mut RecordCache,
    path: &Path,
    now: Time,
    unix_s: u64,
) -> Result<usize, CacheFileError> {
    let len = fs::metadata(path)?.len();
    // An entry costs more in memory than in the file.
    if len > cache.store.bytes_max() as u64 + (HEAD_BYTES + SUM_BYTES) as u64 {
        return Err(CacheFileError::TooLarge);
    }
    let bytes = fs::read(path)?;
    let (body, sum) = bytes
        .split_last_chunk::<SUM_BYTES>()
        .ok_or(CacheFileError::Broken)?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*sum) {
        return Err(CacheFileError::Broken);
    }
    let rest = body.strip_prefix(&MAGIC).ok_or(CacheFileError::Broken)?;
    let (saved, mut rest) = rest
        .split_first_chunk::<8>()
        .ok_or(CacheFileError::Broken)?;
    // A wall clock set back makes the entries no younger.
    let age_s = unix_s.saturating_sub(u64::from_le_bytes(*saved));
    let mut taken = 0;
    while let Some((head, after)) = rest.split_first_chunk::<ENTRY_HEAD_BYTES>() {
        let [a, b, c, d, low, high] = *head;
        let left_s = i64::from(i32::from_le_bytes([a, b, c, d]));
        let data_bytes = usize::from(u16::from_le_bytes([low, high]));
        let Some((data, after)) = after.split_at_checked(data_bytes) else {
            break;
        };
        rest = after;
        taken += usize::from(take(cache, data, left_s, age_s, now));
    }
    Ok(taken)
}

fn take(cache: &mut RecordCache, data: &[u8], left_s: i64, age_s: u64, now: Time) -> bool {
    let age_s = i64::try_from(age_s).unwrap_or(i64::MAX);
    let left_s = left_s.saturating_sub(age_s);
    let usable = left_s > -i64::from(STALE_MAX_S) && readable(data).is_some();
    let until = i64::from(entry::secs(now)).saturating_add(left_s);
    match u32::try_from(until) {
        Ok(until_s) if usable && cache.store.has_room(data) => {
            cache.store.put(data.into(), until_s);
            true
        }
        _ => false,
    }
}

/// Whether packed bytes can be read, and if so, whether they tell of a failure.
fn readable(data: &[u8]) -> Option<bool> {
    let (tag, _, payload) = entry::split(data)?;
    let kind = match tag {
        Tag::Delegation => return entry::read_delegation(payload).map(|_| false),
        Tag::A => Kind::A,
        Tag::Aaaa => Kind::Aaaa,
    };
    let outcome = entry::read_outcome(kind, payload)?;
    Some(matches!(
        outcome,
        entry::Outcome::Error(DnsError::Failure | DnsError::TimedOut)
    ))
}

/// A writer that sums what passes.
struct Summed<W> {
    inner: W,
    sum: u32,
}

impl<W: Write> Summed<W> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum = crc32c::crc32c_append(self.sum, bytes);
        self.inner.write_all(bytes)
    }
}
