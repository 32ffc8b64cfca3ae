//! Owns when a request is retried: exponential backoff with full jitter, and `Retry-After` (RFC 9110,
//! 10.2.3). Never reads a clock, generates a random number or sleeps.

use std::time::{Duration, SystemTime};

use super::date::parse_http_date;

/// A `Retry-After` value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After this delay.
    Delay(Duration),
    /// Not before.
    At(SystemTime),
}

impl RetryAfter {
    /// Parses a field's value; `None` if it is neither seconds nor an HTTP date.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?.trim();
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            let seconds = text.parse().unwrap_or(u64::MAX);
            return Some(Self::Delay(Duration::from_secs(seconds)));
        }
        parse_http_date(text).map(Self::At)
    }

    /// How long to wait from `now`; zero if the date has passed.
    pub fn wait(self, now: SystemTime) -> Duration {
        match self {
            Self::Delay(delay) => delay,
            Self::At(at) => at.duration_since(now).unwrap_or(Duration::ZERO),
        }
    }
}

/// The pauses between attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Longest first pause.
    pub base: Duration,
    /// Longest pause.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(250),
            cap: Duration::from_secs(8),
        }
    }
}

impl Backoff {
    /// The pause before another attempt, or `None` to give up because it would reach `remaining`, the
    /// time to the URL's deadline. `attempt` counts the earlier attempts, from 0; `random` is a fresh
    /// uniform number. `retry_after` is a lower bound: jitter is added if there is time, so that
    /// clients do not all return at once.
    pub fn next(
        &self,
        attempt: u32,
        retry_after: Option<RetryAfter>,
        now: SystemTime,
        random: u64,
        remaining: Duration,
    ) -> Option<Duration> {
        let Some(requested) = retry_after else {
            let pause = uniform(random, self.ceiling(attempt));
            return (pause < remaining).then_some(pause);
        };
        let floor = requested.wait(now);
        let slack = remaining
            .checked_sub(floor)
            .filter(|slack| !slack.is_zero())?;
        Some(floor + uniform(random, self.base.min(slack)))
    }

    fn ceiling(&self, attempt: u32) -> Duration {
        self.base
            .saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX))
            .min(self.cap)
    }
}

/// A duration in `0..limit`.
fn uniform(random: u64, limit: Duration) -> Duration {
    let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
    // The high half of the product is below `limit` and nearly unbiased, without a division.
    let scaled = (u128::from(random) * u128::from(limit)) >> 64;
    Duration::from_nanos(u64::try_from(scaled).unwrap_or(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;
    const LONG: Duration = Duration::from_secs(3600);

    fn pause(attempt: u32, random: u64) -> Duration {
        Backoff::default()
            .next(attempt, None, NOW, random, LONG)
            .unwrap()
    }

    #[test]
    fn the_pause_is_uniform_below_a_doubling_ceiling() {
        assert_eq!(pause(0, 0), Duration::ZERO);
        for (attempt, ceiling_ms) in [
            (0, 250),
            (1, 500),
            (3, 2000),
            (5, 8000),
            (6, 8000),
            (90, 8000),
        ] {
            let ceiling = Duration::from_millis(ceiling_ms);
            assert!(pause(attempt, u64::MAX) < ceiling, "{attempt}");
            assert!(
                pause(attempt, u64::MAX) > ceiling - Duration::from_millis(1),
                "{attempt}"
            );
            assert_eq!(pause(attempt, 1 << 63), ceiling / 2, "{attempt}");
        }
    }

    #[test]
    fn a_pause_that_reaches_the_deadline_gives_up() {
        let remaining = Duration::from_millis(125);
        assert_eq!(
            Backoff::default().next(0, None, NOW, 1 << 63, remaining),
            None
        );
        assert_eq!(
            Backoff::default().next(0, None, NOW, 0, Duration::ZERO),
            None
        );
    }

    #[test]
    fn retry_after_is_a_lower_bound() {
        let requested = RetryAfter::parse(b" 2 ");
        let pause = Backoff::default()
            .next(0, requested, NOW, u64::MAX, LONG)
            .unwrap();
        assert!(pause >= Duration::from_secs(2) && pause < Duration::from_millis(2250));
        let tight =
            Backoff::default().next(0, requested, NOW, u64::MAX, Duration::from_millis(2001));
        assert!(tight.is_some_and(|p| p < Duration::from_millis(2001)));
    }

    #[test]
    fn a_retry_after_beyond_the_deadline_gives_up() {
        for requested in [
            &b"2"[..],
            b"99999999999999999999999999",
            b"Thu, 01 Jan 1970 00:00:02 GMT",
        ] {
            let requested = RetryAfter::parse(requested);
            assert!(requested.is_some());
            assert_eq!(
                Backoff::default().next(0, requested, NOW, 0, Duration::from_secs(2)),
                None
            );
        }
    }

    #[test]
    fn a_past_date_means_now() {
        let requested = RetryAfter::parse(b"Thu, 01 Jan 1970 00:00:02 GMT").unwrap();
        assert_eq!(requested.wait(NOW + LONG), Duration::ZERO);
        assert_eq!(requested.wait(NOW), Duration::from_secs(2));
    }

    #[test]
    fn an_invalid_retry_after_is_ignored() {
        for value in [&b""[..], b"-1", b"1.5", b"soon", b"\xff"] {
            assert_eq!(RetryAfter::parse(value), None, "{value:?}");
        }
    }
}
