//! A client that has left: what is critical of what it asked still goes.

use alloc::collections::VecDeque;

use super::{Client, Front};
use crate::request::Request;
use crate::session::PER_REQUEST;
use crate::session::command::Answers;

/// Whether it is still there to take answers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Here,
    /// It has left, and what is critical still goes.
    LeftCritical,
    /// It has left, and nothing more goes.
    Left,
}

impl Client {
    /// It has left. Of what it asked only what is critical still goes, if that is to be kept.
    pub(in crate::session) fn depart(&mut self, keeps_critical: bool) {
        self.presence = if keeps_critical {
            Presence::LeftCritical
        } else {
            Presence::Left
        };
        // What is dropped stays accounted for: its memory is shared with what came beside it.
        let mut critical = VecDeque::new();
        while let Some(front) = self.front() {
            match front {
                Front::Forward => {
                    let Some(next) = self.take_ready() else { break };
                    critical.extend(Some(next).filter(|next| self.keeps(next)));
                }
                Front::Local(_, len) | Front::Aside(.., len) => self.pass_line(len),
            }
        }
        self.queued = critical.len();
        self.ready = critical;
        self.held_answers.drop_answers();
        self.answers = Answers::default();
        (self.unread, self.limit, self.held) = (0, usize::MAX, false);
    }

    pub(in crate::session) fn has_departed(&self) -> bool {
        self.presence != Presence::Here
    }

    /// True if this is still to go.
    pub(super) fn keeps(&self, request: &Request) -> bool {
        match self.presence {
            Presence::Here => true,
            Presence::LeftCritical => request.is_critical(),
            Presence::Left => false,
        }
    }

    /// True if it has left and something of it is to go that is not in flight.
    pub(in crate::session) fn has_left_unsent(&self) -> bool {
        self.has_departed() && self.queued > 0
    }

    /// True if it has left and nothing of it is left to be done: what is in flight is for nobody.
    pub(in crate::session) fn is_gone(&self) -> bool {
        match self.presence {
            Presence::Here => false,
            Presence::LeftCritical => self.queued == 0 && self.in_flight == 0 && self.held_answers.is_empty(),
            Presence::Left => true,
        }
    }

    /// Bytes kept for it that nobody else accounts for: answers that cannot be handed out yet and, once it has left, its
    /// requests.
    pub(in crate::session) fn weight(&self) -> usize {
        let requests = if self.has_departed() {
            self.owed + (self.queued + self.in_flight) * PER_REQUEST
        } else {
            0
        };
        self.held_answers.bytes() + requests
    }
}
