//! Owns the digest of a body as the dataset names it, and as a list may expect it. Never reads a file.

use md5::{Digest, Md5};
use ring::digest;

use crate::config::HashKind;

/// A body's hash in lower-case hex.
pub fn hex_digest(kind: HashKind, body: &[u8]) -> String {
    match kind {
        HashKind::Md5 => hex(&Md5::digest(body)),
        HashKind::Sha256 => hex(digest::digest(&digest::SHA256, body).as_ref()),
        HashKind::Sha512 => hex(digest::digest(&digest::SHA512, body).as_ref()),
    }
}

/// Bytes in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| {
            [
                DIGITS[usize::from(byte >> 4)],
                DIGITS[usize::from(byte & 15)],
            ]
        })
        .map(char::from)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_the_published_ones() {
        assert_eq!(
            hex_digest(HashKind::Md5, b"abc"),
            "900150983cd24fb0d6963f7d28e17f72"
        );
        assert_eq!(
            hex_digest(HashKind::Sha256, b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert!(hex_digest(HashKind::Sha512, b"abc").starts_with("ddaf35a193617aba"));
    }
}
