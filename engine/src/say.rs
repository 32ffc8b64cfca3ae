//! Owns the lines a person reads. A reader that went away (a closed pipe) is no reason to end a run
//! of days, so nothing here fails and nothing panics. Control characters of files, names and servers
//! never pass.

use std::fmt::Display;
use std::io::{self, Write, stderr, stdout};

use crate::text::visible;

/// A line on standard output.
pub fn out(line: impl Display) {
    let _ = writeln!(stdout(), "{}", plain(&line.to_string()));
}

/// A line on standard error.
pub fn err(line: impl Display) {
    let _ = writeln!(stderr(), "{}", plain(&line.to_string()));
}

/// Standard error for a log, whose events come whole.
pub struct Log;

impl Write for Log {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = plain(&String::from_utf8_lossy(event));
        stderr().write_all(text.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        stderr().flush()
    }
}

/// The text with its line ends and tabs, and no other control character as it is.
fn plain(text: &str) -> String {
    let shown = |part: &str| visible(part).into_owned();
    let line = |line: &str| line.split('\t').map(shown).collect::<Vec<_>>().join("\t");
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_lines_and_nothing_else_moves_the_cursor() {
        assert_eq!(plain("a\tb\nc\r\x1b[2J\n"), "a\tb\nc\\u000d\\u001b[2J\n");
        assert_eq!(plain(""), "");
        let event = serde_json::json!({"text": "a\u{9b}31m\u{202e}\x1b\n\u{e9}"});
        let line = plain(&event.to_string());
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&line).unwrap(),
            event
        );
    }
}
