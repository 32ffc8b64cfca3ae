//! Bytes from anywhere, read as the answer of a name server: header, question, records, meaning.
//!
//! The reader is private to the resolver's crate and is taken in by its path; it names itself
//! `crate::recursive`, so whoever compiles this has that name at its root. Beside "it does not
//! panic and it ends", what it makes of a message must hold: a referral leads down towards the name, an
//! alias is a whole name, and what is kept of one message is bounded.

#[allow(dead_code)]
#[path = "../../../dns/src/recursive"]
pub(crate) mod recursive {
    pub(crate) mod kind;
    pub(crate) mod wire_name;

    pub(crate) mod message {
        pub(crate) mod read;
        pub(crate) mod reply;
    }
}

use recursive::kind::Kind;
use recursive::message::read::Message;
use recursive::message::reply::{ADDRS_MAX, Asked, Verdict, classify};
use recursive::wire_name;

/// The name every message is taken to answer, and the zones its server may speak for.
const NAME: &[u8] = b"\x03www\x01a\x04test\0";
const ZONES: [&[u8]; 4] = [b"\0", b"\x04test\0", b"\x01a\x04test\0", NAME];

/// One input.
pub fn run(bytes: &[u8]) {
    let Some(message) = Message::read(bytes) else {
        return;
    };
    let mut records = 0;
    for record in message.records().flatten() {
        records += 1;
        assert!(wire_name::is_valid(record.owner.as_bytes()));
        if let Some(target) = record.target() {
            assert!(wire_name::is_valid(target.as_bytes()));
        }
        let _ = (record.address(), record.soa_minimum_s());
    }
    // A record is eleven bytes at least.
    assert!(records * 11 <= bytes.len());
    let _ = message.question_is(&[NAME, &[0, 1, 0, 1]].concat());
    for zone in ZONES {
        for (kind, recursive) in [(Kind::A, false), (Kind::Aaaa, false), (Kind::A, true)] {
            let asked = Asked {
                name: NAME,
                zone,
                kind,
                ipv6: true,
                recursive,
            };
            check(&classify(&message, asked), asked);
        }
    }
}

fn check(verdict: &Verdict, asked: Asked<'_>) {
    match verdict {
        Verdict::Addrs { addrs, .. } => {
            assert!(!addrs.is_empty() && addrs.len() <= ADDRS_MAX);
            let wanted = |addr: &std::net::IpAddr| addr.is_ipv4() == (asked.kind == Kind::A);
            assert!(addrs.iter().all(wanted));
        }
        Verdict::Alias { target, .. } => {
            assert!(wire_name::is_valid(target));
            assert_ne!(**target, *asked.name);
        }
        Verdict::Referral(referral) => {
            assert!(!asked.recursive);
            assert!(wire_name::is_below(&referral.zone, asked.zone));
            assert!(wire_name::is_within(asked.name, &referral.zone));
            assert!(!referral.servers.is_empty() || !referral.names.is_empty());
            assert!(referral.servers.len() <= 26 && referral.names.len() <= 26);
            assert!(referral.names.iter().all(|name| wire_name::is_valid(name)));
        }
        _ => {}
    }
}
