//! What may be kept in memory for all clients together.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// Nobody may go over the budget just now.
const NOBODY: usize = 0;
/// Who may go over the budget and has sent nothing for so long loses that to the next who needs it.
pub(crate) const STALL: Duration = Duration::from_secs(5);

/// Every byte that is kept for somebody, from its reading to its writing or its sync.
///
/// When it is spent no client is read beyond its small reserve, but one, to complete its line: else a few large lines,
/// none of them complete, could wait for each other forever. In the same way one link at a time goes on with a large
/// reply; that is the driver's business.
pub(crate) struct Budget {
    /// Lines of clients that are not complete, and requests without an answer.
    requests: AtomicUsize,
    /// Answers that clients have not taken.
    answers: AtomicUsize,
    /// Replies that have come in part.
    replies: AtomicUsize,
    /// What the session keeps beside these.
    kept: AtomicUsize,
    limit: AtomicUsize,
    /// Beyond the limit there may be so many bytes of answers and replies.
    largest_reply: AtomicUsize,
    over: AtomicUsize,
    /// When the one that may go over last sent something, in milliseconds since `origin`.
    touched: AtomicU64,
    origin: Instant,
    freed: Notify,
}

impl Budget {
    /// One of so many bytes; a reply may have `largest_reply`.
    pub(crate) fn new(limit: usize, largest_reply: usize) -> Self {
        Self {
            requests: AtomicUsize::new(0),
            answers: AtomicUsize::new(0),
            replies: AtomicUsize::new(0),
            kept: AtomicUsize::new(0),
            limit: AtomicUsize::new(limit),
            largest_reply: AtomicUsize::new(largest_reply),
            over: NOBODY.into(),
            touched: AtomicU64::new(0),
            origin: Instant::now(),
            freed: Notify::new(),
        }
    }

    pub(crate) fn set_limits(&self, limit: usize, largest_reply: usize) {
        self.limit.store(limit, Relaxed);
        self.largest_reply.store(largest_reply, Relaxed);
        self.freed.notify_waiters();
    }

    /// A client holds `now` bytes of requests where it held `before`.
    pub(super) fn requests(&self, before: usize, now: usize) {
        self.change(&self.requests, before, now);
    }

    /// The same, of answers.
    pub(super) fn answers(&self, before: usize, now: usize) {
        self.change(&self.answers, before, now);
    }

    /// So much has come of replies that are not complete, and so much the session keeps beside.
    pub(crate) fn set_others(&self, replies: usize, kept: usize) {
        self.change(&self.replies, self.replies.load(Relaxed), replies);
        self.change(&self.kept, self.kept.load(Relaxed), kept);
    }

    fn change(&self, part: &AtomicUsize, before: usize, now: usize) {
        if now >= before {
            part.fetch_add(now - before, Relaxed);
            return;
        }
        let was_spent = self.is_spent();
        part.fetch_sub(before - now, Relaxed);
        if was_spent && !self.is_spent() {
            self.freed.notify_waiters();
        }
    }

    /// Bytes that are kept.
    pub(crate) fn used(&self) -> usize {
        let parts = [&self.requests, &self.answers, &self.replies, &self.kept];
        parts.iter().map(|part| part.load(Relaxed)).sum()
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.used() >= self.limit()
    }

    /// True if answers, and replies on their way, are as many as may be: those who do not take theirs are to go.
    pub(crate) fn is_overdrawn(&self) -> bool {
        let answers = self.answers.load(Relaxed) + self.replies.load(Relaxed);
        answers >= self.limit() + self.largest_reply.load(Relaxed)
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

    /// Since the budget was made.
    pub(super) fn milliseconds(&self) -> u64 {
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
        let budget = Budget::new(100, 50);
        budget.requests(0, 90);
        budget.answers(0, 9);
        assert!(!budget.is_spent());
        budget.set_others(0, 1);
        assert!(budget.is_spent() && !budget.is_overdrawn());
        budget.requests(90, 3);
        assert_eq!((budget.is_spent(), budget.used()), (false, 13));
        budget.set_others(141, 0);
        assert!(budget.is_overdrawn());
        budget.set_limits(100, 51);
        assert!(!budget.is_overdrawn());
    }

    #[tokio::test(start_paused = true)]
    async fn who_stalls_loses_the_right_to_go_over() {
        let budget = Budget::new(1, 1);
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
        let budget = Budget::new(1, 1);
        assert!(budget.may_go_over(7) && budget.may_go_over(7));
        assert!(!budget.may_go_over(8));
        budget.give_back(8);
        assert!(!budget.may_go_over(8));
        budget.give_back(7);
        assert!(budget.may_go_over(8));
    }
}
