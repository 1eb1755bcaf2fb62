//! Spans, dates, sizes and counts: as numbers, and as a person reads them. No text but that of a date and of a count
//! holds a blank.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Datelike as _, Days, Local, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};

/// Longest span that is taken from anybody: clocks may overflow beyond some centuries, and nobody means it.
pub(crate) const MAX_SPAN: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// The last year that is shown: it has four digits.
const LAST_YEAR: i32 = 9999;
/// Most digits of a span; see [`parse_span`].
const MAX_DIGITS: usize = 12;

/// A span such as `500ms`, `10s` or `5m`. Few digits only: `humantime` panics where seconds and nanoseconds together
/// overflow.
pub(crate) fn parse_span(text: &str) -> Option<Duration> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if digits > MAX_DIGITS {
        return None;
    }
    humantime::parse_duration(text).ok()
}

/// A span in microseconds.
pub(crate) fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// A date in microseconds since 1970; 0 for what lies before.
pub(crate) fn micros_since_1970(date: SystemTime) -> u64 {
    micros(date.duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A span in its two largest units: `3d4h`, `5m12s`, `7s`.
pub(crate) fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let two = |large: u64, unit: &str, small: u64, sub: &str| match small {
        0 => format!("{large}{unit}"),
        _ => format!("{large}{unit}{small}{sub}"),
    };
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => two(minutes, "m", seconds % 60, "s"),
        (0, _, _) => two(hours, "h", minutes % 60, "m"),
        (_, _, _) => two(days, "d", hours % 24, "h"),
    }
}

/// From one date to a later one, in microseconds since 1970.
pub(crate) fn between(from_usec: u64, to_usec: u64) -> String {
    span(Duration::from_micros(to_usec.saturating_sub(from_usec)))
}

/// A short span, in microseconds: `340us`, `1.3ms`, `21ms`, `1.2s`.
pub(crate) fn brief(usec: u64) -> String {
    let tenths = |number: u64, unit: u64, name: &str| {
        let tenths = (u128::from(number) * 10 + u128::from(unit / 2)) / u128::from(unit);
        format!("{}.{}{name}", tenths / 10, tenths % 10)
    };
    match usec {
        0..1_000 => format!("{usec}us"),
        1_000..9_950 => tenths(usec, 1000, "ms"),
        9_950..999_500 => format!("{}ms", (usec + 500) / 1000),
        _ => tenths(usec, 1_000_000, "s"),
    }
}

/// A round trip, given in microseconds: always in milliseconds, so that one sees which is longer; `0.042ms`, `1.34ms`,
/// `21.4ms`, `1240ms`.
pub(crate) fn round_trip(usec: u64) -> String {
    let milliseconds = Duration::from_micros(usec).as_secs_f64() * 1e3;
    match usec {
        0..1_000 => format!("{milliseconds:.3}ms"),
        1_000..9_995 => format!("{milliseconds:.2}ms"),
        9_995..99_950 => format!("{milliseconds:.1}ms"),
        _ => format!("{milliseconds:.0}ms"),
    }
}

/// A date in microseconds since 1970, in local time with its distance from UTC: what a person reads, everywhere. There are
/// numbers that are none.
pub(crate) fn date(usec: u64) -> String {
    let date = calendar(usec).map(|date| date.with_timezone(&Local));
    date.map_or_else(
        || "never".to_owned(),
        |date| date.format("%Y-%m-%d %H:%M:%S %:z").to_string(),
    )
}

/// A date as it is read off a clock, the same way.
pub(crate) fn date_of(date: SystemTime) -> String {
    self::date(micros_since_1970(date))
}

/// The same in UTC as RFC 3339 has it: what a program reads.
pub(crate) fn rfc3339(usec: u64) -> Option<String> {
    calendar(usec).map(|date| date.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// A date as RFC 3339 has it, after 1970.
pub(crate) fn parse_rfc3339(text: &str) -> Option<SystemTime> {
    let date = DateTime::parse_from_rfc3339(text.trim()).ok()?;
    UNIX_EPOCH.checked_add(Duration::from_micros(date.timestamp_micros().try_into().ok()?))
}

/// What a person says, in local time unless its distance from UTC stands with it: `2026-12-04`, which is when that day
/// begins; `2026-12-04 18:00`; `18:00`, the next time after `now`.
pub(crate) fn parse_date(text: &str, now: SystemTime) -> Option<SystemTime> {
    if let Some(date) = parse_rfc3339(text) {
        return Some(date);
    }
    let now: DateTime<Local> = now.into();
    let next = |time: NaiveTime| {
        let today = now.date_naive().and_time(time);
        let is_past = today <= now.naive_local();
        if is_past {
            today.checked_add_days(Days::new(1))
        } else {
            Some(today)
        }
    };
    let both = |format| NaiveDateTime::parse_from_str(text, format).ok();
    let time = |format| NaiveTime::parse_from_str(text, format).ok();
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let both = [
        "%Y-%m-%d %H:%M",
        "%Y-%m-%d %H:%M:%S",
        "%Y-%m-%dT%H:%M",
        "%Y-%m-%dT%H:%M:%S",
    ]
    .into_iter()
    .find_map(both);
    let local = both
        .or_else(|| Some(day()?.and_time(NaiveTime::MIN)))
        .or_else(|| next(time("%H:%M").or_else(|| time("%H:%M:%S"))?))?;
    // Of an hour that there is twice the later is meant; one that there is not is none.
    let date = local.and_local_timezone(Local).latest()?;
    UNIX_EPOCH.checked_add(Duration::from_micros(date.timestamp_micros().try_into().ok()?))
}

fn calendar(usec: u64) -> Option<DateTime<Utc>> {
    let date = i64::try_from(usec).ok().and_then(DateTime::from_timestamp_micros);
    // Near the end of all years those of other time zones are none any more.
    date.filter(|date| date.year() <= LAST_YEAR)
}

/// A size in bytes: `512B`, `1.2KiB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            let tenths = u128::from(bytes) * 10 / u128::from(*unit);
            format!("{}.{}{name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes}B"),
    }
}

