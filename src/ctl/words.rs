//! Spans, dates, sizes and foreign texts, as a person reads them; none but dates and texts holds a blank.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::{DateTime, Local};

pub(super) use crate::config::text::plain as safe;

/// A span in its two largest units: `3d4h`, `5m12s`, `7s`.
pub(super) fn span(span: Duration) -> String {
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
pub(super) fn between(from_usec: u64, to_usec: u64) -> String {
    span(Duration::from_micros(to_usec.saturating_sub(from_usec)))
}

/// A short span, in microseconds: `340us`, `1.3ms`, `21ms`, `1.2s`.
pub(super) fn brief(usec: u64) -> String {
    let tenths = |number: u64, unit: u64, name: &str| {
        let tenths = (number * 10 + unit / 2) / unit;
        format!("{}.{}{name}", tenths / 10, tenths % 10)
    };
    match usec {
        0..1_000 => format!("{usec}us"),
        1_000..9_950 => tenths(usec, 1000, "ms"),
        9_950..999_500 => format!("{}ms", (usec + 500) / 1000),
        _ => tenths(usec, 1_000_000, "s"),
    }
}

/// A date in microseconds since 1970, in local time.
pub(super) fn date(usec: u64) -> String {
    let date = DateTime::<Local>::from(UNIX_EPOCH + Duration::from_micros(usec));
    date.format("%Y-%m-%d %H:%M:%S").to_string()
}

/// Microseconds since 1970.
pub(super) fn usec(date: SystemTime) -> u64 {
    let since = date.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// A size in bytes: `512B`, `1.2KiB`.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            let tenths = u128::from(bytes) * 10 / u128::from(*unit);
            format!("{}.{}{name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes}B"),
    }
}

/// So many of something: `1 client`, `3 clients`.
pub(super) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// A text that others made, safe and as a cell of a table, which has no blanks.
pub(super) fn word(text: &str) -> String {
    let text = safe(text);
    let parts: Vec<_> = text.split_whitespace().collect();
    parts.join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!((size(1023), size(1234)), ("1023B".into(), "1.2KiB".into()));
        assert_eq!(size(u64::MAX), "17179869183.9GiB");
    }

    #[test]
    fn what_others_say_cannot_steer_a_terminal() {
        assert_eq!(safe("a\x1b[2J\nb"), "a\\u{1b}[2J\\nb");
        assert_eq!(word(" 2.11 x\x07"), "2.11_x\\u{7}");
    }
}
