//! Looks every few seconds whether the links with something in flight still lead anywhere.

use std::time::Duration;

use lonc_proto::session::LinkError;
use lonc_proto::time::Instant;

use super::Driver;

/// How often, while anything is in flight.
const EVERY: Duration = Duration::from_secs(5);

/// When to look next: never while nothing is in flight, so that an idle instance sleeps on.
#[derive(Default)]
pub(super) struct Rounds(Option<Instant>);

impl Rounds {
    /// Something was put in flight.
    pub(super) fn begin(&mut self, now: Instant) {
        self.0 = Some(now + EVERY);
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.0
    }
}

impl Driver {
    /// Looks, if it is time to, and ends the links whose path is dead.
    pub(super) fn go_round(&mut self, now: Instant) {
        if self.rounds.0.is_none_or(|due| due > now) {
            return;
        }
        let mut busy = false;
        for status in self.session.status().links {
            busy |= status.oldest.is_some();
            let waiting = status.oldest.map_or(Duration::ZERO, |since| now.since(since));
            let link = self.links.get_mut(status.link);
            if let Some(death) = link.and_then(|link| link.look(waiting)) {
                let why = LinkError::PathDead(death.to_string());
                self.session.handle_failed(status.link, why, now);
            }
        }
        self.rounds.0 = busy.then(|| now + EVERY);
    }
}
