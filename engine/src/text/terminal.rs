//! Owns writing lines to standard output and standard error. A closed pipe must not end a run that
//! takes days, so nothing here fails or panics. Never writes control characters from files, names or
//! servers.

use std::fmt::Display;
use std::io::{self, Write, stderr, stdout};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::text::visible;

/// Writes a line to standard output.
pub(crate) fn out(line: impl Display) {
    let _ = writeln!(stdout(), "{}", plain(&line.to_string()));
}

/// Whether the last line was written.
static ENDED: Mutex<bool> = Mutex::new(false);

fn ended() -> MutexGuard<'static, bool> {
    ENDED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes a line to standard error, unless the last one was written.
pub(crate) fn err(line: impl Display) {
    let ended = ended();
    if !*ended {
        let _ = writeln!(stderr(), "{}", plain(&line.to_string()));
    }
}

/// Writes the last line of a process to standard error. Threads that are still running write nothing
/// after it, not even a panic message.
pub(crate) fn last(line: impl Display) {
    err(line);
    *ended() = true;
    std::panic::set_hook(Box::new(|_| {}));
}

/// Standard error as the sink of a log. Each write is a whole event.
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

/// The text with every control character escaped, except line ends and tabs.
fn plain(text: &str) -> String {
    let shown = |part: &str| visible(part).into_owned();
    let line = |line: &str| line.split('\t').map(shown).collect::<Vec<_>>().join("\t");
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_line_ends_and_tabs_are_not_escaped() {
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
