//! Owns the packed form of a cache entry: tag, name, payload.
//! Never decides its lifetime. Bytes may come from a file, so unpacking validates everything.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::answer::DnsError;
use crate::recursive::kind::Kind;
use crate::recursive::time::Time;
use crate::recursive::wire_name;

/// Largest packed entry in bytes; a delegation drops names that would exceed it.
pub(super) const ENTRY_BYTES_MAX: usize = 768;
/// Times in entries count from this long before the resolver's start, so that an entry from a file may
/// have expired before the start.
const BEFORE_START_S: u32 = 1 << 24;

/// The servers of a zone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delegation {
    pub(crate) servers: Vec<IpAddr>,
    /// Servers known by name only.
    pub(crate) names: Vec<Box<[u8]>>,
}

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    A,
    Aaaa,
    Delegation,
}

impl From<Kind> for Tag {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::A => Self::A,
            Kind::Aaaa => Self::Aaaa,
        }
    }
}

impl Tag {
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::A => 1,
            Self::Aaaa => 2,
            Self::Delegation => 3,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::A, Self::Aaaa, Self::Delegation]
            .into_iter()
            .find(|tag| tag.byte() == byte)
    }
}

/// The result of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Addrs(Vec<IpAddr>),
    Error(DnsError),
}

const ADDRS: u8 = 0;
const ERRORS: [(u8, DnsError); 3] = [
    (1, DnsError::NotFound),
    (2, DnsError::Failure),
    (3, DnsError::TimedOut),
];

/// `now` in the seconds of entries.
pub(super) fn secs(now: Time) -> u32 {
    now.secs().saturating_add(BEFORE_START_S).min(u32::MAX / 2)
}

fn head(tag: Tag, name: &[u8], payload_bytes: usize) -> Vec<u8> {
    let mut data = Vec::with_capacity(1 + name.len() + payload_bytes);
    data.push(tag.byte());
    data.extend_from_slice(name);
    data
}

pub(super) fn addrs(kind: Kind, name: &[u8], addrs: &[IpAddr]) -> Box<[u8]> {
    let mut data = head(kind.into(), name, 1 + addrs.len() * 16);
    data.push(ADDRS);
    push_addrs(&mut data, addrs);
    data.into_boxed_slice()
}

pub(super) fn error(kind: Kind, name: &[u8], error: DnsError) -> Box<[u8]> {
    let mut data = head(kind.into(), name, 1);
    let code = ERRORS.iter().find(|(_, known)| *known == error);
    data.push(code.map_or(2, |(code, _)| *code));
    data.into_boxed_slice()
}

pub(super) fn delegation(zone: &[u8], delegation: &Delegation) -> Box<[u8]> {
    let mut data = head(Tag::Delegation, zone, 64);
    let (v4, v6): (Vec<IpAddr>, Vec<IpAddr>) =
        delegation.servers.iter().partition(|addr| addr.is_ipv4());
    for family in [v4, v6] {
        let kept = &family[..family.len().min(13)];
        data.push(u8::try_from(kept.len()).unwrap_or_default());
        push_addrs(&mut data, kept);
    }
    for name in &delegation.names {
        if data.len() + name.len() <= ENTRY_BYTES_MAX {
            data.extend_from_slice(name);
        }
    }
    data.into_boxed_slice()
}

fn push_addrs(data: &mut Vec<u8>, addrs: &[IpAddr]) {
    for addr in addrs {
        match addr {
            IpAddr::V4(v4) => data.extend(v4.octets()),
            IpAddr::V6(v6) => data.extend(v6.octets()),
        }
    }
}

/// Splits a packed entry into tag, name and payload; `None` if it is malformed.
pub(super) fn split(data: &[u8]) -> Option<(Tag, &[u8], &[u8])> {
    let (&tag, rest) = data.split_first()?;
    let (name, payload) = split_name(rest)?;
    Some((Tag::of(tag)?, name, payload))
}

/// The name at the start of `bytes`, and the rest.
fn split_name(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut end = 0;
    loop {
        let len = *bytes.get(end)?;
        end += 1 + usize::from(len);
        if len == 0 {
            let (name, rest) = bytes.split_at_checked(end)?;
            return wire_name::is_valid(name).then_some((name, rest));
        }
    }
}

pub(super) fn read_outcome(kind: Kind, payload: &[u8]) -> Option<Outcome> {
    let (&code, packed) = payload.split_first()?;
    if code != ADDRS {
        let (_, error) = ERRORS.iter().find(|(known, _)| *known == code)?;
        return packed.is_empty().then_some(Outcome::Error(*error));
    }
    let addrs = match kind {
        Kind::A => read_v4(packed)?,
        Kind::Aaaa => read_v6(packed)?,
    };
    (!addrs.is_empty()).then_some(Outcome::Addrs(addrs))
}

fn read_v4(packed: &[u8]) -> Option<Vec<IpAddr>> {
    let (chunks, rest) = packed.as_chunks::<4>();
    let addrs = chunks.iter().map(|one| Ipv4Addr::from(*one).into());
    rest.is_empty().then(|| addrs.collect())
}

fn read_v6(packed: &[u8]) -> Option<Vec<IpAddr>> {
    let (chunks, rest) = packed.as_chunks::<16>();
    let addrs = chunks.iter().map(|one| Ipv6Addr::from(*one).into());
    rest.is_empty().then(|| addrs.collect())
}

pub(super) fn read_delegation(payload: &[u8]) -> Option<Delegation> {
    let (&v4, rest) = payload.split_first()?;
    let (packed, rest) = rest.split_at_checked(usize::from(v4) * 4)?;
    let mut servers = read_v4(packed)?;
    let (&v6, rest) = rest.split_first()?;
    let (packed, mut rest) = rest.split_at_checked(usize::from(v6) * 16)?;
    servers.extend(read_v6(packed)?);
    let mut names = Vec::new();
    while !rest.is_empty() {
        let (name, after) = split_name(rest)?;
        names.push(name.into());
        rest = after;
    }
    Some(Delegation { servers, names })
}
