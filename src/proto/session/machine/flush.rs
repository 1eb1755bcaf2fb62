//! What the machine does with delayed messages.

use alloc::collections::VecDeque;

use super::Machine;
use crate::request::Request;
use crate::session::command::{Command, Event};
use crate::session::delayed::weight;
use crate::session::ids::{LinkId, MessageId};
use crate::session::link::{Link, Owner};
use crate::session::status::State;

impl Machine {
    pub(in crate::session) fn message(&mut self, id: MessageId, request: Request) {
        self.delayed.bytes += weight(&request);
        self.delayed.queue.push_back((id, request));
    }

    pub(in crate::session) fn wants_messages(&self) -> bool {
        !self.delayed.caught_up && !self.stopped && self.any_up()
    }

    pub(in crate::session) fn withdraw(&mut self, id: MessageId) -> bool {
        let Some(at) = self.delayed.queue.iter().position(|(one, _)| *one == id) else {
            return false;
        };
        if let Some((_, request)) = self.delayed.queue.remove(at) {
            self.delayed.bytes -= weight(&request);
        }
        // Suspects are the first in the queue, behind those in flight.
        if at + self.delayed.in_flight < self.delayed.suspects {
            self.clear_of_suspicion();
        }
        self.delayed.failures = self.delayed.failures.filter(|(one, _)| *one != id);
        self.settle_flush();
        true
    }

    pub(in crate::session) fn caught_up(&mut self) {
        self.delayed.caught_up = true;
        self.delayed.fresh = false;
        self.settle_flush();
    }

    pub(in crate::session) fn fell_behind(&mut self) {
        self.delayed.caught_up = false;
        self.delayed.fresh = true;
    }

    pub(in crate::session) fn removed(&mut self) {
        let removals = &mut self.delayed.removals;
        removals.to_come = removals.to_come.saturating_sub(1);
        removals.may_come_back = true;
    }

    pub(in crate::session) fn removals_safe(&mut self) {
        self.delayed.removals.may_come_back = false;
        self.settle_flush();
    }

    /// Puts delayed messages on one open link, the least busy when they begin.
    pub(super) fn fill_delayed(&mut self) {
        if self.delayed.queue.is_empty() {
            return;
        }
        let suspected = self.delayed.suspects > 0;
        if self.delayed.in_flight == 0 {
            let reserved = self.delayed.link.filter(|id| suspected && self.is_open(*id));
            let is_free = |link: &Link| link.is_open() && !link.is_stalled(self.now);
            let open = self.links.iter().filter(|(_, link)| is_free(link));
            let idlest = open.min_by_key(|(_, link)| link.load()).map(|(id, _)| LinkId(id));
            self.delayed.link = reserved.or(idlest);
        }
        let Some(id) = self.delayed.link else { return };
        // Where one of several suspects is to go no client has a turn, nor where they have a link of their own.
        let takes_turns = self.state == State::Up && !suspected && self.shares_with_delayed();
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        let together = if suspected { 1 } else { self.config.pipeline };
        if suspected && self.delayed.in_flight == 0 && !link.is_idle() {
            // What is on the link already could be to blame as well.
            return;
        }
        if self.delayed.is_last_try(self.config.max_attempts) && !link.has_replied() {
            // Before a message is given up, the link must have carried something else.
            if link.is_idle() {
                link.push(Owner::Probe, Request::probe(), self.now);
            }
            return;
        }
        // No more than these can come a second time after a crash.
        while !(takes_turns && self.delayed.went_last && self.turns.next_for(id).is_some())
            && self.delayed.in_flight + self.delayed.removals.to_come < together
            && link.has_room(self.delayed.in_flight, self.config.pipeline, self.now)
        {
            let Some((message, request)) = self.delayed.queue.pop_front() else {
                break;
            };
            self.delayed.in_flight += 1;
            self.delayed.went_last = true;
            link.needed = self.now;
            link.push(Owner::Delayed(message), request, self.now);
        }
    }

    /// True if clients may be put on the link that delayed messages go over: they have one of their own as long as there is
    /// another on which anybody gets on.
    pub(super) fn shares_with_delayed(&self) -> bool {
        let gets_on = |link: &Link| link.is_open() && !link.is_stalled(self.now);
        let mut others = self
            .links
            .iter()
            .filter(|(id, _)| self.delayed.link != Some(LinkId(*id)));
        self.delayed.num() == 0 || !others.any(|(_, link)| gets_on(link))
    }

    /// A delayed message was answered. Any answer but an empty one counts as delivered.
    pub(super) fn delayed_answered(&mut self, id: MessageId, request: Request, empty: bool) {
        self.delayed.in_flight = self.delayed.in_flight.saturating_sub(1);
        if empty {
            self.blame(id, request);
        } else {
            self.clear_of_suspicion();
            self.counters.delivered += 1;
            self.delayed.bytes -= weight(&request);
            self.delayed.removals.to_come += 1;
            self.commands.push_back(Command::Delivered(id));
        }
        self.settle_flush();
    }

    /// The link ended while these were in flight on it, `written` of them at least in part, with or without other
    /// requests. All are sent again, but the one that is to blame too often.
    pub(super) fn delayed_lost(&mut self, lost: VecDeque<(MessageId, Request)>, written: usize, alone: bool) {
        if lost.is_empty() {
            return;
        }
        self.delayed.in_flight = 0;
        self.delayed.suspects = self.delayed.suspects.max(written);
        let blamed = written == 1 && alone;
        for (index, (id, request)) in lost.into_iter().enumerate().rev() {
            if index == 0 && blamed {
                self.blame(id, request);
            } else {
                self.delayed.put_back(id, request);
            }
        }
    }

    /// A message has failed once more, and nothing else can be the cause.
    fn blame(&mut self, id: MessageId, request: Request) {
        let attempts = 1 + self.delayed.failures_of(id);
        if attempts < self.config.max_attempts {
            self.delayed.failures = Some((id, attempts));
            // Those in flight with it may be no better, and must not take its turn.
            self.delayed.suspects = self.delayed.suspects.max(1 + self.delayed.in_flight);
            self.delayed.put_back(id, request);
            return;
        }
        self.clear_of_suspicion();
        self.delayed.bytes -= weight(&request);
        self.event(Event::Poison { attempts });
        self.commands.push_back(Command::SetAside(id));
    }

    fn clear_of_suspicion(&mut self) {
        self.delayed.suspects = self.delayed.suspects.saturating_sub(1);
    }

    /// Lets the clients in once the delayed messages are through.
    pub(super) fn settle_flush(&mut self) {
        if self.delayed.num() == 0 {
            self.delayed.through_at = self.now;
        }
        let flushed = !self.config.spool || self.delayed.is_flushed();
        if self.state != State::Up && flushed && self.any_up() {
            self.enter(State::Up);
        }
    }
}
