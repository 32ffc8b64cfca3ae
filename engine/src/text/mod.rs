//! Owns how numbers, paragraphs and untrusted text are written for people. Never knows what they mean.

pub(crate) mod terminal;
pub(crate) mod time;

use std::borrow::Cow;

/// Whether a character moves a terminal's cursor or changes the direction of the text after it.
fn is_hidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Makes text from a file, a name or the network safe for a terminal or a log: control and direction
/// characters are escaped as in JSON (RFC 8259, section 7), so that JSON keeps its meaning.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out += &format!("\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Characters shown of a name, a value or a URL that the user gave.
pub(crate) const SHOWN_CHARS_MAX: usize = 200;
/// Characters of a message: room for several of those.
const MESSAGE_CHARS_MAX: usize = 2000;

/// The text in at most `most` characters (at least 2). A longer one keeps its beginning and its end,
/// where a path has its file name, with an ellipsis between.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    let end = most / 4;
    let is_short = text.len() <= most || text.char_indices().nth(most).is_none();
    let start_at = text.char_indices().nth(most - end - 1);
    let end_at = text.char_indices().nth_back(end.saturating_sub(1));
    match (start_at, end_at) {
        (Some((start, _)), Some((end, _))) if !is_short => {
            Cow::Owned(format!("{}\u{2026}{}", &text[..start], &text[end..]))
        }
        _ => Cow::Borrowed(text),
    }
}

/// Cuts each word of a message, and then the message: what users give has no bound.
pub(crate) fn bounded(message: &str) -> Cow<'_, str> {
    if message.len() <= SHOWN_CHARS_MAX {
        return Cow::Borrowed(message);
    }
    // A text of the user's has no bound, but a word of the engine's own is short.
    let words = message.split(' ').map(|word| cut(word, SHOWN_CHARS_MAX));
    let words = words.collect::<Vec<_>>().join(" ");
    Cow::Owned(cut(&words, MESSAGE_CHARS_MAX).into_owned())
}

/// A number with commas between its thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes in the largest unit that leaves a number of at least 10, rounded down.
pub(crate) fn bytes(number: u64) -> String {
    let units = [
        (1 << 40, "TB"),
        (1 << 30, "GB"),
        (1 << 20, "MB"),
        (1 << 10, "KB"),
    ];
    let fitting = units.iter().find(|(size, _)| number / size >= 10);
    fitting.map_or_else(
        || format!("{number} bytes"),
        |(size, name)| format!("{} {name}", grouped(number / size)),
    )
}

/// Appends the words of `text` in lines of at most `width` columns, each after `prefix`. A longer word
/// gets a line of its own.
pub(crate) fn wrap(out: &mut String, prefix: &str, text: &str, width: usize) {
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column == 0 || column + 1 + length > width {
            if column > 0 {
                out.push('\n');
            }
            out.push_str(prefix);
            column = prefix.chars().count();
        } else {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(visible("caf\u{e9} \"x\""), "caf\u{e9} \"x\"");
        assert_eq!(visible("a\x1b[31m\n\u{202e}"), "a\\u001b[31m\\u000a\\u202e");
        assert_eq!(visible("\u{9b}31m\u{7f}"), "\\u009b31m\\u007f");
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        assert_eq!(cut("abcdefgh", 8), "abcdefgh");
        assert_eq!(cut("abcdefghi", 8), "abcde\u{2026}hi");
        assert_eq!(
            cut("\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}", 8)
                .chars()
                .count(),
            8
        );
        for length in [199, 200, 201, 5000] {
            let text = "\u{e9}".repeat(length);
            assert_eq!(cut(&text, 200).chars().count(), length.min(200));
        }
    }

    #[test]
    fn only_the_long_words_of_a_message_are_cut() {
        let long = format!("no file at `{}`: it is not there", "x".repeat(100_000));
        let shown = bounded(&long);
        assert!(shown.starts_with("no file at `xxx") && shown.ends_with("x`: it is not there"));
        assert!(shown.chars().count() < 240, "{shown}");
        let words = "word ".repeat(1_000_000);
        assert_eq!(bounded(&words).chars().count(), MESSAGE_CHARS_MAX);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1000), "1,000");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn bytes_keep_two_figures() {
        assert_eq!(bytes(512), "512 bytes");
        assert_eq!(bytes(20 * 1024), "20 KB");
        assert_eq!(bytes(9 << 30), "9,216 MB");
        assert_eq!(bytes(64 << 30), "64 GB");
    }

    #[test]
    fn lines_are_wrapped_at_their_width_and_lose_no_word() {
        let mut out = String::new();
        wrap(&mut out, "# ", "aa bb cc dddddddddd e", 8);
        assert_eq!(out, "# aa bb\n# cc\n# dddddddddd\n# e\n");
    }
}
