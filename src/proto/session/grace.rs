//! Time for what has arrived, and was not read when a deadline came.

use core::time::Duration;

use crate::time::Instant;

/// How long what is due waits where bytes of lond's lie unread. What lay there is read in a moment; the rest of a long
/// reply, which had no room there, comes right behind.
const GRACE: Duration = Duration::from_secs(1);

/// Puts off what is due, each deadline once, so that a lond that never stops talking gains nothing but that.
#[derive(Clone, Copy, Default)]
pub(super) struct Grace {
    /// When it was given, and until when.
    given: Instant,
    until: Instant,
}

impl Grace {
    /// Puts off what is `due` by now.
    pub(super) fn give(&mut self, due: Option<Instant>, now: Instant) {
        if due.is_some_and(|due| self.given < due && due <= now) {
            (self.given, self.until) = (now, now + GRACE);
        }
    }

    /// When that is heeded which is `due` then: all that had passed when it was given, and nothing that comes later, is
    /// put off.
    pub(super) fn heeded(self, due: Instant) -> Instant {
        if due <= self.given { self.until } else { due }
    }
}
