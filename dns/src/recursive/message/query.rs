//! Owns encoding queries (RFC 1035; EDNS, RFC 6891; mixed case, "0x20").
//! Never draws a random number: the caller supplies the id and the seed of the case.

use crate::recursive::kind::Kind;
use crate::recursive::message::read::CLASS_IN;

/// The largest answer accepted over UDP. It fits the MTU of every path, so no fragment can be forged.
const EDNS_UDP_BYTES: u16 = 1232;
/// The type of the OPT record (RFC 6891).
const OPT_RECORD: u16 = 41;

/// What varies between queries for one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spelling {
    /// Determines the case of each letter; zero for all lower case.
    pub(crate) case_seed: u64,
    pub(crate) edns: bool,
    /// Whether to set RD (recursion desired).
    pub(crate) recursion: bool,
}

/// Encodes a query for `name`, which is in lower case and wire format.
pub(crate) fn encode(id: u16, name: &[u8], kind: Kind, spelling: Spelling) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(12 + name.len() + 4 + 11);
    bytes.extend(id.to_be_bytes());
    // Opcode QUERY; one question; one additional record with EDNS.
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

/// Appends the question section: the name in mixed case, its type and class.
pub(crate) fn question_into(bytes: &mut Vec<u8>, name: &[u8], kind: Kind, case_seed: u64) {
    let start = bytes.len();
    bytes.extend_from_slice(name);
    if case_seed != 0 {
        mix_case(&mut bytes[start..], case_seed);
    }
    bytes.extend(u16::from(kind.record_type()).to_be_bytes());
    bytes.extend(CLASS_IN.to_be_bytes());
}

/// Uppercases letters by the bits of `seed`. Length bytes are at most 63 and so never letters.
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
