//! Owns the bytes of an answer: header, question, records that the script's bytes choose.
//! Never decides whether it is believed.

use std::net::IpAddr;

use libfuzzer_sys::arbitrary::{Result, Unstructured};

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

/// A message with that id and question; what else is in it, the script says.
pub fn answer(
    script: &mut Unstructured<'_>,
    id: u16,
    question: Option<&[u8]>,
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
    let low = if script.ratio(1, 2)? { 0 } else { low & 0x0f };
    bytes.extend([high, low, 0, u8::from(question.is_some())]);
    let counts: [u8; 3] = script.arbitrary()?;
    let counts = counts.map(|count| count % 4);
    for count in counts {
        bytes.extend([0, count]);
    }
    bytes.extend(question.unwrap_or_default());
    for _ in 0..counts.iter().sum() {
        record(script, &mut bytes, &mut sender)?;
    }
    Ok(bytes)
}

fn record(
    script: &mut Unstructured<'_>,
    bytes: &mut Vec<u8>,
    sender: &mut Sender<'_>,
) -> Result<()> {
    let owner = script.choose_index(NAMES.len())?;
    let target = script.choose_index(NAMES.len())?;
    let kind = *script.choose(&[A, A, NS, NS, CNAME, AAAA, SOA, TXT, OPT])?;
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
    if kind == NS
        && class == 1
        && let Sender::Server(server, entitled) = sender
        && entitled.may_delegate(*server, owner)
    {
        entitled.delegate(owner, target);
    }
    bytes.extend(wire(NAMES[owner]));
    bytes.extend(kind.to_be_bytes());
    bytes.extend(class.to_be_bytes());
    bytes.extend(ttl.to_be_bytes());
    bytes.extend(u16::try_from(data.len()).unwrap_or_default().to_be_bytes());
    bytes.extend(data);
    Ok(())
}
