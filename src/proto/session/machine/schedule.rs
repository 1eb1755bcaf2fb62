//! What goes onto which link, and what is refused.

use alloc::vec::Vec;

use super::Machine;
use crate::session::client::Client;
use crate::session::command::{Event, Lost};
use crate::session::ids::{ClientId, LinkId};
use crate::session::link::{Link, Owner};
use crate::session::status::State;
use crate::session::turns::Place;
use crate::time::Instant;

impl Machine {
    /// Gives a client its place in the ring, by what it asks and where it has requests in flight.
    pub(super) fn seat(&mut self, id: ClientId) {
        let place = self.place_of(id);
        self.turns.seat(id, place, self.now);
    }

    pub(super) fn place_of(&mut self, id: ClientId) -> Place {
        let Some(client) = self.clients.get_mut(id) else {
            return Place::None;
        };
        if client.num_in_flight() == 0 {
            // What lonc answers itself needs neither a link nor a turn.
            self.clients.answer_locally(id);
        }
        let sparing = self.sparing;
        let Some(client) = self
            .clients
            .get_mut(id)
            .filter(|client| client.wants_turn(sparing))
        else {
            return Place::None;
        };
        match client.home() {
            None => Place::Waiting,
            Some(link) if self.is_open(link) => Place::On(link),
            // It goes on elsewhere once nothing of it is in flight there.
            Some(_) => Place::None,
        }
    }

    /// Puts on the links what can be put there, or refuses what cannot wait.
    pub(in crate::session) fn pump(&mut self) {
        self.take_back_stalled();
        self.wake_up();
        self.fill_delayed();
        match self.state {
            State::Connecting => self.refuse_late(),
            State::Down => self.refuse(),
            State::Up => {
                self.fill();
                self.grow();
            }
            State::Idle => {}
        }
        self.retire_unneeded();
    }

    fn fill(&mut self) {
        while let Some(link) = self.roomiest() {
            let Some(client) = self.turns.take_for(link) else {
                return;
            };
            self.serve(client, link);
        }
    }

    /// Of the links that have room for somebody whose turn it is the least busy one.
    fn roomiest(&self) -> Option<LinkId> {
        let is_roomy = |id: LinkId, link: &Link| {
            let next = self
                .turns
                .next_for(id)
                .and_then(|client| self.clients.get(client));
            next.is_some_and(|client| {
                link.has_room(client.num_in_flight(), self.config.pipeline, self.now)
                    && !self.delayed.has_reserved(id)
            })
        };
        let links = self.links.iter().map(|(index, link)| (LinkId(index), link));
        let roomy = links.filter(|(id, link)| is_roomy(*id, link));
        roomy
            .min_by_key(|(_, link)| link.num_in_flight())
            .map(|(id, _)| id)
    }

    /// It is this client's turn on this link.
    fn serve(&mut self, client: ClientId, link: LinkId) {
        match self.clients.take_next(client) {
            None => {}
            // First in, first out: what is critical goes behind what is delayed already.
            Some(request) if request.is_critical() && self.must_store() => {
                if let Some(request) = self.clients.hold_back(client, request) {
                    self.store(client, request);
                }
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
        self.seat(client);
    }

    /// Answers what waits that there is no link.
    fn refuse(&mut self) {
        while let Some(id) = self.turns.take_waiting() {
            self.refuse_those_before(id, None);
        }
    }

    /// Answers the same to those who have waited for a link long enough, though others may wait on.
    fn refuse_late(&mut self) {
        if self
            .first_to_give_up()
            .is_none_or(|first| first + self.config.connect_wait > self.now)
        {
            return;
        }
        for id in self.turns.waiting().collect::<Vec<_>>() {
            self.refuse_those_before(id, Some(self.now));
            self.seat(id);
        }
    }

    /// Answers a client's requests whose wait is over by `end`; all without one.
    fn refuse_those_before(&mut self, id: ClientId, end: Option<Instant>) {
        let mut count = 0;
        while end.is_none_or(|end| self.waits_until(id).is_some_and(|until| until <= end))
            && let Some(request) = self.clients.take_next(id)
        {
            count += usize::from(self.no_usable_reply(id, request));
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
