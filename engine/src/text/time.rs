//! Owns times as documents have them. Never reads a clock.

use std::time::SystemTime;

use chrono::{DateTime, SecondsFormat, Utc};

/// A time as RFC 3339 has it, in UTC and whole seconds.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    DateTime::<Utc>::from(time).to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_written_in_utc() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_millis(1_796_040_000_900);
        assert_eq!(rfc3339(time), "2026-11-30T12:00:00Z");
    }
}
