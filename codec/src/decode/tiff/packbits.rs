//! Owns decoding PackBits (TIFF 6.0, section 9). Never reads past what fills the output.

/// Decodes until `out` is full; returns false if `stored` ends early.
pub(super) fn decode(stored: &[u8], out: &mut [u8]) -> bool {
    const NOTHING: u8 = 128;
    let (mut stored, mut filled) = (stored, 0);
    while filled < out.len() {
        let Some((&control, rest)) = stored.split_first() else {
            return false;
        };
        stored = rest;
        let room = &mut out[filled..];
        match control {
            NOTHING => {}
            0..NOTHING => {
                let count = (usize::from(control) + 1).min(room.len());
                let Some((literal, rest)) = stored.split_at_checked(count) else {
                    return false;
                };
                room[..count].copy_from_slice(literal);
                stored = rest;
                filled += count;
            }
            _ => {
                let count = (257 - usize::from(control)).min(room.len());
                let Some((&byte, rest)) = stored.split_first() else {
                    return false;
                };
                room[..count].fill(byte);
                stored = rest;
                filled += count;
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_literals_and_nothing_are_told_apart() {
        let mut out = [0; 9];
        assert!(decode(&[2, 1, 2, 3, 128, 253, 7, 5, 8, 9], &mut out));
        assert_eq!(out, [1, 2, 3, 7, 7, 7, 7, 8, 9]);
    }

    #[test]
    fn a_stream_that_ends_early_leaves_what_it_gave() {
        let mut out = [0; 6];
        assert!(!decode(&[255, 7, 3, 1], &mut out));
        assert_eq!(out, [7, 7, 0, 0, 0, 0]);
    }
}
