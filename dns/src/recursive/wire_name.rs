//! Owns names in wire format (RFC 1035, 3.1): length-prefixed labels in ASCII lower case, ending in the
//! root's empty label. They are stored and compared as bytes.
//! Never holds a compression pointer (the message reader follows those), and prints names escaped only.

/// Longest name in bytes, including length bytes (RFC 1035, 2.3.4).
pub(crate) const NAME_BYTES_MAX: usize = 255;
/// Longest label in bytes.
const LABEL_BYTES_MAX: usize = 63;
/// The name of the root.
pub(crate) const ROOT: &[u8] = &[0];

/// `text` in wire format; `None` if it is not a valid name.
pub(crate) fn from_text(text: &str) -> Option<Box<[u8]>> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let mut wire = Vec::with_capacity(text.len() + 2);
    for label in text.split('.') {
        if label.is_empty() || label.len() > LABEL_BYTES_MAX {
            return None;
        }
        wire.push(u8::try_from(label.len()).ok()?);
        wire.extend(label.bytes().map(|byte| byte.to_ascii_lowercase()));
    }
    wire.push(0);
    (wire.len() <= NAME_BYTES_MAX).then(|| wire.into_boxed_slice())
}

/// `wire` as text with a trailing dot. Bytes other than letters, digits, `-` and `_` are escaped
/// (RFC 1035, 5.1), so it is safe to print.
pub(crate) fn to_text(wire: &[u8]) -> String {
    let mut text = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((&len, after)) = rest.split_first()
        && len > 0
    {
        let (label, next) = after.split_at(usize::from(len).min(after.len()));
        for &byte in label {
            if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_') {
                text.push(char::from(byte));
            } else {
                text.push_str(&format!("\\{byte:03}"));
            }
        }
        text.push('.');
        rest = next;
    }
    if text.is_empty() { ".".into() } else { text }
}

/// Whether `wire` is exactly one well-formed name. Names read from a file are checked so.
pub(crate) fn is_valid(wire: &[u8]) -> bool {
    let mut at = 0;
    while let Some(&len) = wire.get(at) {
        if len == 0 {
            return at + 1 == wire.len() && wire.len() <= NAME_BYTES_MAX;
        }
        if usize::from(len) > LABEL_BYTES_MAX {
            return false;
        }
        at += 1 + usize::from(len);
    }
    false
}

/// `name` without its first label; the root's parent is the root.
pub(crate) fn parent(name: &[u8]) -> &[u8] {
    match name.first() {
        Some(&len) if len > 0 => name.get(1 + usize::from(len)..).unwrap_or(ROOT),
        _ => ROOT,
    }
}

/// Whether `name` is `zone` or below it. Every name is below the root.
pub(crate) fn is_within(name: &[u8], zone: &[u8]) -> bool {
    let mut rest = name;
    while rest.len() > zone.len() {
        rest = parent(rest);
    }
    rest == zone
}

/// Whether `name` is below `zone`, not `zone` itself.
pub(crate) fn is_below(name: &[u8], zone: &[u8]) -> bool {
    name.len() > zone.len() && is_within(name, zone)
}

/// A name on the stack, as read from a message.
#[derive(Clone, Copy)]
pub(crate) struct NameBuf {
    len: u8,
    bytes: [u8; NAME_BYTES_MAX],
}

impl NameBuf {
    pub(crate) const fn new() -> Self {
        Self {
            len: 0,
            bytes: [0; NAME_BYTES_MAX],
        }
    }

    /// Appends bytes in lower case; `None` if they do not fit. Length bytes are below `A` and so stay
    /// unchanged.
    pub(crate) fn push(&mut self, part: &[u8]) -> Option<()> {
        let start = usize::from(self.len);
        let room = self.bytes.get_mut(start..start + part.len())?;
        for (to, from) in room.iter_mut().zip(part) {
            *to = from.to_ascii_lowercase();
        }
        self.len = u8::try_from(start + part.len()).ok()?;
        Some(())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_lower_case_labels_and_the_root() {
        assert_eq!(
            from_text("WWW.a.Test").as_deref(),
            Some(&b"\x03www\x01a\x04test\0"[..])
        );
        assert_eq!(from_text("a.test."), from_text("a.test"));
    }

    #[test]
    fn a_name_is_printed_with_every_odd_byte_escaped() {
        assert_eq!(to_text(ROOT), ".");
        assert_eq!(to_text(b"\x03www\x01a\x04test\0"), "www.a.test.");
        assert_eq!(to_text(b"\x04a.\x1b\xff\0"), "a\\046\\027\\255.");
        assert_eq!(to_text(b"\x09cut"), "cut.");
    }

    #[test]
    fn what_cannot_be_a_name_is_none() {
        let long_label = "a".repeat(64);
        let long_name = ["a".repeat(63).as_str(); 4].join(".");
        for text in ["", ".", "a..b", ".a", &long_label, &long_name] {
            assert_eq!(from_text(text), None, "{text:?}");
        }
        let longest = format!(
            "{}.{}",
            ["a".repeat(63).as_str(); 3].join("."),
            "b".repeat(61)
        );
        assert_eq!(from_text(&longest).unwrap().len(), 255);
    }

    #[test]
    fn within_compares_whole_labels() {
        let [name, zone, other] =
            ["www.a.test", "a.test", "wa.test"].map(|text| from_text(text).unwrap());
        assert!(is_within(&name, &zone) && is_below(&name, &zone));
        assert!(is_within(&zone, &zone) && !is_below(&zone, &zone));
        assert!(!is_within(&other, &zone) && !is_within(&zone, &name));
        assert!(is_within(&name, ROOT) && is_below(&name, ROOT));
        assert!(!is_below(ROOT, ROOT));
    }

    #[test]
    fn only_whole_names_are_valid() {
        assert!(is_valid(b"\x01a\0") && is_valid(ROOT));
        for broken in [
            &b""[..],
            b"\x01a",
            b"\x01a\0\0",
            b"\x02a\0",
            b"\xc0\x0c",
            b"\x40a\0",
        ] {
            assert!(!is_valid(broken), "{broken:?}");
        }
    }
}
