//! Owns the lines a person reads. A reader that went away (a closed pipe) is no reason to end a run
//! of days, so nothing here fails and nothing panics. Control characters of files, names and servers
//! never pass.

use std::fmt::Display;
use std::io::{self, Write, stderr, stdout};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::text::visible;

/// A line on standard output.
pub(crate) fn out(line: impl Display) {
    let _ = writeln!(stdout(), "{}", plain(&line.to_string()));
}

/// Whether the last line was said.
static ENDED: Mutex<bool> = Mutex::new(false);

fn ended() -> MutexGuard<'static, bool> {
    ENDED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A line on standard error, unless the last one was said.
pub(crate) fn err(line: impl Display) {
    let ended = ended();
    if !*ended {
        let _ = writeln!(stderr(), "{}", plain(&line.to_string()));
    }
}

/// The last line on standard error of a process that ends: threads that still wind down say nothing
/// after it, and neither does a panic of theirs.
pub(crate) fn last(line: impl Display) {
    err(line);
    *ended() = true;
    std::panic::set_hook(Box::new(|_| {}));
}

/// Standard error for a log, whose events come whole.
pub(crate) struct Log;

impl Write for Log {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = plain(&String::from_utf8_lossy(event));
        let ended = ended();
        if !*ended {
            stderr().write_all(text.as_bytes())?;
        }
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
