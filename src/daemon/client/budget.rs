//! What all clients together may keep in memory.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Nobody may go over the budget just now.
const NOBODY: usize = 0;
/// Who may go over the budget and has sent nothing for so long loses that to the next who needs it.
pub(crate) const STALL: Duration = Duration::from_secs(5);

/// Bytes that clients hold: lines not complete, requests not answered, answers not taken.
///
/// One client at a time may go over, to complete its line: else a few large lines, none of them complete, could
/// wait for each other forever.
pub(crate) struct Budget {
    used: AtomicUsize,
    limit: AtomicUsize,
    over: AtomicUsize,
    /// When the one that may go over last sent something, in milliseconds since `origin`.
    touched: AtomicU64,
    origin: Instant,
    freed: Notify,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
            over: NOBODY.into(),
            touched: AtomicU64::new(0),
            origin: Instant::now(),
            freed: Notify::new(),
        }
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Relaxed);
        self.freed.notify_waiters();
    }

    /// A client holds `now` bytes where it held `before`.
    pub(crate) fn adjust(&self, before: usize, now: usize) {
        if now >= before {
            self.used.fetch_add(now - before, Relaxed);
        } else {
            let was = self.used.fetch_sub(before - now, Relaxed);
            let limit = self.limit.load(Relaxed);
            if was >= limit && was - (before - now) < limit {
                self.freed.notify_waiters();
            }
        }
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.used.load(Relaxed) >= self.limit.load(Relaxed)
    }

    /// True if `client` (not zero) is the one that may go over the budget.
    pub(crate) fn may_go_over(&self, client: usize) -> bool {
        let holder = self.over.load(Relaxed);
        if holder != client && (holder == NOBODY || self.has_stalled()) {
            self.over.store(client, Relaxed);
            self.touch(client);
        }
        self.over.load(Relaxed) == client
    }

    /// `client` has sent something.
    pub(crate) fn touch(&self, client: usize) {
        if self.over.load(Relaxed) == client {
            self.touched.store(self.milliseconds(), Relaxed);
        }
    }

    fn has_stalled(&self) -> bool {
        let idle = self.milliseconds().saturating_sub(self.touched.load(Relaxed));
        u128::from(idle) >= STALL.as_millis()
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// `client` needs not go over any more.
    pub(crate) fn give_back(&self, client: usize) {
        if self
            .over
            .compare_exchange(client, NOBODY, Relaxed, Relaxed)
            .is_ok()
        {
            self.freed.notify_waiters();
        }
    }

    /// Ends when there may be room again.
    pub(crate) async fn freed(&self) {
        self.freed.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spent_and_freed() {
        let budget = Budget::new(100);
        budget.adjust(0, 99);
        assert!(!budget.is_spent());
        budget.adjust(99, 100);
        assert!(budget.is_spent());
        budget.adjust(100, 3);
        assert!(!budget.is_spent());
    }

    #[tokio::test(start_paused = true)]
    async fn who_stalls_loses_the_right_to_go_over() {
        let budget = Budget::new(1);
        let nearly = Duration::from_millis(4_999);
        assert!(budget.may_go_over(7));
        tokio::time::advance(nearly).await;
        budget.touch(7);
        tokio::time::advance(nearly).await;
        assert!(!budget.may_go_over(8));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(budget.may_go_over(8) && !budget.may_go_over(7));
    }

    #[test]
    fn one_client_at_a_time_goes_over() {
        let budget = Budget::new(1);
        assert!(budget.may_go_over(7) && budget.may_go_over(7));
        assert!(!budget.may_go_over(8));
        budget.give_back(8);
        assert!(!budget.may_go_over(8));
        budget.give_back(7);
        assert!(budget.may_go_over(8));
    }
}
