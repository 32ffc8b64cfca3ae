//! Owns classifying the answers of name servers (RFC 1034, 4.3.2 and 5.3.3; RFC 2308), and which of
//! their records are in bailiwick.
//! Never uses a record outside the zone whose server was asked, and never caches.

use std::net::IpAddr;

use hickory_proto::op::ResponseCode;
use hickory_proto::rr::RecordType;

use super::read::{Message, Record, Section};
use crate::recursive::kind::Kind;
use crate::recursive::wire_name::{self, NameBuf};

/// TTL of "not found" if the answer has none, in seconds.
pub(crate) const NEGATIVE_TTL_S: u32 = 60;

/// Most addresses kept of one answer.
pub(crate) const ADDRS_MAX: usize = 16;
/// Most aliases followed within one message.
const ALIASES_MAX: usize = 12;
/// Most name servers kept of one referral; the root and com have 13.
const NS_NAMES_MAX: usize = 13;
/// Most glue addresses kept of one referral.
const GLUE_MAX: usize = 26;

/// The query that a message answers.
#[derive(Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) name: &'a [u8],
    /// The zone whose server was asked.
    pub(crate) zone: &'a [u8],
    pub(crate) kind: Kind,
    /// Whether to keep IPv6 addresses of servers.
    pub(crate) ipv6: bool,
    /// Whether a recursive server was asked, which answers itself and sends no referral.
    pub(crate) recursive: bool,
}

/// The meaning of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Addrs {
        addrs: Vec<IpAddr>,
        ttl_s: u32,
    },
    /// The name is an alias of a name outside the server's zone.
    Alias {
        target: Box<[u8]>,
        ttl_s: u32,
    },
    NotFound {
        ttl_s: u32,
    },
    /// Not found, but not authoritatively: it counts only if no other server answers better.
    WeakNotFound,
    Referral(Referral),
    /// The server does not serve the zone: it refers upward or sideways, or answers nothing.
    Lame,
    /// FORMERR or NOTIMP: the server may not support EDNS.
    Unsupported,
    /// SERVFAIL, REFUSED or any other code.
    Refused,
    Malformed,
}

impl Verdict {
    /// Whether the answer brings the lookup further.
    pub(crate) const fn is_of_use(&self) -> bool {
        matches!(
            self,
            Self::Addrs { .. } | Self::Alias { .. } | Self::NotFound { .. } | Self::Referral(_)
        )
    }
}

/// The servers of a child zone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Referral {
    /// The zone: the queried name or an ancestor of it.
    pub(crate) zone: Box<[u8]>,
    pub(crate) servers: Vec<IpAddr>,
    /// Names of its servers, those without glue first.
    pub(crate) names: Vec<Box<[u8]>>,
    pub(crate) ttl_s: u32,
}

/// Classifies a message whose id, source and question match `asked`.
pub(crate) fn classify(message: &Message<'_>, asked: Asked<'_>) -> Verdict {
    match message.code() {
        ResponseCode::NoError | ResponseCode::NXDomain => {}
        ResponseCode::FormErr | ResponseCode::NotImp => return Verdict::Unsupported,
        _ => return Verdict::Refused,
    }
    let readable = message
        .records()
        .take_while(|record| !matches!(record, Ok(one) if one.section == Section::Additional))
        .all(|record| record.is_ok());
    if !readable {
        return Verdict::Malformed;
    }
    let chain = match follow(message, asked) {
        Ok(chain) => chain,
        Err(verdict) => return verdict,
    };
    if !chain.addrs.is_empty() {
        return Verdict::Addrs {
            addrs: chain.addrs,
            ttl_s: chain.ttl_s,
        };
    }
    let is_alias = chain.end.as_bytes() != asked.name;
    if is_alias && !wire_name::is_within(chain.end.as_bytes(), asked.zone) {
        return alias_to(&chain);
    }
    without_address(message, asked, &chain, is_alias)
}

/// The chain of aliases in an answer.
struct Chain {
    end: NameBuf,
    addrs: Vec<IpAddr>,
    /// The smallest TTL of the records followed.
    ttl_s: u32,
}

fn follow(message: &Message<'_>, asked: Asked<'_>) -> Result<Chain, Verdict> {
    let mut end = NameBuf::new();
    end.push(asked.name).ok_or(Verdict::Malformed)?;
    let mut ttl_s = u32::MAX;
    for _ in 0..=ALIASES_MAX {
        if !wire_name::is_within(end.as_bytes(), asked.zone) {
            break;
        }
        let mut addrs = Vec::new();
        let mut next = None;
        for record in records_of(message, end.as_bytes()) {
            if record.kind == asked.kind.record_type() {
                let addr = record.address().ok_or(Verdict::Malformed)?;
                ttl_s = ttl_s.min(record.ttl_s);
                if addrs.len() < ADDRS_MAX && !addrs.contains(&addr) {
                    addrs.push(addr);
                }
            } else if record.kind == RecordType::CNAME && next.is_none() {
                let target = record.target().ok_or(Verdict::Malformed)?;
                next = Some((target, record.ttl_s));
            }
        }
        let Some((target, alias_ttl_s)) = next.filter(|_| addrs.is_empty()) else {
            return Ok(Chain { end, addrs, ttl_s });
        };
        end = target;
        ttl_s = ttl_s.min(alias_ttl_s);
    }
    if end.as_bytes() == asked.name {
        return Err(Verdict::Malformed);
    }
    Ok(Chain {
        end,
        addrs: Vec::new(),
        ttl_s,
    })
}

