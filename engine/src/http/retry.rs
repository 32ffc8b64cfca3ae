//! Owns the pause before another attempt: exponential with full jitter, or what the server asked
//! for. Time and randomness are arguments.

use std::time::{Duration, SystemTime};

/// Longest pause before the second attempt.
const BASE: Duration = Duration::from_millis(250);
/// Longest pause of all.
const MOST: Duration = Duration::from_secs(8);

/// A Retry-After value (RFC 9110, section 10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// So long from now.
    Delay(Duration),
    /// At that time.
    At(SystemTime),
}

impl RetryAfter {
    /// Reads the value; none where it is neither seconds nor an HTTP date.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            // Digits without end mean "not in this run".
            let seconds = text.parse().unwrap_or(u64::from(u32::MAX));
            return Some(Self::Delay(Duration::from_secs(seconds)));
        }
        httpdate::parse_http_date(text).ok().map(Self::At)
    }

    fn from(self, now: SystemTime) -> Duration {
        match self {
            Self::Delay(delay) => delay,
            Self::At(time) => time.duration_since(now).unwrap_or(Duration::ZERO),
        }
    }
}

/// The pauses between attempts.
pub struct Backoff;

impl Backoff {
    /// The pause after attempt number `attempt` (from 0); none where it would not end within
    /// `remaining`, so that the attempt before it was the last.
    pub fn next(
        attempt: u32,
        retry_after: Option<RetryAfter>,
        now: SystemTime,
        random: u64,
        remaining: Duration,
    ) -> Option<Duration> {
        let pause = match retry_after {
            Some(asked) => asked.from(now),
            None => jittered(attempt, random),
        };
        (pause < remaining).then_some(pause)
    }
}

/// Anything from nothing to the step's most, evenly.
fn jittered(attempt: u32, random: u64) -> Duration {
    let step = BASE.saturating_mul(1_u32.checked_shl(attempt).unwrap_or(u32::MAX)).min(MOST);
    let share = (random >> 11) as f64 / (1_u64 << 53) as f64;
    step.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn pauses_grow_to_a_bound_and_never_past_it() {
        let most = |attempt| Backoff::next(attempt, None, SystemTime::UNIX_EPOCH, u64::MAX, LONG);
        assert!(most(0).is_some_and(|pause| pause <= BASE));
        assert!(most(3).is_some_and(|pause| pause > BASE && pause <= 8 * BASE));
        assert!(most(200).is_some_and(|pause| pause <= MOST));
        let least = Backoff::next(5, None, SystemTime::UNIX_EPOCH, 0, LONG);
        assert_eq!(least, Some(Duration::ZERO));
    }

    #[test]
    fn what_the_server_asks_for_is_kept_where_the_deadline_allows() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770);
        let date = RetryAfter::parse(b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(Backoff::next(0, date, now, 7, LONG), Some(Duration::from_secs(7)));
        let seconds = RetryAfter::parse(b" 120 ");
        assert_eq!(seconds, Some(RetryAfter::Delay(Duration::from_secs(120))));
        assert_eq!(Backoff::next(0, seconds, now, 7, Duration::from_secs(10)), None);
    }

    #[test]
    fn nonsense_is_no_wish() {
        for value in [&b""[..], b"-5", b"soon", b"\xff", b"1.5"] {
            assert_eq!(RetryAfter::parse(value), None);
        }
        assert!(RetryAfter::parse(b"99999999999999999999999").is_some());
    }
}
