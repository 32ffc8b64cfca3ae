//! Owns the bytes of an answer: header, question, records that the script's bytes choose.
//! Never decides whether it is believed.

use std::net::IpAddr;

use arbitrary::{Result, Unstructured};

use super::world::{self, Entitled, NAMES};

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const OPT: u16 = 41;

/// Who a message comes from, as the resolver is to see it.
pub enum Sender<'a> {
    /// The server asked: what it may not speak for is a lie, and what it delegates is noted.
    Server(IpAddr, &'a mut Entitled),
    /// Somebody who pretends: everything is a lie.
    Forger,
}

/// The name in wire form, as it is spelled.
pub fn wire(name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap_or_default());
        bytes.extend(label.bytes());
    }
    bytes.push(0);
    bytes
}

/// What a message is for the most part.
#[derive(Clone, Copy)]
enum Plan {
    /// Anything.
    Free,
    /// The address of the name asked for.
    Address,
    /// Servers for a zone that name is in, one with its address.
    Referral,
    /// The name is another's alias, whose address stands beside it.
    Alias,
}

/// A record's place in [`NAMES`], its type, and the name in its data.
#[derive(Clone, Copy)]
struct Plain {
    owner: usize,
    kind: u16,
    target: usize,
}

/// A message with that id, for a question of that name; what else is in it, the script says.
pub fn answer(
    script: &mut Unstructured<'_>,
    id: u16,
    (name, question): (&str, Option<&[u8]>),
    mut sender: Sender<'_>,
) -> Result<Vec<u8>> {
    let mut bytes = id.to_be_bytes().to_vec();
    let [high, low]: [u8; 2] = script.arbitrary()?;
    // Mostly a response to a plain query; truncated and coded as the script likes.
    let high = if script.ratio(1, 16)? {
        high
    } else {
        0x80 | high & 0x06
    };
    let low = if script.ratio(3, 4)? { 0 } else { low & 0x0f };
    bytes.extend([high, low, 0, u8::from(question.is_some())]);
    let mut sections = planned(script, name)?;
    for section in &mut sections {
        for _ in 0..script.int_in_range(0..=3_u8)?.saturating_sub(1) {
            section.push(free(script)?);
        }
        bytes.extend(
            u16::try_from(section.len())
                .unwrap_or_default()
                .to_be_bytes(),
        );
    }
    bytes.extend(question.unwrap_or_default());
    for one in sections.into_iter().flatten() {
        record(script, &mut bytes, one, &mut sender)?;
    }
    Ok(bytes)
}

/// The records of the three sections that make the message what it is to be.
fn planned(script: &mut Unstructured<'_>, name: &str) -> Result<[Vec<Plain>; 3]> {
    let plan = *script.choose(&[Plan::Free, Plan::Address, Plan::Referral, Plan::Alias])?;
    let Some(asked) = NAMES.iter().position(|one| *one == name) else {
        return Ok([vec![], vec![], vec![]]);
    };
    let target = script.choose_index(NAMES.len())?;
    let kind = if script.ratio(1, 4)? { AAAA } else { A };
    let address = |owner| Plain {
        owner,
        kind,
        target,
    };
    Ok(match plan {
        Plan::Free => [vec![], vec![], vec![]],
        Plan::Address => [vec![address(asked)], vec![], vec![]],
        Plan::Referral => {
            let zones: Vec<usize> = (0..NAMES.len())
                .filter(|&zone| world::is_within(name, NAMES[zone]))
                .collect();
            let owner = *script.choose(&zones)?;
            let ns = Plain {
                owner,
                kind: NS,
                target,
            };
            [vec![], vec![ns], vec![address(target)]]
        }
        Plan::Alias => {
            let alias = Plain {
                owner: asked,
                kind: CNAME,
                target,
            };
            [vec![alias, address(target)], vec![], vec![]]
        }
    })
}

fn free(script: &mut Unstructured<'_>) -> Result<Plain> {
    Ok(Plain {
        owner: script.choose_index(NAMES.len())?,
        kind: *script.choose(&[A, A, NS, NS, CNAME, AAAA, SOA, TXT, OPT])?,
        target: script.choose_index(NAMES.len())?,
    })
}

fn record(
    script: &mut Unstructured<'_>,
    bytes: &mut Vec<u8>,
    plain: Plain,
    sender: &mut Sender<'_>,
) -> Result<()> {
    let Plain {
        owner,
        kind,
        target,
    } = plain;
    // Of another class nothing may be believed.
    let class: u16 = if script.ratio(1, 32)? { 3 } else { 1 };
    let ttl: u32 = if script.ratio(1, 8)? {
        script.arbitrary()?
    } else {
        300
    };
    let is_true = class == 1
        && match sender {
            Sender::Server(server, entitled) => entitled.speaks_for(*server, NAMES[owner]),
            Sender::Forger => false,
        };
    let data = match kind {
        A if is_true => world::true_v4(owner).octets().to_vec(),
        A => world::evil_v4(owner).octets().to_vec(),
        AAAA if is_true => world::true_v6(owner).octets().to_vec(),
        AAAA => world::evil_v6(owner).octets().to_vec(),
        NS | CNAME => wire(NAMES[target]),
        SOA => [wire(NAMES[owner]), wire(NAMES[owner]), vec![0; 20]].concat(),
        _ => Vec::new(),
    };
    if class == 1
        && let Sender::Server(server, entitled) = sender
    {
        match kind {
            NS => entitled.delegate(*server, owner, target),
            CNAME => entitled.alias(*server, owner, target),
            _ => {}
        }
    }
    bytes.extend(wire(NAMES[owner]));
    bytes.extend(kind.to_be_bytes());
    bytes.extend(class.to_be_bytes());
    bytes.extend(ttl.to_be_bytes());
    bytes.extend(u16::try_from(data.len()).unwrap_or_default().to_be_bytes());
    bytes.extend(data);
    Ok(())
}
