//! The peer's delayed messages, and critical requests on their way to disk.
//!
//! Delayed messages go over one link, in order, before anything of a client when a link comes up. The driver hands
//! them in; each is reported once: delivered, or to be set aside because it breaks the link whenever it is sent.

use alloc::collections::VecDeque;

use super::command::{Command, Event};
use super::ids::{ClientId, LinkId, MessageId, Ticket};
use super::link::Owner;
use super::machine::Machine;
use super::status::State;
use crate::request::{Request, answer};

/// How storing a critical request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is on disk, and will be there after a crash.
    Safe,
    /// It is not.
    Failed,
}

#[derive(Default)]
pub(super) struct Delayed {
    /// Not in flight.
    queue: VecDeque<(MessageId, Request)>,
    in_flight: usize,
    /// Answered, but still on disk as far as is known: after a crash they are sent again.
    removing: usize,
    link: Option<LinkId>,
    /// So many of the first are sent one by one: the link broke while they were in flight together.
    suspects: usize,
    /// Times in a row that the link broke while this one was alone on it, or that its answer was empty.
    failures: Option<(MessageId, u32)>,
    /// Nothing is on disk that was not handed in.
    caught_up: bool,
    tickets: u64,
    /// Requests being stored, and whose they are.
    storing: VecDeque<(Ticket, ClientId)>,
}

impl Delayed {
    /// Messages handed in and not reported yet.
    pub(super) fn num(&self) -> usize {
        self.queue.len() + self.in_flight
    }

    /// Requests that are being stored.
    pub(super) fn num_storing(&self) -> usize {
        self.storing.len()
    }

    /// True if a critical request may go to the peer directly: nothing older waits.
    fn is_clear(&self) -> bool {
        self.caught_up && self.num() == 0 && self.storing.is_empty()
    }

    /// Queues a message again, in its old place.
    fn put_back(&mut self, id: MessageId, request: Request) {
        let at = self.queue.partition_point(|(other, _)| *other < id);
        self.queue.insert(at, (id, request));
    }

    fn failures_of(&self, id: MessageId) -> u32 {
        self.failures
            .filter(|(one, _)| *one == id)
            .map_or(0, |(_, count)| count)
    }

    /// The one that broke its link, alone on it, and how often in a row.
    pub(super) fn failing(&self) -> Option<(MessageId, u32)> {
        self.failures
    }

    /// True if the next message is set aside should it fail once more.
    fn is_last_try(&self, most: u32) -> bool {
        let first = self.queue.front();
        first.is_some_and(|(id, _)| self.failures_of(*id) + 1 >= most)
    }

    /// True if nothing else may be put on this link: one of several suspects is about to be sent, or is sent, alone.
    pub(super) fn has_reserved(&self, id: LinkId) -> bool {
        self.suspects > 0 && self.num() > 0 && self.link == Some(id)
    }
}

impl Machine {
    pub(super) fn message(&mut self, id: MessageId, request: Request) {
        self.delayed.queue.push_back((id, request));
    }

    pub(super) fn wants_messages(&self) -> bool {
        !self.delayed.caught_up && !self.stopped && self.any_up()
    }

    pub(super) fn withdraw(&mut self, id: MessageId) -> bool {
        let Some(at) = self.delayed.queue.iter().position(|(one, _)| *one == id) else {
            return false;
        };
        self.delayed.queue.remove(at);
        // Suspects are the first in the queue, behind those in flight.
        if at + self.delayed.in_flight < self.delayed.suspects {
            self.clear_of_suspicion();
        }
        self.delayed.failures = self.delayed.failures.filter(|(one, _)| *one != id);
        self.settle_flush();
        true
    }

    pub(super) fn caught_up(&mut self) {
        self.delayed.caught_up = true;
        self.settle_flush();
    }

    pub(super) fn fell_behind(&mut self) {
        self.delayed.caught_up = false;
    }

    pub(super) fn removed(&mut self) {
        self.delayed.removing = self.delayed.removing.saturating_sub(1);
    }

    pub(super) fn stored(&mut self, ticket: Ticket, outcome: Stored) {
        let Some(at) = self.delayed.storing.iter().position(|(one, _)| *one == ticket) else {
            return;
        };
        let Some((_, client)) = self.delayed.storing.remove(at) else {
            return;
        };
        let words = match outcome {
            Stored::Safe => {
                self.delayed.caught_up = false;
                self.counters.delayed += 1;
                answer::CON_DELAYED
            }
            Stored::Failed => answer::CON_FAILED,
        };
        self.clients.answer_stored(client, ticket, words);
        self.seat(client);
    }

    /// True if a critical request must not go to the peer directly: something older waits.
    pub(super) fn must_store(&self) -> bool {
        self.config.spool && !self.delayed.is_clear()
    }

    /// Has a critical request stored. Its place among its client's answers is kept.
    pub(super) fn store(&mut self, client: ClientId, request: Request) {
        self.delayed.tickets += 1;
        let ticket = Ticket(self.delayed.tickets);
        self.clients.hold_answer(client, ticket, &request);
        self.delayed.storing.push_back((ticket, client));
        self.commands.push_back(Command::Store(ticket, request));
    }

    /// Puts delayed messages on one open link, the least busy when they begin.
    pub(super) fn fill_delayed(&mut self) {
        if self.delayed.queue.is_empty() {
            return;
        }
        let suspected = self.delayed.suspects > 0;
        if self.delayed.in_flight == 0 {
            let reserved = self.delayed.link.filter(|id| suspected && self.is_open(*id));
            let open = self.links.iter().filter(|(_, link)| link.is_open());
            let idlest = open
                .min_by_key(|(_, link)| link.num_in_flight())
                .map(|(id, _)| LinkId(id));
            self.delayed.link = reserved.or(idlest);
        }
        let Some(id) = self.delayed.link else { return };
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
        while self.delayed.in_flight + self.delayed.removing < together && link.has_room(self.config.pipeline)
        {
            let Some((message, request)) = self.delayed.queue.pop_front() else {
                break;
            };
            self.delayed.in_flight += 1;
            link.push(Owner::Delayed(message), request, self.now);
        }
    }

    /// A delayed message was answered. Any answer but an empty one counts as delivered.
    pub(super) fn delayed_answered(&mut self, id: MessageId, request: Request, empty: bool) {
        self.delayed.in_flight = self.delayed.in_flight.saturating_sub(1);
        if empty {
            self.blame(id, request);
        } else {
            self.clear_of_suspicion();
            self.counters.delivered += 1;
            self.delayed.removing += 1;
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
        self.event(Event::Poison { attempts });
        self.commands.push_back(Command::SetAside(id));
    }

    fn clear_of_suspicion(&mut self) {
        self.delayed.suspects = self.delayed.suspects.saturating_sub(1);
    }

    /// Lets the clients in once the delayed messages are through.
    pub(super) fn settle_flush(&mut self) {
        let flushed = !self.config.spool || (self.delayed.caught_up && self.delayed.num() == 0);
        if self.state != State::Up && flushed && self.any_up() {
            self.enter(State::Up);
        }
    }
}
