//! Owns the bytes of a question to a server (RFC 1035; EDNS by RFC 6891; mixed case, "0x20").
//! Never draws a random number: the caller gives the id and the seed of the case.

use crate::recursive::kind::Kind;
use crate::recursive::message::read::CLASS_IN;

/// The largest datagram asked for: fits every path's MTU, so no fragment can be forged into it.
const EDNS_UDP_BYTES: u16 = 1232;
/// Name, type and class of a question.
const OPT_RECORD: u16 = 41;

/// What varies between questions for one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spelling {
    /// Decides the case of each letter; zero leaves them lower case.
    pub(crate) case_seed: u64,
    pub(crate) edns: bool,
    /// Whether the server is to find the answer, wherever it is.
    pub(crate) recursion: bool,
}

/// The bytes to send for `name` (lower case, wire form).
pub(crate) fn encode(id: u16, name: &[u8], kind: Kind, spelling: Spelling) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(12 + name.len() + 4 + 11);
    bytes.extend(id.to_be_bytes());
    // A standard query; one question; one additional record with EDNS.
    bytes.extend([u8::from(spelling.recursion), 0, 0, 1, 0, 0, 0, 0, 0]);
    bytes.push(spelling.edns.into());
    question_into(&mut bytes, name, kind, spelling.case_seed);
    if spelling.edns {
        bytes.push(0);
        bytes.extend(OPT_RECORD.to_be_bytes());
        bytes.extend(EDNS_UDP_BYTES.to_be_bytes());
        bytes.extend([0; 6]);
    }
    bytes
}

/// Appends the question: the name in its spelling, type and class.
pub(crate) fn question_into(bytes: &mut Vec<u8>, name: &[u8], kind: Kind, case_seed: u64) {
    let start = bytes.len();
    bytes.extend_from_slice(name);
    if case_seed != 0 {
        mix_case(&mut bytes[start..], case_seed);
    }
    bytes.extend(u16::from(kind.record_type()).to_be_bytes());
    bytes.extend(CLASS_IN.to_be_bytes());
}

/// Raises letters by the bits of `seed`. Length bytes are no letters: a label has at most 63 bytes.
fn mix_case(name: &mut [u8], seed: u64) {
    let mut bits = seed;
    for byte in name {
        if byte.is_ascii_lowercase() {
            if bits & 1 != 0 {
                *byte = byte.to_ascii_uppercase();
            }
            bits = bits.rotate_right(1);
        }
    }
}
