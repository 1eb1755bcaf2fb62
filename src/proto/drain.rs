//! The end of an instance: what it still waits for, and until when.

use core::time::Duration;

use crate::session::Session;
use crate::time::Instant;

/// How long clients get to take their last answers.
const FLUSH: Duration = Duration::from_secs(1);
/// How long the disk gets for what was left.
const STORE: Duration = Duration::from_millis(500);
/// How long replies that have arrived get to be read.
const READ: Duration = Duration::from_millis(200);

/// Once it has begun, no more clients are taken, and what is under way is finished until a deadline.
#[derive(Default)]
pub struct Drain {
    until: Option<Instant>,
    /// It was looked once whether replies have arrived that are not read.
    has_looked: bool,
    /// The deadline has passed: all that was left is answered.
    stopped: bool,
    /// The disk is waited for no longer.
    gave_up: bool,
}

impl Drain {
    /// It has begun.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.until.is_some()
    }

    /// Begins, to be over at this time.
    pub fn begin(&mut self, until: Instant) {
        self.until = Some(until);
    }

    /// Has it end as soon as can be.
    pub fn hurry(&mut self, now: Instant) {
        self.until = Some(now);
    }

    /// True once, when the session is to be stopped; a moment later where bytes of lond's lie unread.
    pub fn is_to_stop(&mut self, now: Instant, has_unread: impl FnOnce() -> bool) -> bool {
        if self.stopped || self.until.is_none_or(|until| until > now) {
            return false;
        }
        let is_first = !core::mem::replace(&mut self.has_looked, true);
        self.stopped = !(is_first && has_unread());
        // From here on it counts, also where this comes late.
        self.until = Some(if self.stopped { now } else { now + READ });
        self.stopped
    }

    /// True once, when what is not on disk by then is not waited for.
    pub fn is_to_give_up(&mut self, now: Instant) -> bool {
        let due = self.stopped && !self.gave_up && self.until.is_some_and(|until| until + STORE <= now);
        self.gave_up |= due;
        due
    }

    /// How much longer the disk is waited for in the end.
    #[must_use]
    pub fn rest(&self, now: Instant) -> Duration {
        self.until
            .map_or(FLUSH, |until| (until + FLUSH).since(now))
            .max(STORE)
    }

    /// True if nothing is left to be done, or no time.
    #[must_use]
    pub fn is_over(&self, session: &Session, now: Instant) -> bool {
        let Some(until) = self.until else {
            return false;
        };
        let flushed = self.stopped && now >= until + FLUSH;
        let sending = session.can_send() && session.num_messages() > 0;
        if session.has_critical_waiting() || (sending && !self.stopped) {
            return false;
        }
        session.num_clients() == 0 || flushed
    }

    /// When to look again.
    #[must_use]
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let until = self.until?;
        match (self.stopped, self.gave_up) {
            (false, _) => Some(until),
            (true, false) => Some(until + STORE),
            (true, true) => Some(until + FLUSH).filter(|end| *end > now),
        }
    }
}
