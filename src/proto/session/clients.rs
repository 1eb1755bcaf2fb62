//! The clients' side: a queue each, and answers in order.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::BytesMut;
use slab::Slab;

use super::client::{Aside, Client, Front};
use super::command::Answers;
use super::ids::{ClientId, Ticket};
use super::status::ClientStatus;
use crate::request::Request;
use crate::time::Instant;

#[derive(Default)]
pub(super) struct Clients {
    slab: Slab<Client>,
    serial: u64,
    /// Those with answers to be handed out.
    answered: VecDeque<ClientId>,
    /// What follows from lines that lonc answered itself, and whose they were.
    asides: VecDeque<(ClientId, Aside)>,
}

impl Clients {
    /// A new one; `privileged` if it may stop the instance. `limit`: bytes of answers not taken at which it is not
    /// served further.
    pub(super) fn join(&mut self, privileged: bool, limit: usize) -> ClientId {
        self.serial += 1;
        let serial = self.serial;
        let slot = self.slab.insert(Client::new(serial, privileged, limit));
        ClientId { slot, serial }
    }

    pub(super) fn leave(&mut self, id: ClientId) {
        if self.get_mut(id).is_some() {
            self.slab.remove(id.slot);
        }
    }

    pub(super) fn get_mut(&mut self, id: ClientId) -> Option<&mut Client> {
        self.slab
            .get_mut(id.slot)
            .filter(|client| client.serial == id.serial)
    }

    pub(super) fn get(&self, id: ClientId) -> Option<&Client> {
        let client = self.slab.get(id.slot);
        client.filter(|client| client.serial == id.serial)
    }

    pub(super) fn num(&self) -> usize {
        self.slab.len()
    }

    pub(super) fn num_queued(&self) -> usize {
        self.slab.iter().map(|(_, client)| client.num_queued()).sum()
    }

    pub(super) fn statuses(&self) -> Vec<ClientStatus> {
        let id = |slot, client: &Client| ClientId {
            slot,
            serial: client.serial,
        };
        let clients = self.slab.iter();
        clients
            .map(|(slot, client)| client.status(id(slot, client)))
            .collect()
    }

    /// Answers `request`, which was in flight, with `words`.
    pub(super) fn answer(&mut self, id: ClientId, request: &Request, words: &[u8]) {
        if let Some(client) = self.get_mut(id) {
            client.land();
            client.answer(words, request.line_len());
            self.hand_out(id);
        }
    }

    /// Answers `request`, which was in flight, with a line that has memory of its own and its newline; what is to be
    /// handed out now, in order.
    pub(super) fn answer_large(
        &mut self,
        id: ClientId,
        request: &Request,
        line: BytesMut,
    ) -> impl Iterator<Item = Answers> + use<> {
        let client = self.get_mut(id).map(|client| {
            client.land();
            client.answer_large(line, request.line_len())
        });
        client.into_iter().flatten()
    }

    /// Keeps the place of `request`, which was in flight and is being stored, among its client's answers.
    pub(super) fn hold_answer(&mut self, id: ClientId, ticket: Ticket, request: &Request) {
        if let Some(client) = self.get_mut(id) {
            client.land();
            client.hold_answer(ticket, request.line_len());
        }
    }

    /// Answers the request that was being stored, and those whose answers had to wait for it.
    pub(super) fn answer_stored(&mut self, id: ClientId, stored: Ticket, words: &'static [u8]) {
        if let Some(client) = self.get_mut(id) {
            client.answer_stored(stored, words);
            self.hand_out(id);
        }
    }

    /// Takes the critical requests of a client that is leaving; the others are dropped.
    pub(super) fn take_critical(&mut self, id: ClientId) -> Vec<Request> {
        let mut critical = Vec::new();
        if let Some(client) = self.get_mut(id) {
            while let Some(front) = client.front() {
                match front {
                    Front::Forward => critical.extend(client.take_ready().filter(Request::is_critical)),
                    Front::Local(_, len) | Front::Aside(.., len) => client.pass_line(len),
                }
            }
        }
        critical
    }

    /// Puts back a request that was taken and not written; gives it back if its client has left.
    pub(super) fn put_back(&mut self, id: ClientId, request: Request) -> Option<Request> {
        let Some(client) = self.get_mut(id) else {
            return Some(request);
        };
        client.put_back(request);
        None
    }

    /// Gives a critical request, just taken, back to its queue; its client has no turn until that goes on.
    pub(super) fn wait_behind(&mut self, id: ClientId, request: Request) {
        if let Some(client) = self.get_mut(id) {
            client.put_back(request);
            client.set_behind(true);
        }
    }

    /// If what a client asks next is critical, too, it has no turn until that goes on; when that came.
    pub(super) fn stays_behind(&mut self, id: ClientId) -> Option<Instant> {
        let client = self.get_mut(id)?;
        let arrived = client.next_critical()?;
        client.set_behind(true);
        Some(arrived)
    }

    /// The client may have a turn again.
    pub(super) fn goes_on(&mut self, id: ClientId) {
        if let Some(client) = self.get_mut(id) {
            client.set_behind(false);
        }
    }

    /// Takes the request whose turn it is. Those that lonc answers itself are answered on the way.
    pub(super) fn take_next(&mut self, id: ClientId) -> Option<Request> {
        let client = self.answer_front(id)?;
        let (next, has_answers) = (client.start_next(), client.has_answers());
        if has_answers {
            self.hand_out(id);
        }
        next
    }

    /// Answers what lonc answers itself, up to the first request for the peer, which is made ready; true if that may go.
    pub(super) fn answer_locally(&mut self, id: ClientId, sparing: bool) -> bool {
        let Some(client) = self.answer_front(id) else {
            return false;
        };
        let (wants, has_answers) = (client.wants_turn(sparing), client.has_answers());
        if has_answers {
            self.hand_out(id);
        }
        wants
    }

    fn answer_front(&mut self, id: ClientId) -> Option<&mut Client> {
        let client = self.slab.get_mut(id.slot)?;
        let client = Some(client).filter(|client| client.serial == id.serial)?;
        client.answer_locally(|aside| {
            // A flood of them is one, until it is looked at.
            if self.asides.back() != Some(&(id, aside)) {
                self.asides.push_back((id, aside));
            }
        });
        Some(client)
    }

    /// The next thing that follows from a line which lonc answered itself, and whose that was.
    pub(super) fn take_aside(&mut self) -> Option<(ClientId, Aside)> {
        self.asides.pop_front()
    }

    /// Answers that are ready for a client.
    pub(super) fn next_answers(&mut self) -> Option<(ClientId, Answers)> {
        loop {
            let id = self.answered.pop_front()?;
            if let Some(client) = self.get_mut(id).filter(|client| client.has_answers()) {
                return Some((id, client.take_answers()));
            }
        }
    }

    fn hand_out(&mut self, id: ClientId) {
        // Only the first answer of a batch puts the client on the list.
        if self.answered.back() != Some(&id) {
            self.answered.push_back(id);
        }
    }
}
