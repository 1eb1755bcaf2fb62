//! What goes onto which link, and what is refused.

use alloc::vec::Vec;

use super::Machine;
use crate::session::client::Client;
use crate::session::command::{Event, Lost};
use crate::session::ids::{ClientId, LinkId};
use crate::session::link::{Load, Owner};
use crate::session::status::State;
use crate::session::turns::Place;
use crate::time::Instant;

impl Machine {
    /// Gives a client its place in the ring, by what it asks and where it has requests in flight.
    pub(in crate::session) fn seat(&mut self, id: ClientId) {
        let place = self.place_of(id);
        self.turns.seat(id, place, self.now);
    }

    /// The same for one without a turn, of which most ask no more for now.
    pub(super) fn seat_if_asking(&mut self, id: ClientId) {
        if self.clients.get(id).is_some_and(|client| client.num_queued() > 0) {
            self.seat(id);
        }
    }

    pub(super) fn place_of(&mut self, id: ClientId) -> Place {
        let Some(client) = self.clients.get(id).filter(|client| client.num_queued() > 0) else {
            return Place::None;
        };
        let Some(home) = client.home() else {
            // What lonc answers itself needs neither a link nor a turn.
            let wants = self.clients.answer_locally(id, self.sparing);
            return if wants { Place::Waiting } else { Place::None };
        };
        // Elsewhere it goes on once nothing of it is in flight there.
        if client.wants_turn(self.sparing) && self.is_open(home) {
            Place::On(home)
        } else {
            Place::None
        }
    }

    /// Puts on the links what can be put there, or refuses what cannot wait.
    pub(in crate::session) fn pump(&mut self) {
        self.fill_delayed();
        self.settle_behind();
        match self.state {
            State::Connecting => self.refuse_late(),
            State::Down | State::Disabled => self.refuse(),
            State::Up => {}
            State::Idle => self.wake_up(),
        }
        if self.state == State::Up {
            self.fill();
            self.grow();
        }
        self.forget_gone();
    }

    /// Forgets those who have left and of whom nothing is left to be done.
    pub(super) fn forget_gone(&mut self) {
        while let Some(gone) = self.clients.forget_gone() {
            self.turns.clear(gone);
        }
    }

    fn fill(&mut self) {
        loop {
            while let Some((client, link)) = self.next_turn() {
                self.turns.clear(client);
                self.serve(client, link);
            }
            // Who was served may have waited too long already to wait for what is older.
            if !self.settle_behind() {
                return;
            }
        }
    }

    /// Whose turn it is, on the least busy of the links that have room for somebody.
    fn next_turn(&self) -> Option<(ClientId, LinkId)> {
        let mut best: Option<(Load, ClientId, LinkId)> = None;
        let is_shared = self.shares_with_delayed();
        for (index, link) in &self.links {
            let id = LinkId(index);
            let Some(client) = self.turns.next_for(id) else {
                continue;
            };
            let theirs = self.clients.get(client).map_or(0, Client::num_in_flight);
            let load = link.load();
            if best.is_none_or(|(least, ..)| load < least)
                && link.has_room(theirs, self.config.pipeline, self.now)
                && !self.delayed.has_reserved(id)
                && (is_shared || !self.delayed.needs(id))
            {
                best = Some((load, client, id));
            }
        }
        best.map(|(_, client, link)| (client, link))
    }

    /// It is this client's turn on this link.
    pub(super) fn serve(&mut self, client: ClientId, link: LinkId) {
        match self.clients.take_next(client) {
            None => {}
            // First in, first out: what is critical goes behind what is delayed already.
            Some(request) if request.is_critical() && self.must_wait(client) => {
                self.put_behind(client, request);
            }
            Some(request) => {
                self.note_need(link);
                if let Some(client) = self.clients.get_mut(client) {
                    client.settle_on(link);
                }
                if let Some(link) = self.links.get_mut(link.0) {
                    link.push(Owner::Client(client), request, self.now);
                }
            }
        }
        self.delayed.went_last = false;
        self.seat_if_asking(client);
    }

    /// Answers what waits that there is no link.
    fn refuse(&mut self) {
        if self.turns.waiting().next().is_some() {
            self.hasten();
        }
        while let Some(id) = self.turns.take_waiting() {
            self.refuse_those_before(id, None);
            self.seat_if_asking(id);
        }
    }

    /// Answers the same to those who have waited for a link long enough, though others may wait on. If there is one they
    /// have waited for delayed messages, and do so no longer.
    fn refuse_late(&mut self) {
        if self
            .first_to_give_up()
            .is_none_or(|first| !self.is_past(first + self.config.connect_wait))
        {
            return;
        }
        if self.any_up() {
            return self.enter(State::Up);
        }
        for id in self.turns.waiting().collect::<Vec<_>>() {
            self.refuse_those_before(id, Some(self.now));
            self.seat(id);
        }
    }

    /// Answers a client's requests whose wait is over by `end`, all without one, up to the first that is to be stored;
    /// that is, too, if there is a place.
    fn refuse_those_before(&mut self, id: ClientId, end: Option<Instant>) {
        let mut count = 0;
        while end.is_none_or(|end| self.waits_until(id).is_some_and(|until| until <= end))
            && let Some(request) = self.clients.take_next(id)
        {
            let is_to_store = self.config.spool && request.is_critical();
            if is_to_store && self.is_full() {
                self.put_behind(id, request);
                break;
            }
            count += usize::from(self.no_usable_reply(id, request));
            if is_to_store {
                break;
            }
        }
        if count > 0 {
            self.counters.never_sent += count as u64;
            self.event(Event::Unanswered {
                client: id,
                count,
                lost: Lost::NeverSent,
            });
        }
    }

    fn waits_until(&self, id: ClientId) -> Option<Instant> {
        let since = self.clients.get(id)?.waits_since()?;
        Some(since.max(self.lost_at) + self.config.connect_wait)
    }

    /// Since when the first waits of those who do for a link, where that is not since the peer was lost.
    pub(super) fn first_to_give_up(&self) -> Option<Instant> {
        if self.since <= self.lost_at {
            return None;
        }
        let waiting = self.turns.waiting().filter_map(|id| self.clients.get(id));
        let first = waiting.filter_map(Client::waits_since).min()?;
        Some(first.max(self.lost_at))
    }
}