/// The records of `owner` in the answer section.
fn records_of<'a>(message: &Message<'a>, owner: &[u8]) -> impl Iterator<Item = Record<'a>> {
    message
        .section(Section::Answer)
        .filter(move |record| record.owner.as_bytes() == owner)
}

fn alias_to(chain: &Chain) -> Verdict {
    Verdict::Alias {
        target: chain.end.as_bytes().into(),
        ttl_s: chain.ttl_s,
    }
}

/// Classifies an answer without an address: "not found", a referral, or an alias within the zone.
fn without_address(
    message: &Message<'_>,
    asked: Asked<'_>,
    chain: &Chain,
    is_alias: bool,
) -> Verdict {
    let soa_ttl_s = negative_ttl_s(message, chain.end.as_bytes(), asked.zone);
    let known = soa_ttl_s.is_some() || message.authoritative();
    let ttl_s = soa_ttl_s.unwrap_or(NEGATIVE_TTL_S).min(chain.ttl_s);
    if message.code() == ResponseCode::NXDomain {
        return if known {
            Verdict::NotFound { ttl_s }
        } else {
            Verdict::WeakNotFound
        };
    }
    if soa_ttl_s.is_some() {
        return Verdict::NotFound { ttl_s };
    }
    if is_alias {
        return alias_to(chain);
    }
    match referral(message, asked) {
        Delegates::Not if asked.recursive => Verdict::NotFound { ttl_s },
        _ if asked.recursive => Verdict::Lame,
        Delegates::Down(referral) => Verdict::Referral(referral),
        Delegates::Elsewhere => Verdict::Lame,
        Delegates::Not if message.authoritative() => Verdict::NotFound { ttl_s },
        Delegates::Not => Verdict::Lame,
    }
}

/// The TTL of "not found": the smaller of the SOA's TTL and its minimum (RFC 2308, section 5). `None`
/// without a SOA that is in bailiwick and covers `name`.
fn negative_ttl_s(message: &Message<'_>, name: &[u8], zone: &[u8]) -> Option<u32> {
    let soa = message.section(Section::Authority).find(|record| {
        let owner = record.owner.as_bytes();
        record.kind == RecordType::SOA
            && wire_name::is_within(owner, zone)
            && wire_name::is_within(name, owner)
    })?;
    Some(soa.ttl_s.min(soa.soa_minimum_s()?))
}

enum Delegates {
    Down(Referral),
    /// To a zone that is not between this one and the name.
    Elsewhere,
    Not,
}

fn referral(message: &Message<'_>, asked: Asked<'_>) -> Delegates {
    let mut zone: Option<NameBuf> = None;
    let mut names: Vec<Box<[u8]>> = Vec::new();
    let mut ttl_s = u32::MAX;
    let mut elsewhere = false;
    for record in message.section(Section::Authority) {
        let owner = record.owner.as_bytes();
        if record.kind != RecordType::NS {
            continue;
        }
        if !wire_name::is_below(owner, asked.zone) || !wire_name::is_within(asked.name, owner) {
            // The zone's own NS records in an authoritative empty answer are no referral.
            elsewhere |= owner != asked.zone || !message.authoritative();
            continue;
        }
        if zone.get_or_insert(record.owner).as_bytes() != owner || names.len() >= NS_NAMES_MAX {
            continue;
        }
        if let Some(target) = record.target()
            && !names.iter().any(|known| **known == *target.as_bytes())
        {
            ttl_s = ttl_s.min(record.ttl_s);
            names.push(target.as_bytes().into());
        }
    }
    let Some(zone) = zone.filter(|_| !names.is_empty()) else {
        return if elsewhere {
            Delegates::Elsewhere
        } else {
            Delegates::Not
        };
    };
    let servers = glue(message, asked, &mut names, zone.as_bytes());
    Delegates::Down(Referral {
        zone: zone.as_bytes().into(),
        servers,
        names,
        ttl_s,
    })
}

/// The glue for `names`, as far as it is in bailiwick. Moves names without glue to the front, and
/// removes names within the new zone that have glue: only that zone could resolve them.
fn glue(
    message: &Message<'_>,
    asked: Asked<'_>,
    names: &mut Vec<Box<[u8]>>,
    new_zone: &[u8],
) -> Vec<IpAddr> {
    let mut servers = Vec::new();
    let mut given = [false; NS_NAMES_MAX];
    for record in message.section(Section::Additional) {
        let owner = record.owner.as_bytes();
        let Some(addr) = record.address() else {
            continue;
        };
        if (addr.is_ipv6() && !asked.ipv6) || !wire_name::is_within(owner, asked.zone) {
            continue;
        }
        if let Some(at) = names.iter().position(|known| **known == *owner) {
            given[at] = true;
            if servers.len() < GLUE_MAX && !servers.contains(&addr) {
                servers.push(addr);
            }
        }
    }
    let mut with_address = Vec::new();
    let mut at = 0;
    names.retain(|name| {
        let has = given[at];
        at += 1;
        if has && !wire_name::is_within(name, new_zone) {
            with_address.push(name.clone());
        }
        !has
    });
    names.append(&mut with_address);
    servers
}
