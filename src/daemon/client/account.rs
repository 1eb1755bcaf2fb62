//! What one client holds, for its task and for the driver.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use super::budget::Budget;

/// What a client may hold whatever the others do.
pub(crate) const RESERVE: usize = 64 * 1024;
/// Who has more than the reserve to take is slow if it takes less than its share of that for so long. A socket of the
/// kernel's default size tells of what was read in steps of some 160 kB: who reads no faster than that is to show it.
const PATIENCE: Duration = Duration::from_secs(3);
/// The share of what it has to take, but the reserve at least: who goes on so has all in half a minute.
const SHARE: usize = 10;
/// For [`Account::slow_since`].
const NEVER: u64 = u64::MAX;

/// On account of one client; all that is on it leaves the budget with the last who has it.
pub(crate) struct Account {
    budget: Arc<Budget>,
    /// Bytes of its line that is not complete, and of its requests without an answer.
    requests: AtomicUsize,
    /// A request of it has no answer yet.
    is_asking: AtomicBool,
    /// Bytes of answers that it has not taken.
    answers: AtomicUsize,
    /// It has yet to take so many from `slow_since` on, for not to be slow.
    to_take: AtomicUsize,
    /// Since when it has more than the reserve to take and took less than its share, in milliseconds of the budget's
    /// clock.
    slow_since: AtomicU64,
}

impl Account {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget,
            requests: AtomicUsize::new(0),
            is_asking: AtomicBool::new(false),
            answers: AtomicUsize::new(0),
            to_take: AtomicUsize::new(0),
            slow_since: AtomicU64::new(NEVER),
        }
    }

    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Bytes that it holds.
    pub(crate) fn held(&self) -> usize {
        self.requests.load(Relaxed) + self.num_answers()
    }

    /// Bytes of answers that it has not taken.
    pub(crate) fn num_answers(&self) -> usize {
        self.answers.load(Relaxed)
    }

    /// True if there is something it waits for, or has not taken.
    pub(crate) fn is_owed(&self) -> bool {
        self.is_asking.load(Relaxed) || self.num_answers() > 0
    }

    pub(super) fn set_asking(&self, is_asking: bool) {
        self.is_asking.store(is_asking, Relaxed);
    }

    pub(super) fn set_requests(&self, now: usize) {
        let before = self.requests.swap(now, Relaxed);
        if before != now {
            self.budget.requests(before, now);
        }
    }

    /// So many bytes of answers are on their way to it.
    pub(crate) fn owes(&self, bytes: usize) {
        let before = self.answers.fetch_add(bytes, Relaxed);
        self.budget.answers(before, before + bytes);
        if before + bytes > RESERVE && self.slow_since.load(Relaxed) == NEVER {
            self.begin();
        }
    }

    /// It took so many.
    pub(super) fn took(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let before = self.answers.load(Relaxed);
        let now = before.saturating_sub(bytes);
        self.answers.store(now, Relaxed);
        self.budget.answers(before, now);
        if now <= RESERVE {
            self.slow_since.store(NEVER, Relaxed);
        } else if self.to_take.load(Relaxed) <= bytes {
            self.begin();
        } else {
            self.to_take.fetch_sub(bytes, Relaxed);
        }
    }

    fn begin(&self) {
        let share = (self.num_answers() / SHARE).max(RESERVE);
        self.to_take.store(share, Relaxed);
        self.slow_since.store(self.budget.milliseconds(), Relaxed);
    }

    /// True if it does not take what it could.
    pub(crate) fn is_slow(&self) -> bool {
        let since = self.slow_since.load(Relaxed);
        let slow = self.budget.milliseconds().saturating_sub(since);
        u128::from(slow) >= PATIENCE.as_millis()
    }

    /// It holds nothing any more.
    pub(crate) fn close(&self) {
        self.set_requests(0);
        let answers = self.answers.swap(0, Relaxed);
        self.budget.answers(answers, 0);
        self.slow_since.store(NEVER, Relaxed);
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_takes_less_than_the_reserve_in_its_time_is_slow() {
        let account = Account::new(Arc::new(Budget::new(1, 1)));
        account.owes(RESERVE);
        tokio::time::advance(PATIENCE).await;
        assert!(!account.is_slow());
        account.owes(3 * RESERVE);
        tokio::time::advance(PATIENCE).await;
        assert!(account.is_slow());
        account.took(RESERVE - 1);
        assert!(account.is_slow());
        account.took(1);
        assert!(!account.is_slow());
        tokio::time::advance(PATIENCE).await;
        assert!(account.is_slow());
        account.took(RESERVE);
        account.took(RESERVE);
        tokio::time::advance(PATIENCE).await;
        assert!(!account.is_slow());
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_much_to_take_is_slow_at_a_pace_that_would_do_for_less() {
        const STEP: usize = 160 * 1024;
        let nearly = PATIENCE.mul_f64(0.9);
        for (megabytes, is_slow) in [(1, false), (20, true)] {
            let account = Account::new(Arc::new(Budget::new(1, 1)));
            account.owes(megabytes << 20);
            tokio::time::advance(nearly).await;
            account.took(STEP);
            assert!(!account.is_slow(), "{megabytes} MB");
            tokio::time::advance(nearly).await;
            assert_eq!(account.is_slow(), is_slow, "{megabytes} MB");
        }
    }

    #[test]
    fn nothing_is_left_of_who_is_gone() {
        let budget = Arc::new(Budget::new(100, 1));
        let account = Account::new(budget.clone());
        account.set_requests(5);
        account.owes(7);
        assert_eq!((account.held(), budget.used()), (12, 12));
        drop(account);
        assert_eq!(budget.used(), 0);
    }
}
