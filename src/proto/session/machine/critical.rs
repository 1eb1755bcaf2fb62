//! Critical requests that cannot go at once: behind what is older, or on their way to disk.
//!
//! What is critical must not overtake what is delayed, nor be overtaken by it: what was answered and may come back on
//! disk is sent again after a crash. So it waits in memory until all that is older is answered and gone for good; it is
//! stored if there is no link, or if that takes too long. Few are stored at a time, a client after the other, so that
//! nobody waits for all that another one asked.

use core::time::Duration;

use super::Machine;
use crate::request::{Request, answer};
use crate::session::client::Client;
use crate::session::command::{Command, Event};
use crate::session::delayed::{Disk, Stored, Storing, weight};
use crate::session::ids::{ClientId, Ticket};
use crate::session::status::State;
use crate::time::Instant;

/// A critical request waits so long, from when it came, for what is older than it; then it is stored.
const PATIENCE: Duration = Duration::from_secs(2);
/// Requests that are stored at a time, apart from those whose link was lost under them.
const STORES: usize = 32;
/// Storing one may take so long.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);

impl Machine {
    /// True if a critical request of this client must not go now: something older has not, or would be sent again after a
    /// crash. What others have left behind counts as well: whoever comes again may be one of them.
    pub(super) fn must_wait(&self, client: ClientId) -> bool {
        let is_behind_left = || self.clients.have_departed_unsent() && self.clients.is_here(client);
        self.config.spool && (!self.delayed.is_clear() || is_behind_left())
    }

    /// Keeps a client's critical request, just taken, until it may go or is stored.
    pub(super) fn put_behind(&mut self, client: ClientId, request: Request) {
        self.delayed.behind.push_back((client, request.arrived()));
        self.clients.wait_behind(client, request);
    }

    /// Lets those go on whose critical requests can be sent or stored now, in turn; true if there were any.
    pub(super) fn settle_behind(&mut self) -> bool {
        let (mut in_vain, mut any) = (0, false);
        while in_vain < self.delayed.behind.len()
            && let Some((id, arrived)) = self.delayed.behind.pop_front()
        {
            if self.settle_one(id, arrived) {
                (in_vain, any) = (0, true);
            } else {
                self.delayed.behind.push_back((id, arrived));
                in_vain += 1;
            }
        }
        any
    }

    /// True if this one waits no longer, or for its next request.
    fn settle_one(&mut self, id: ClientId, arrived: Instant) -> bool {
        let client = self.clients.get(id).filter(|client| client.is_behind());
        let Some(theirs) = client.map(Client::num_in_flight) else {
            return true;
        };
        // What was put back meanwhile comes before it.
        if self.is_to_be_seated(id) || self.clients.stays_behind(id).is_none() {
            self.clients.goes_on(id);
            self.seat(id);
            return true;
        }
        // Its answer must not overtake others of it.
        let is_late = self.state.refuses() || arrived + PATIENCE <= self.now;
        if !is_late || theirs > 0 {
            false
        } else if !self.is_full() {
            self.store_next(id)
        } else {
            // Nothing gets on: it is as if it had been handed to the disk when it came.
            !self.delayed.late.is_empty() && arrived + STORE_TIMEOUT <= self.now && self.fail_next(id)
        }
    }

    /// Answers what this client asks next that it could not be stored.
    fn fail_next(&mut self, id: ClientId) -> bool {
        self.with_next(id, |machine, request| machine.refuse_to_store(id, &request))
    }

    fn refuse_to_store(&mut self, client: ClientId, request: &Request) {
        self.clients.answer(client, request, request.no_reply());
        self.tell_not_stored(1, false);
    }

    /// A client goes on; if its next request is critical, too, that waits for its turn.
    fn wait_or_seat(&mut self, id: ClientId) {
        if let Some(arrived) = self.clients.stays_behind(id) {
            self.delayed.behind.push_back((id, arrived));
        } else {
            self.seat(id);
        }
    }

    /// True if one who waits behind something older is as all others now.
    fn is_to_be_seated(&self, id: ClientId) -> bool {
        match self.state {
            State::Connecting | State::Idle => true,
            State::Up => !self.must_wait(id),
            State::Down | State::Disabled => false,
        }
    }

    /// Stores what this client asks next; if what comes behind that is critical, too, it waits for its turn.
    fn store_next(&mut self, id: ClientId) -> bool {
        self.with_next(id, |machine, request| machine.store(id, request))
    }

