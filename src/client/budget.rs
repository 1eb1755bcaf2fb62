//! What all clients together may keep in memory.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use tokio::sync::Notify;

/// Nobody may go over the budget just now.
const NOBODY: usize = 0;

/// Bytes that clients hold: lines not complete, requests not answered, answers not taken.
///
/// One client at a time may go over, to complete its line: else a few large lines, none of them complete, could
/// wait for each other forever.
pub(crate) struct Budget {
    used: AtomicUsize,
    limit: AtomicUsize,
    over: AtomicUsize,
    freed: Notify,
}

impl Budget {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            used: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
            over: NOBODY.into(),
            freed: Notify::new(),
        }
    }

    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Relaxed);
        self.freed.notify_waiters();
    }

    /// A client holds `now` bytes where it held `before`.
    pub(crate) fn settle(&self, before: usize, now: usize) {
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
        let holder = self.over.compare_exchange(NOBODY, client, Relaxed, Relaxed);
        holder.is_ok() || holder == Err(client)
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
        budget.settle(0, 99);
        assert!(!budget.is_spent());
        budget.settle(99, 100);
        assert!(budget.is_spent());
        budget.settle(100, 3);
        assert!(!budget.is_spent());
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
