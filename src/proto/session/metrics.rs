//! What is measured as it goes by: how long things take, and how many come.

use core::time::Duration;

use crate::time::Instant;

/// Upper bounds of a histogram's buckets.
pub const BOUNDS: [Duration; 20] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(120),
    Duration::from_secs(300),
];

/// How many spans were how long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Histogram {
    counts: [u64; BOUNDS.len()],
    count: u64,
    sum: Duration,
}

impl Histogram {
    /// Counts one more.
    pub fn observe(&mut self, span: Duration) {
        self.count += 1;
        self.sum = self.sum.saturating_add(span);
        let bucket = BOUNDS.partition_point(|bound| *bound < span);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How long they were together.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Each of [`BOUNDS`] with the number of spans that were not longer; those beyond the last are only in
    /// [`Histogram::count`].
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> {
        let mut total = 0;
        BOUNDS.into_iter().zip(self.counts).map(move |(bound, count)| {
            total += count;
            (bound, total)
        })
    }
}

/// The histograms of a session, from its start on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Histograms {
    /// From when a client's request was put on a link to its reply.
    pub reply_time: Histogram,
    /// Round trips: the shortest of each handshake, and those of probes.
    pub rtt: Histogram,
}

/// What the rate of requests looks back on.
pub const RECENT: Duration = Duration::from_secs(SECONDS as u64);
const SECONDS: usize = 10;
/// One more, for the second that is not over yet.
const PLACES: usize = SECONDS + 1;

/// How many came in each of the last seconds.
#[derive(Default)]
pub(super) struct Rate {
    /// The second of the newest count, since the origin of time.
    newest: u64,
    counts: [u64; PLACES],
}

impl Rate {
    pub(super) fn add(&mut self, count: usize, now: Instant) {
        let second = now.since_origin().as_secs();
        // What the skipped seconds' places hold is of long ago.
        for skipped in (self.newest + 1..=second).take(PLACES) {
            *self.place(skipped) = 0;
        }
        self.newest = self.newest.max(second);
        *self.place(second) += count as u64;
    }

    /// How many came within [`RECENT`], in whole seconds.
    pub(super) fn recent(&self, now: Instant) -> u64 {
        let second = now.since_origin().as_secs();
        let old = second.saturating_sub(self.newest);
        let whole = |age: &u64| (1..PLACES as u64).contains(&(age + old));
        let ages = (0..PLACES as u64).filter(whole);
        ages.filter_map(|age| {
            let place = self.newest.checked_sub(age)? % PLACES as u64;
            self.counts.get(usize::try_from(place).ok()?)
        })
        .sum()
    }

    fn place(&mut self, second: u64) -> &mut u64 {
        let place = usize::try_from(second % PLACES as u64).unwrap_or(0);
        #[expect(clippy::indexing_slicing, reason = "a remainder is less than its divisor")]
        &mut self.counts[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::prelude::v1::*;

    #[test]
    fn bounds_rise() {
        assert!(BOUNDS.is_sorted());
    }

    #[test]
    fn buckets_hold_all_that_is_not_longer() {
        let mut histogram = Histogram::default();
        for millis in [0, 1, 1, 3, 400_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let within = |bound| {
            let mut buckets = histogram.buckets();
            buckets.find(|(one, _)| *one == bound).unwrap().1
        };
        assert_eq!(within(Duration::from_micros(100)), 1);
        assert_eq!(within(Duration::from_millis(1)), 3);
        assert_eq!(within(Duration::from_millis(5)), 4);
        assert_eq!(within(Duration::from_secs(300)), 4);
        assert_eq!(histogram.count(), 5);
        assert_eq!(histogram.sum(), Duration::from_millis(400_005));
    }

    #[test]
    fn a_rate_is_of_the_last_whole_seconds() {
        let mut rate = Rate::default();
        rate.add(5, at(0.5));
        assert_eq!(rate.recent(at(0.9)), 0);
        assert_eq!(rate.recent(at(1.0)), 5);
        rate.add(7, at(3.2));
        assert_eq!(rate.recent(at(3.3)), 5);
        assert_eq!(rate.recent(at(4.0)), 12);
        assert_eq!(rate.recent(at(10.9)), 12);
        assert_eq!(rate.recent(at(11.0)), 7);
        assert_eq!(rate.recent(at(14.0)), 0);
        rate.add(1, at(1000.0));
        rate.add(2, at(1001.5));
        assert_eq!(rate.recent(at(1002.0)), 3);
    }

    #[test]
    fn a_steady_rate_is_told_as_it_is() {
        let mut rate = Rate::default();
        for tenth in 0..1000 {
            rate.add(3, at(f64::from(tenth) / 10.0));
            if tenth > 110 {
                assert_eq!(rate.recent(at(f64::from(tenth) / 10.0)), 300);
            }
        }
    }

    fn at(seconds: f64) -> Instant {
        Instant::after_origin(Duration::from_secs_f64(seconds))
    }
}
