//! An administrator wants no link to the peer: what is in flight is finished, as at a stop, and all else refused.

use super::Machine;
use crate::session::error::LinkError;
use crate::session::status::State;
use crate::time::Instant;

impl Machine {
    /// Lets each link end as soon as nothing is in flight on it; what waits is answered, or stored, at once.
    pub(super) fn disable(&mut self) {
        self.demand.forget();
        for id in self.links_that(|link| !link.retiring) {
            self.retire(id);
        }
        self.enter(State::Disabled);
    }

    /// When what is in flight still has had time enough.
    pub(super) fn disabled_due(&self) -> Option<Instant> {
        let is_due = self.state == State::Disabled && !self.links.is_empty();
        is_due.then(|| self.since + self.config.drain_timeout)
    }

    /// Ends the links that had time enough.
    pub(super) fn end_disabled(&mut self) {
        if self.disabled_due().is_some_and(|due| due <= self.now) {
            for id in self.links_that(|_| true) {
                self.end_link(id, LinkError::Disabled);
            }
        }
    }
}
