//! What the spool says, and what it is asked for.

use std::task::{Context, Poll};

use lonc_proto::time::Instant;

use super::Driver;
use crate::spool::FromSpool;

/// Bytes of delayed messages at which no more are asked for.
const MESSAGES: usize = 1024 * 1024;

impl Driver {
    /// Delayed messages, a batch at a time: as many as are sent before the next batch is here.
    pub(super) fn poll_spool(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut progress = false;
        while let Poll::Ready(Some(word)) = self.from_spool.poll_recv(cx) {
            progress = true;
            match word {
                FromSpool::Messages(messages) => {
                    self.spool.answered();
                    for (id, request) in messages {
                        self.session.handle_message(id, request, now);
                    }
                }
                FromSpool::CaughtUp => {
                    if self.spool.answered() {
                        self.session.handle_caught_up(now);
                    }
                }
                FromSpool::Fresh => self.session.handle_fell_behind(now),
                FromSpool::Removed => self.session.handle_removed(now),
                FromSpool::RemovalsSafe => self.session.handle_removals_safe(now),
                FromSpool::Stored(ticket, outcome) => self.session.handle_stored(ticket, outcome, now),
            }
        }
        let low = self.settings.link.pipeline;
        let has_few = self.session.num_messages() <= low && self.session.message_bytes() < MESSAGES;
        if !self.drain.is_on() && self.session.wants_messages() && has_few {
            self.spool.ask(2 * low);
        }
        progress
    }
}
