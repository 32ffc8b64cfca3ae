//! Owns whether a 206 response covers the whole (RFC 9110, 14.4): some servers and caches send 206 to
//! every request. Never joins parts.

/// The `Content-Range` fields of one head, collected field by field.
#[derive(Debug, Default)]
pub(super) struct WholeRange {
    length: Option<u64>,
    is_part: bool,
}

impl WholeRange {
    /// Adds one value. Contradicting values count as none.
    pub(super) fn add(&mut self, value: &[u8]) {
        let length = whole_length(value);
        self.is_part |= length.is_none() || self.length.is_some_and(|seen| Some(seen) != length);
        self.length = length;
    }

    /// The length of the whole, if the response covers it.
    pub(super) fn length(&self) -> Option<u64> {
        self.length.filter(|_| !self.is_part)
    }
}

/// N of `bytes 0-(N-1)/N`.
fn whole_length(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    let (unit, range) = text.trim_ascii().split_once(' ')?;
    let (positions, length) = range.split_once('/')?;
    let (first, last) = positions.split_once('-')?;
    let length = decimal(length)?;
    let is_whole = unit.eq_ignore_ascii_case("bytes")
        && decimal(first)? == 0
        && decimal(last)?.checked_add(1) == Some(length);
    is_whole.then_some(length)
}

fn decimal(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(values: &[&str]) -> Option<u64> {
        let mut range = WholeRange::default();
        values.iter().for_each(|value| range.add(value.as_bytes()));
        range.length()
    }

    #[test]
    fn a_range_up_to_the_last_byte_is_the_whole() {
        assert_eq!(length(&["bytes 0-4999/5000"]), Some(5000));
        assert_eq!(length(&[" Bytes 0-0/1 "]), Some(1));
        assert_eq!(length(&["bytes 0-9/10", "bytes 0-9/10"]), Some(10));
    }

    #[test]
    fn a_part_has_no_whole_length() {
        for values in [
            &[][..],
            &[""],
            &["bytes"],
            &["bytes 0-98/100"],
            &["bytes 1-99/100"],
            &["bytes 0-100/100"],
            &["bytes 0-99/*"],
            &["bytes */100"],
            &["bytes 0--1/0"],
            &["bytes 0-/0"],
            &["bytes=0-99/100"],
            &["items 0-99/100"],
            &["bytes +0-99/100"],
            &["bytes 0-99/100, 0-99/100"],
            &["bytes 0-18446744073709551615/18446744073709551616"],
            &["bytes 0-9/10", "bytes 0-8/9"],
            &["bytes 0-9/10", "bytes 0-9/*"],
            &["bytes 0-9/*", "bytes 0-9/10"],
        ] {
            assert_eq!(length(values), None, "{values:?}");
        }
    }
}
