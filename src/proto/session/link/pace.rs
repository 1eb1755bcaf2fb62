//! How fast lond works on a link, and so how much is to be on it.
//!
//! lond works the requests of a link one after the other. On a link there is as much as keeps lond busy while a reply
//! and the next request cross the network, and no more: whatever is put behind a slow request waits for it.

use core::time::Duration;

use crate::time::Instant;

/// Requests that lond works in so much time together keep nobody waiting, whatever is put behind them.
const NO_TIME: Duration = Duration::from_micros(400);
/// A request that takes longer says no more about the others than one that takes so long,
const LONGEST: Duration = Duration::from_millis(100);
/// or so many times as long as usual and some: what takes long now and then, lond's or the machine's, is not its pace.
const UNUSUAL: i64 = 8;
const SOME: i64 = 20_000;
/// A new request's part in the average is one in so many.
const WEIGHT: i64 = 16;
/// What delays a reply now and then, and means nothing: the machines' other work.
const HICCUP: Duration = Duration::from_millis(10);
/// A request that takes so long is slow, and more than one in 160 of the last are some.
const SLOW: Duration = Duration::from_millis(50);
const SLOW_SHARE: i64 = (1 << 16) / 160;
const SLOW_WEIGHT: i64 = 64;
/// lond is fast: its work on a request takes less.
const FAST: Duration = Duration::from_micros(100);
/// Shorter round trips are of the same house, and say little.
const NEAR: Duration = Duration::from_millis(1);

/// What was measured on a link.
#[derive(Clone, Copy, Debug)]
pub(in crate::session) struct Pace {
    /// The shortest round trip.
    rtt: Duration,
    /// What lond takes for a request on average, in nanoseconds; unknown before the first reply.
    service: Option<i64>,
    /// The part of slow ones among the last replies, of 1 << 16.
    slow: i64,
    /// Requests that keep lond busy.
    depth: usize,
    /// A request that has been the oldest for so long is slow: a few round trips and some milliseconds.
    patience: Duration,
    last_reply: Instant,
}

impl Pace {
    /// Of a link with this shortest round trip, on which nothing was asked yet.
    pub(in crate::session) fn new(rtt: Duration, now: Instant) -> Self {
        Self {
            rtt,
            service: None,
            slow: 0,
            depth: 1,
            patience: rtt * 2 + HICCUP,
            last_reply: now,
        }
    }

    /// A round trip with no work in it. One that takes longer than the shortest may be a hiccup, or another way.
    pub(super) fn trip(&mut self, took: Duration, now: Instant) {
        let longer = took.saturating_sub(self.rtt);
        self.rtt = self.rtt.min(took) + longer / 2;
        self.patience = self.rtt * 4 + HICCUP;
        self.last_reply = now;
    }

    /// Something of lonc's own was answered.
    pub(super) fn noted(&mut self, now: Instant) {
        self.last_reply = now;
    }

    /// A request that was put on the link at `put` was answered.
    pub(super) fn replied(&mut self, put: Instant, now: Instant) {
        self.rtt = self.rtt.min(now.since(put));
        let begun = self.last_reply.max(put + self.rtt);
        let took = nanos(now.since(begun).min(LONGEST));
        let service = self.service.map_or(took, |known| {
            known + (took.min(known * UNUSUAL + SOME) - known) / WEIGHT
        });
        self.last_reply = now;
        let is_slow = i64::from(took >= nanos(SLOW)) << 16;
        let slow = self.slow + (is_slow - self.slow) / SLOW_WEIGHT;
        if self.service != Some(service) || slow != self.slow {
            self.service = Some(service);
            self.slow = slow;
            self.reckon(service.max(1));
        }
    }

    fn has_slow_ones(&self) -> bool {
        self.slow > SLOW_SHARE
    }

    fn reckon(&mut self, service: i64) {
        let rtt = nanos(self.rtt);
        // A quarter more than covers the round trip, for replies do not come evenly.
        let crossing = rtt * 5 / 4 + service / 2;
        // Where some are slow what is behind them is caught, however fast the others are.
        let most = if self.has_slow_ones() {
            crossing
        } else {
            crossing.max(nanos(NO_TIME))
        };
        self.depth = usize::try_from(1 + most / service).unwrap_or(1);
        let work = u64::try_from(service.min(rtt)).map_or(Duration::ZERO, Duration::from_nanos);
        self.patience = self.rtt * 2 + work * 2 + HICCUP;
    }

