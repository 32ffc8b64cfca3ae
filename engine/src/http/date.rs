//! Owns parsing HTTP dates in their three forms (RFC 9110, 5.6.7).
//! Never reads a clock: a two-digit year is taken to be within 1970..=2069.

use std::time::{Duration, SystemTime};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Parses an HTTP date within the years 1970..=9999; `None` if it is invalid. The name of the day is
/// not checked.
pub(super) fn parse_http_date(text: &str) -> Option<SystemTime> {
    let mut parts = text
        .split([' ', '-', ','])
        .filter(|part| !part.is_empty())
        .skip(1);
    let mut next = || parts.next();
    let first = next()?;
    let (day, month, year, time) = if first.starts_with(|c: char| c.is_ascii_digit()) {
        let (month, year, time) = (next()?, next()?, next()?);
        (next()? == "GMT").then_some((first, month, year, time))?
    } else {
        // asctime: the month comes first, the year last, and there is no zone.
        let (day, time, year) = (next()?, next()?, next()?);
        (day, first, year, time)
    };
    if next().is_some() {
        return None;
    }
    let month = MONTHS.iter().position(|name| *name == month)?;
    let days = days_since_epoch(year_of(year)?, month, number(day, 1, 31)?)?;
    let seconds = days * 86_400 + seconds_of(time)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

fn number(text: &str, least: u64, most: u64) -> Option<u64> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let number = digits.then(|| text.parse().ok())??;
    (least..=most).contains(&number).then_some(number)
}

fn year_of(text: &str) -> Option<u64> {
    match (text.len(), number(text, 0, 9999)?) {
        (2, year @ 70..) => Some(1900 + year),
        (2, year) => Some(2000 + year),
        (4, year @ 1970..) => Some(year),
        _ => None,
    }
}

fn seconds_of(time: &str) -> Option<u64> {
    let mut parts = time.split(':');
    let hours = number(parts.next()?, 0, 23)?;
    let minutes = number(parts.next()?, 0, 59)?;
    // 60 is a leap second.
    let seconds = number(parts.next()?, 0, 60)?;
    parts
        .next()
        .is_none()
        .then_some(hours * 3600 + minutes * 60 + seconds)
}

/// `month` from 0, `day` from 1; Gregorian.
fn days_since_epoch(year: u64, month: usize, day: u64) -> Option<u64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [
        31,
        28 + u64::from(leap),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    if day > lengths[month] {
        return None;
    }
    let before = year - 1;
    let leap_days =
        (before / 4 - before / 100 + before / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
    Some((year - 1970) * 365 + leap_days + lengths[..month].iter().sum::<u64>() + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<u64> {
        parse_http_date(text)?
            .duration_since(SystemTime::UNIX_EPOCH)
            .ok()
            .map(|d| d.as_secs())
    }

    #[test]
    fn the_three_forms_give_the_same_time() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(seconds(text), Some(784_111_777), "{text}");
        }
    }

    #[test]
    fn leap_years_are_counted() {
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(seconds("Tue, 29 Feb 2000 00:00:00 GMT"), Some(951_782_400));
        assert_eq!(
            seconds("Fri, 01 Mar 2024 00:00:00 GMT"),
            Some(1_709_251_200)
        );
        assert_eq!(
            seconds("Fri, 31 Dec 9999 23:59:59 GMT"),
            Some(253_402_300_799)
        );
        assert_eq!(seconds("Wed, 29 Feb 2023 00:00:00 GMT"), None);
    }

    #[test]
    fn invalid_dates_are_none() {
        for text in [
            "",
            "Sun",
            "Sun, 06 Nov",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 PST",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Foo 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT x",
            "Sun, 06 Nov 199 08:49:37 GMT",
            "Sun, 6 Nov 1969 08:49:37 GMT",
            "Sun, 06 Nov 1994 8:49 GMT",
            "Sun, +6 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
