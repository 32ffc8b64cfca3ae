//! Owns when a URL is asked for again: exponential backoff with full jitter, and `Retry-After`
//! (RFC 9110, 10.2.3).
//! Never reads a clock, never draws a random number and never sleeps.

use std::time::{Duration, SystemTime};

use super::date::parse_http_date;

/// A server's wish about the next attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// After so long.
    Delay(Duration),
    /// Not before.
    At(SystemTime),
}

impl RetryAfter {
    /// Reads a field's value; `None` for what is neither seconds nor an HTTP date.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?.trim();
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            let seconds = text.parse().unwrap_or(u64::MAX);
            return Some(Self::Delay(Duration::from_secs(seconds)));
        }
        parse_http_date(text).map(Self::At)
    }

    /// How long that is from `now`; nothing for a date gone by.
    pub fn wait(self, now: SystemTime) -> Duration {
        match self {
            Self::Delay(delay) => delay,
            Self::At(at) => at.duration_since(now).unwrap_or(Duration::ZERO),
        }
    }
}

/// The shape of the pauses between attempts.
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
    /// The pause before another attempt, or `None` to give up because it would reach `remaining`,
    /// the time to the URL's deadline. `attempt` counts the attempts made before this pause, from
    /// 0; `random` is a fresh uniform number. The server's wish is a floor: jitter comes on top of
    /// it where there is time, so that its clients do not return all at once.
    pub fn next(
        &self,
        attempt: u32,
        retry_after: Option<RetryAfter>,
        now: SystemTime,
        random: u64,
        remaining: Duration,
    ) -> Option<Duration> {
        let Some(wish) = retry_after else {
            let pause = uniform(random, self.ceiling(attempt));
            return (pause < remaining).then_some(pause);
        };
        let floor = wish.wait(now);
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

/// A duration in `0..limit`, in nanoseconds.
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
    fn the_pause_is_anywhere_under_a_doubling_ceiling() {
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
    fn a_pause_that_reaches_the_deadline_is_not_taken() {
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
    fn the_servers_wish_is_a_floor() {
        let wish = RetryAfter::parse(b" 2 ");
        let pause = Backoff::default()
            .next(0, wish, NOW, u64::MAX, LONG)
            .unwrap();
        assert!(pause >= Duration::from_secs(2) && pause < Duration::from_millis(2250));
        let tight = Backoff::default().next(0, wish, NOW, u64::MAX, Duration::from_millis(2001));
        assert!(tight.is_some_and(|p| p < Duration::from_millis(2001)));
    }

    #[test]
    fn a_wish_beyond_the_deadline_gives_up() {
        for wish in [
            &b"2"[..],
            b"99999999999999999999999999",
            b"Thu, 01 Jan 1970 00:00:02 GMT",
        ] {
            let wish = RetryAfter::parse(wish);
            assert!(wish.is_some());
            assert_eq!(
                Backoff::default().next(0, wish, NOW, 0, Duration::from_secs(2)),
                None
            );
        }
    }

    #[test]
    fn a_date_gone_by_means_now() {
        let wish = RetryAfter::parse(b"Thu, 01 Jan 1970 00:00:02 GMT").unwrap();
        assert_eq!(wish.wait(NOW + LONG), Duration::ZERO);
        assert_eq!(wish.wait(NOW), Duration::from_secs(2));
    }

    #[test]
    fn what_means_nothing_is_no_wish() {
        for value in [&b""[..], b"-1", b"1.5", b"soon", b"\xff"] {
            assert_eq!(RetryAfter::parse(value), None, "{value:?}");
        }
    }
}
