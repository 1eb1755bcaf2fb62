//! How many links there are to be, beyond those that are kept open.

use core::time::Duration;

use super::error::LinkError;
use super::status::Refused;
use crate::time::Instant;

/// Beyond a few round trips requests wait so long before another link is opened for them.
const PATIENCE: Duration = Duration::from_millis(3);
/// Where there is always somebody who waits, each shortly, another link is opened after so many times that wait.
const STEADY: u32 = 5;
/// What stalls a lond that takes no time may be this machine, for so long.
pub(super) const FAST_STALL: Duration = Duration::from_millis(40);
/// A lond that takes no time for its work gets so many links at most, and those only when requests wait this long.
pub(super) const FAST_LINKS: usize = 3;
pub(super) const FAST_PATIENCE: Duration = Duration::from_millis(50);
/// After lond would not have one more link, none is tried for so long; twice as long each time, up to the most.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(900);

/// How requests may wait before another link is opened, by the round trip.
pub(super) fn patience(rtt: Duration) -> Duration {
    rtt * 4 + PATIENCE
}

/// How long there may always be somebody who waits.
pub(super) fn steady_patience(rtt: Duration) -> Duration {
    patience(rtt) * STEADY
}

/// What became of the wish for more links.
#[derive(Default)]
pub(super) struct Demand {
    /// When another link was tried last.
    grown: Instant,
    failures: u32,
    refused: Option<Refused>,
}

impl Demand {
    /// lond would not have another link beside the `open` ones; how long none is tried.
    pub(super) fn refused(&mut self, why: LinkError, open: usize, now: Instant) -> Duration {
        // Of several that were tried together the first says it all.
        if let Some(refused) = self.refused.as_mut().filter(|refused| now < refused.until) {
            refused.open = refused.open.min(open);
            return refused.until.since(now);
        }
        let pause = FIRST_PAUSE
            .saturating_mul(1 << self.failures.min(10))
            .min(LONGEST_PAUSE);
        self.failures += 1;
        self.refused = Some(Refused {
            why,
            at: now,
            open,
            until: now + pause,
        });
        pause
    }

    /// One more link than lond would have is open and has carried a request: what was refused counts no longer.
    pub(super) fn carried(&mut self, open: usize) {
        if self.refused.as_ref().is_some_and(|refused| open > refused.open) {
            self.forget();
        }
    }

    /// No link is open any more: the first that carries a request is more than lond would have.
    pub(super) fn peer_lost(&mut self) {
        if let Some(refused) = &mut self.refused {
            refused.open = 0;
        }
    }

    /// Whoever asks for a try may know that lond takes more now.
    pub(super) fn forget(&mut self) {
        self.failures = 0;
        self.refused = None;
    }

    /// Another link is tried now.
    pub(super) fn grows(&mut self, now: Instant) {
        self.grown = now;
    }

    /// When another link was tried last.
    pub(super) fn grown(&self) -> Instant {
        self.grown
    }

    /// With so many links no other is tried before this.
    pub(super) fn pauses_until(&self, links: usize) -> Option<Instant> {
        let refused = self.refused.as_ref();
        refused
            .filter(|refused| links >= refused.open)
            .map(|refused| refused.until)
    }

    pub(super) fn last_refused(&self) -> Option<&Refused> {
        self.refused.as_ref()
    }

    /// So many may be opened at the same time while `open` are open.
    pub(super) fn at_a_time(&self, open: usize) -> usize {
        if self.refused.is_some() { 1 } else { open.max(1) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_until_a_further_link_carries_something() {
        let mut now = Instant::after_origin(Duration::ZERO);
        let mut demand = Demand::default();
        assert_eq!((demand.pauses_until(9), demand.at_a_time(4)), (None, 4));
        let seconds = [30, 60, 120, 240, 480, 900, 900].map(Duration::from_secs);
        for pause in seconds {
            assert_eq!(demand.refused(LinkError::Closed, 3, now), pause);
            // Others of the same burst.
            assert_eq!(demand.refused(LinkError::Closed, 3, now), pause);
            now = now + pause;
        }
        assert_eq!(demand.at_a_time(4), 1);
        demand.carried(3);
        assert_eq!(demand.pauses_until(3), Some(now));
        assert_eq!(demand.pauses_until(2), None, "so many it did have");
        demand.carried(4);
        assert_eq!(demand.refused(LinkError::Closed, 3, now), FIRST_PAUSE);
    }
}