    /// So many requests are to be on the link, of `most`; nothing before it is known.
    pub(in crate::session) fn depth(&self, most: usize) -> Option<usize> {
        self.service.map(|_| self.depth.min(most))
    }

    /// lond works so fast that one link keeps up with all that this process can ask, or that a window of `most` requests
    /// is what limits it.
    pub(in crate::session) fn is_fast(&self, most: usize) -> bool {
        let Some(service) = self.service else { return false };
        let worked = service.saturating_mul(i64::try_from(most).unwrap_or(i64::MAX));
        service < nanos(FAST) && !self.has_slow_ones() && (self.rtt < NEAR || nanos(self.rtt) < worked)
    }

    /// The shortest round trip.
    pub(in crate::session) fn rtt(&self) -> Duration {
        self.rtt
    }

    /// What lond takes for a request on average.
    pub(in crate::session) fn service(&self) -> Option<Duration> {
        let nanos = self.service.and_then(|service| u64::try_from(service).ok());
        nanos.map(Duration::from_nanos)
    }

    /// A request that has been the oldest for so long is slow: a few round trips and some milliseconds.
    pub(in crate::session) fn patience(&self) -> Duration {
        self.patience
    }
}

fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);
    const MICRO: Duration = Duration::from_micros(1);

    /// A link over `rtt` to a lond that takes `service`, kept busy for a while.
    fn busy(rtt: Duration, service: Duration) -> Pace {
        let mut now = Instant::after_origin(Duration::from_secs(1));
        let mut pace = Pace::new(rtt, now);
        for _ in 0..200 {
            let put = now;
            now = now + rtt.max(service);
            pace.replied(put, now);
            // Those behind it come at the pace of lond's work.
            for _ in 0..pace.depth.min(64) {
                now = now + service;
                pace.replied(put, now);
            }
        }
        pace
    }

    #[test]
    fn depth_covers_the_round_trip_and_no_more() {
        for (rtt, service, depths) in [
            (100 * MICRO, 5 * MILLI, 1..=1),
            (100 * MICRO, MILLI / 2, 1..=1),
            (20 * MILLI, 5 * MILLI, 5..=7),
            (20 * MILLI, MILLI, 21..=28),
            (20 * MILLI, 10 * MICRO, 64..=64),
            (50 * MICRO, 2 * MICRO, 64..=64),
            (50 * MICRO, Duration::ZERO, 64..=64),
            (100 * MILLI, Duration::from_secs(4), 2..=3),
        ] {
            let depth = busy(rtt, service).depth(64).unwrap();
            assert!(depths.contains(&depth), "{rtt:?}, {service:?}: {depth}");
        }
    }

    #[test]
    fn nothing_is_known_before_the_first_reply() {
        let now = Instant::after_origin(Duration::ZERO);
        let mut pace = Pace::new(MILLI, now);
        pace.trip(MILLI / 2, now + MILLI);
        assert_eq!((pace.depth(64), pace.service()), (None, None));
        assert_eq!((pace.rtt(), pace.patience()), (MILLI / 2, 12 * MILLI));
    }

    #[test]
    fn what_lond_did_for_lonc_is_not_counted_as_work_on_what_is_behind_it() {
        let put = Instant::after_origin(Duration::ZERO);
        let mut pace = Pace::new(MILLI / 10, put);
        pace.noted(put + 5 * MILLI);
        pace.replied(put, put + 6 * MILLI);
        assert_eq!(pace.service(), Some(MILLI));
    }

    #[test]
    fn some_that_were_slow_are_forgotten_after_some_that_are_not() {
        let mut now = Instant::after_origin(Duration::ZERO);
        let mut pace = Pace::new(50 * MICRO, now);
        for round in 0..400 {
            let put = now;
            let is_slow = (50..52).contains(&round);
            now = now + if is_slow { 100 * MILLI } else { 52 * MICRO };
            pace.replied(put, now);
        }
        assert!(pace.is_fast(64) && pace.depth(64).unwrap() > 48, "{pace:?}");
    }

    /// A link over `rtt` on which lond took `service` for the one request there was.
    fn replied(rtt: Duration, service: Duration) -> Pace {
        let put = Instant::after_origin(Duration::from_secs(1));
        let mut pace = Pace::new(rtt, put);
        pace.replied(put, put + rtt + service);
        pace
    }

    #[test]
    fn one_reply_tells_how_much_is_to_be_on_a_link_and_what_is_slow_there() {
        for (rtt, service, depth, patience) in [
            (5 * MILLI, 4 * MILLI, 3, 28 * MILLI),
            (20 * MILLI, MILLI, 26, 52 * MILLI),
            (MILLI, 5 * MILLI, 1, 14 * MILLI),
        ] {
            let pace = replied(rtt, service);
            assert_eq!((pace.depth(64), pace.patience()), (Some(depth), patience));
        }
    }

    #[test]
    fn a_lond_is_fast_that_is_near_and_takes_no_time_or_is_kept_busy_by_a_window() {
        let nanos = Duration::from_nanos;
        for (rtt, service, window, is_fast) in [
            (50 * MICRO, nanos(99_999), 64, true),
            (50 * MICRO, 100 * MICRO, 64, false),
            (nanos(999_999), 10 * MICRO, 20, true),
            (MILLI, 10 * MICRO, 20, false),
            (2 * MILLI, 50 * MICRO, 41, true),
            (2 * MILLI, 50 * MICRO, 40, false),
        ] {
            assert_eq!(
                replied(rtt, service).is_fast(window),
                is_fast,
                "{rtt:?}, {service:?}"
            );
        }
    }

    #[test]
    fn what_takes_long_now_and_then_is_not_the_pace() {
        let mut now = Instant::after_origin(Duration::ZERO);
        let mut pace = busy(50 * MICRO, 2 * MICRO);
        for round in 0..200 {
            let put = now;
            now = now + if round % 32 == 0 { 10 * MILLI } else { 2 * MICRO };
            pace.replied(put, now);
            assert!(pace.depth(64).unwrap() > 48, "{pace:?}");
            assert!(pace.is_fast(64));
        }
    }

    #[test]
    fn where_one_in_fifty_is_slow_little_is_put_behind_the_others() {
        let mut now = Instant::after_origin(Duration::ZERO);
        let mut pace = busy(50 * MICRO, 20 * MICRO);
        for round in 0..500 {
            let put = now;
            now = now + if round % 50 == 0 { 200 * MILLI } else { 70 * MICRO };
            pace.replied(put, now);
            assert!(round < 50 || pace.depth(64).unwrap() <= 6, "{pace:?}");
        }
        assert!(!pace.is_fast(64));
    }

    #[test]
    fn another_way_that_is_longer_is_known_after_some_probes() {
        let now = Instant::after_origin(Duration::ZERO);
        let mut pace = busy(MILLI, MILLI);
        for _ in 0..8 {
            pace.trip(80 * MILLI, now);
        }
        assert!(pace.rtt() > 70 * MILLI);
        // Half of what it takes longer each time, for it may be a hiccup.
        let mut pace = Pace::new(MILLI, now);
        pace.trip(3 * MILLI, now);
        assert_eq!(pace.rtt(), 2 * MILLI);
    }

    #[test]
    fn a_lond_that_becomes_slow_is_known_to_be_after_some_replies() {
        let mut now = Instant::after_origin(Duration::ZERO);
        let mut pace = busy(50 * MICRO, 2 * MICRO);
        for _ in 0..30 {
            let put = now;
            now = now + 5 * MILLI;
            pace.replied(put, now);
        }
        assert_eq!(pace.depth(64), Some(1));
        assert!(!pace.is_fast(64));
    }

    #[test]
    fn near_and_quick_is_fast_and_so_is_what_a_window_limits_not() {
        assert!(busy(50 * MICRO, 2 * MICRO).is_fast(64));
        assert!(!busy(20 * MILLI, 2 * MICRO).is_fast(64));
        assert!(!busy(50 * MICRO, MILLI / 2).is_fast(64));
    }
}
