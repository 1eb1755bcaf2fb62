//! What happens again and again, and is told once in a while.

use std::time::Duration;

use lonc_proto::time::Instant;

/// What happens all the time while something is wrong is told at most this often, with its number.
const QUIET: Duration = Duration::from_secs(60);

/// One kind of thing that happens.
#[derive(Default)]
pub(super) struct Repeated {
    count: usize,
    told: Option<Instant>,
}

impl Repeated {
    /// How many to tell of, if it is time to tell.
    pub(super) fn add(&mut self, count: usize, now: Instant) -> Option<usize> {
        self.count += count;
        if self.told.is_some_and(|told| now.since(told) < QUIET) {
            return None;
        }
        self.told = Some(now);
        Some(std::mem::take(&mut self.count))
    }

    /// Starts afresh; how many nobody was told of.
    pub(super) fn end(&mut self) -> usize {
        std::mem::take(self).count
    }
}
