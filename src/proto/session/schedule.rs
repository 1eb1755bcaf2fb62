//! Whose request goes next, and onto which link.

use alloc::vec::Vec;

use super::Session;
use super::command::{Event, Lost};
use super::ids::{ClientId, LinkId};
use super::link::Owner;
use super::status::State;
use crate::time::Instant;

impl Session {
    /// Puts a client where its turn will come, if a request of it can be taken now.
    ///
    /// While it has requests in flight it stays on their link, so that it reads its own writes.
    pub(super) fn list(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(id).filter(|client| client.asks()) else {
            return;
        };
        if client.in_flight == 0 {
            // What lonc answers itself needs neither a link nor a turn.
            self.clients.settle(id);
        }
        let Some(client) = self.clients.get_mut(id) else {
            return;
        };
        if client.listed || !client.wants_turn(self.sparing) {
            return;
        }
        if client.in_flight == 0 {
            client.listed = true;
            self.clients.await_link(id);
        } else if let Some(link) = client.link.and_then(|link| self.links.get_mut(link.0))
            && link.is_open()
        {
            client.listed = true;
            link.turns.push_back(id);
        }
    }

    /// Lists a client anew that has just been taken off a list.
    pub(super) fn relist(&mut self, id: ClientId) {
        if let Some(client) = self.clients.get_mut(id) {
            client.listed = false;
            self.list(id);
        }
    }

    /// Puts on the links what can be put there, or refuses what cannot wait.
    pub(super) fn pump(&mut self, now: Instant) {
        self.fill_delayed(now);
        match self.state {
            State::Connecting => {}
            State::Down => self.refuse(),
            State::Up => {
                self.clear_reserved();
                self.assign();
                for id in self.link_ids() {
                    self.fill(id, now);
                }
            }
        }
    }

    /// Lists those anew whose turn was to come on this link: who need not stay on it may go to another.
    pub(super) fn relist_turns(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(id.0) {
            for client in core::mem::take(&mut link.turns) {
                self.relist(client);
            }
        }
    }

    /// Leaves a link that a suspected message has for itself to that.
    fn clear_reserved(&mut self) {
        for id in self.link_ids() {
            if self.delayed.has_reserved(id) {
                self.relist_turns(id);
            }
        }
    }

    /// Gives the clients that wait for a link the least busy one.
    fn assign(&mut self) {
        while let Some(id) = self.clients.next_awaiting() {
            let is_free = |index: usize| !self.delayed.has_reserved(LinkId(index));
            let links = self
                .links
                .iter_mut()
                .filter(|(index, link)| link.is_open() && is_free(*index));
            let Some((index, link)) = links.min_by_key(|(_, link)| link.load()) else {
                return self.clients.await_link(id);
            };
            if let Some(client) = self.clients.get_mut(id) {
                client.link = Some(LinkId(index));
                link.turns.push_back(id);
            }
        }
    }

    fn fill(&mut self, id: LinkId, now: Instant) {
        let must_wait = self.config.spool && !self.delayed.is_clear();
        let mut to_store = Vec::new();
        if self.delayed.has_reserved(id) {
            return;
        }
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        while link.has_room(self.config.pipeline) {
            let Some(turn) = link.turns.pop_front() else { break };
            match self.clients.take_next(turn) {
                None => {}
                // First in, first out: what is critical goes behind what is delayed already.
                Some(request) if must_wait && request.is_critical() => {
                    let stored = to_store.iter().filter(|(client, _)| *client == turn).count();
                    let request = self.clients.hold_back(turn, request, stored);
                    to_store.extend(request.map(|request| (turn, request)));
                }
                Some(request) => link.push(Owner::Client(turn), request, now),
            }
            if let Some(client) = self.clients.get_mut(turn) {
                client.listed = client.wants_turn(self.sparing);
                if client.listed {
                    link.turns.push_back(turn);
                }
            }
        }
        for (client, request) in to_store {
            self.store(client, request);
        }
    }

    /// Answers what waits that there is no link.
    fn refuse(&mut self) {
        while let Some(id) = self.clients.next_awaiting() {
            let mut count = 0;
            while let Some(request) = self.clients.take_next(id) {
                count += usize::from(self.no_usable_reply(id, request));
            }
            if let Some(client) = self.clients.get_mut(id) {
                client.listed = false;
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
    }

    /// Shares the waiting clients anew among the links, now that there is one more.
    pub(super) fn spread(&mut self) {
        for id in self.links_that(|link| !link.turns.is_empty()) {
            self.relist_turns(id);
        }
    }
}