/// So many of something: `1 client`, `3 clients`, `3 tries`.
pub(crate) fn count(number: impl TryInto<u64>, what: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    match what.strip_suffix('y') {
        _ if number == 1 => format!("1 {what}"),
        Some(stem) => format!("{number} {stem}ies"),
        None => format!("{number} {what}s"),
    }
}

/// The word for one, or the word for another number of things.
pub(crate) fn agree<'a>(number: usize, one: &'a str, others: &'a str) -> &'a str {
    if number == 1 { one } else { others }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_that_persons_say() {
        let now = UNIX_EPOCH + Duration::from_secs(1_795_600_000);
        let local = |text: &str| parse_date(text, now).map(|date| super::date(micros_since_1970(date)));
        for (text, date) in [
            ("2030-02-03", "2030-02-03 00:00:00 "),
            ("2030-02-03 18:05", "2030-02-03 18:05:00 "),
            ("2030-02-03T18:05:06", "2030-02-03 18:05:06 "),
        ] {
            assert!(
                local(text).unwrap().starts_with(date),
                "{text}: {:?}",
                local(text)
            );
        }
        let utc = parse_date("2030-02-03T18:05:00+01:00", now).unwrap();
        assert_eq!(
            rfc3339(micros_since_1970(utc)).unwrap(),
            "2030-02-03T17:05:00.000000Z"
        );
        for time in ["00:00", "12:00", "23:59:59"] {
            let next = parse_date(time, now).unwrap();
            assert!(
                next > now && next <= now + Duration::from_secs(25 * 3600),
                "{time}"
            );
        }
        for bad in [
            "",
            "soon",
            "2030-02-30",
            "2030-02-03 25:00",
            "24:00",
            "1950-01-01",
        ] {
            assert_eq!(parse_date(bad, now), None, "{bad}");
        }
    }

    #[test]
    fn spans_have_two_units() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (312, "5m12s"),
            (7200, "2h"),
            (7261, "2h1m"),
            (273_600, "3d4h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
        assert_eq!(between(5_000_000, 1), "0s");
    }

    #[test]
    fn round_trips_and_sizes() {
        for (usec, text) in [
            (0, "0us"),
            (340, "340us"),
            (1_340, "1.3ms"),
            (9_949, "9.9ms"),
            (9_950, "10ms"),
            (21_400, "21ms"),
            (999_499, "999ms"),
            (1_240_000, "1.2s"),
        ] {
            assert_eq!(brief(usec), text);
        }
        for (usec, text) in [
            (0, "0.000ms"),
            (42, "0.042ms"),
            (999, "0.999ms"),
            (1_340, "1.34ms"),
            (9_994, "9.99ms"),
            (9_995, "10.0ms"),
            (21_400, "21.4ms"),
            (1_240_000, "1240ms"),
        ] {
            assert_eq!(round_trip(usec), text);
        }
        assert_eq!(rfc3339(0).unwrap(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(rfc3339(u64::MAX), None);
        assert_eq!(brief(u64::MAX), "18446744073709.6s");
        assert_eq!(between(0, u64::MAX), "213503982d8h");
        for far in [
            u64::MAX,
            i64::MAX as u64,
            9_000_000_000_000_000_000,
            300_000_000_000_000_000,
        ] {
            assert_eq!(date(far), "never");
        }
        assert_eq!((size(1023), size(1234)), ("1023B".into(), "1.2KiB".into()));
        assert_eq!(size(u64::MAX), "17179869183.9GiB");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(count(1_usize, "client"), "1 client");
        assert_eq!(count(0_u64, "client"), "0 clients");
        assert_eq!(
            (count(1_u32, "try"), count(2_u32, "try")),
            ("1 try".into(), "2 tries".into())
        );
        assert_eq!(
            (agree(1, "was", "were"), agree(0, "was", "were")),
            ("was", "were")
        );
    }

    #[test]
    fn spans_are_read() {
        assert_eq!(parse_span("500ms"), Some(Duration::from_millis(500)));
        for bad in ["", "10", "ten", "-1s", "99999999999999999999s"] {
            assert_eq!(parse_span(bad), None, "{bad}");
        }
    }
}