    /// Does this with what a client asks next, which waits behind nothing any more; always true: it goes on.
    fn with_next(&mut self, id: ClientId, act: impl FnOnce(&mut Self, Request)) -> bool {
        self.clients.goes_on(id);
        if let Some(request) = self.clients.take_next(id) {
            act(self, request);
            self.wait_or_seat(id);
        } else {
            // It reads none of its answers: its turn comes when it does.
            self.seat(id);
        }
        true
    }

    /// True if no more is to be stored for now: the disk has enough, be it that nobody waits for that any more.
    pub(super) fn is_full(&self) -> bool {
        self.delayed.disk == Disk::InUse && self.delayed.num_storing() + self.delayed.late.len() >= STORES
    }

    /// When one of those who wait, or of what is being stored, will have waited too long.
    pub(super) fn critical_due(&self) -> Option<Instant> {
        let patience = match self.state {
            State::Up | State::Down | State::Disabled if self.is_full() => {
                (!self.delayed.late.is_empty()).then_some(STORE_TIMEOUT)
            }
            State::Up => Some(PATIENCE),
            State::Connecting | State::Down | State::Idle | State::Disabled => None,
        };
        // Whoever has others in flight waits for those.
        let is_alone = |client: &Client| client.num_in_flight() == 0;
        let waiting = self.delayed.behind.iter();
        let alone = waiting.filter(|(id, _)| self.clients.get(*id).is_some_and(is_alone));
        let first = alone.map(|(_, arrived)| *arrived).min();
        let patience = first.and_then(|first| Some(first + patience?));
        let storing = self
            .delayed
            .storing
            .front()
            .map(|first| first.since + STORE_TIMEOUT);
        patience.into_iter().chain(storing).min()
    }

    /// Has a critical request stored. Its place among its client's answers is kept.
    pub(super) fn store(&mut self, client: ClientId, request: Request) {
        if self.delayed.disk == Disk::GivenUp {
            return self.refuse_to_store(client, &request);
        }
        self.delayed.tickets += 1;
        let ticket = Ticket(self.delayed.tickets);
        self.clients.hold_answer(client, ticket, &request);
        self.delayed.storing.push_back(Storing {
            ticket,
            client,
            since: self.now,
            weight: weight(&request),
        });
        self.commands.push_back(Command::Store(ticket, request));
    }

    pub(in crate::session) fn stored(&mut self, ticket: Ticket, outcome: Stored) {
        if outcome == Stored::Safe {
            self.fell_behind();
        }
        let at = self.delayed.storing.iter().position(|one| one.ticket == ticket);
        let Some(storing) = at.and_then(|at| self.delayed.storing.remove(at)) else {
            self.delayed.late.retain(|late| late.ticket != ticket);
            return self.event(Event::StoredLate(outcome));
        };
        let words = match outcome {
            Stored::Safe => {
                self.counters.delayed += 1;
                answer::CON_DELAYED
            }
            Stored::Failed => {
                self.counters.not_stored += 1;
                answer::CON_FAILED
            }
        };
        self.answer_stored(&storing, words);
    }

    fn answer_stored(&mut self, storing: &Storing, words: &'static [u8]) {
        self.clients.answer_stored(storing.client, storing.ticket, words);
        self.seat(storing.client);
    }

    /// Gives up what takes too long to be stored.
    pub(super) fn end_late_stores(&mut self) {
        let now = self.now;
        self.end_stores(|one| one.since + STORE_TIMEOUT <= now);
    }

    /// Answers the first of those being stored that they are not, as long as they are over; the disk has them still.
    fn end_stores(&mut self, is_over: impl Fn(&Storing) -> bool) {
        let mut count = 0;
        while self.delayed.storing.front().is_some_and(&is_over)
            && let Some(late) = self.delayed.storing.pop_front()
        {
            self.answer_stored(&late, answer::CON_FAILED);
            self.delayed.late.push_back(late);
            count += 1;
        }
        self.tell_not_stored(count, true);
    }

    /// Waits for the disk no longer: what is not stored is answered so.
    pub(in crate::session) fn give_up_stores(&mut self) {
        self.delayed.disk = Disk::GivenUp;
        self.end_stores(|_| true);
        for (id, _) in core::mem::take(&mut self.delayed.behind) {
            self.clients.goes_on(id);
            self.seat(id);
        }
    }

    fn tell_not_stored(&mut self, count: usize, is_handed_in: bool) {
        if count > 0 {
            self.counters.not_stored += count as u64;
            self.event(Event::NotStored { count, is_handed_in });
        }
    }
}
