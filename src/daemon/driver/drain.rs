//! The end of an instance: what it still waits for, and until when.

use std::time::Duration;

use lonc_proto::session::Session;
use lonc_proto::time::Instant;

/// How long clients get to take their last answers.
const FLUSH: Duration = Duration::from_secs(1);

/// Once it has begun, no more clients are taken, and what is under way is finished until a deadline.
#[derive(Default)]
pub(super) struct Drain {
    until: Option<Instant>,
    /// The deadline has passed: all that was left is answered.
    stopped: bool,
    /// Not to wait for the disk either.
    hurried: bool,
}

impl Drain {
    pub(super) fn is_on(&self) -> bool {
        self.until.is_some()
    }

    pub(super) fn begin(&mut self, until: Instant) {
        self.until = Some(until);
    }

    /// Has it end as soon as can be.
    pub(super) fn hurry(&mut self, now: Instant) {
        self.until = Some(now);
        self.hurried = true;
    }

    /// True once, when the session is to be stopped.
    pub(super) fn is_to_stop(&mut self, now: Instant) -> bool {
        let due = !self.stopped && self.until.is_some_and(|until| until <= now);
        self.stopped |= due;
        due
    }

    pub(super) fn is_over(&self, session: &Session, now: Instant) -> bool {
        let Some(until) = self.until else {
            return false;
        };
        let flushed = self.stopped && now >= until + FLUSH;
        if self.hurried && flushed {
            return true;
        }
        let sending = session.can_send() && session.num_messages() > 0;
        if session.num_storing() > 0 || (sending && !self.stopped) {
            return false;
        }
        session.num_clients() == 0 || flushed
    }

    /// When to look again. Once all deadlines have passed it is the disk that is waited for, and not the time.
    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        let until = self.until?;
        if self.stopped {
            Some(until + FLUSH).filter(|end| *end > now)
        } else {
            Some(until)
        }
    }
}
