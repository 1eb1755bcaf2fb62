//! Simulated time, in microseconds since the beginning of a run.

use std::time::Duration;

use lonc_proto::time::Instant;

pub(crate) type Micros = u64;

pub(crate) const MS: Micros = 1_000;
pub(crate) const SECOND: Micros = 1_000 * MS;
pub(crate) const MINUTE: Micros = 60 * SECOND;
pub(crate) const HOUR: Micros = 60 * MINUTE;

/// As the machines have it.
pub(crate) fn instant(at: Micros) -> Instant {
    Instant::after_origin(Duration::from_micros(at))
}

/// The first microsecond that is not before it.
pub(crate) fn micros(at: Instant) -> Micros {
    let nanos = at.since_origin().as_nanos().div_ceil(1_000);
    Micros::try_from(nanos).unwrap_or(Micros::MAX)
}

/// For people.
pub(crate) fn text(at: Micros) -> String {
    let (hours, rest) = (at / HOUR, at % HOUR);
    let seconds = rest % MINUTE;
    format!(
        "{hours}:{:02}:{:02}.{:06}",
        rest / MINUTE,
        seconds / SECOND,
        seconds % SECOND
    )
}
