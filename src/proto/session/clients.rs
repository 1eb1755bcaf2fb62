//! The clients' side: a queue each, and answers in order.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use slab::Slab;

use super::client::{Aside, Client};
use super::command::Answers;
use super::ids::{ClientId, Ticket};
use super::status::ClientStatus;
use crate::buffer::Buffer;
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
    /// Those who have left, while something critical of theirs is to be done.
    num_departed: usize,
    /// Of these, with something that is not in flight.
    num_unsent: usize,
    /// Those who have left and of whom nothing is left to be done.
    gone: Vec<ClientId>,
    /// Of all clients.
    weight: usize,
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

    /// One leaves. What is critical of it still goes, if that is to be kept.
    pub(super) fn leave(&mut self, id: ClientId, keeps_critical: bool) {
        if self.change(id, |client| client.depart(keeps_critical)).is_some() {
            self.num_departed += 1;
        }
    }

    /// One of those who have left and of whom nothing is left to be done; it is forgotten.
    pub(super) fn forget_gone(&mut self) -> Option<ClientId> {
        while let Some(id) = self.gone.pop() {
            // It may be here twice.
            if let Some(client) = self.get(id) {
                self.weight -= client.weight();
                self.slab.remove(id.slot);
                self.num_departed -= 1;
                return Some(id);
            }
        }
        None
    }

    /// Clients who have left, and something critical of theirs is to be done.
    pub(super) fn num_departed(&self) -> usize {
        self.num_departed
    }

    /// True if something critical of them is not in flight.
    pub(super) fn have_departed_unsent(&self) -> bool {
        self.num_unsent > 0
    }

    /// Bytes kept for clients that nobody else accounts for.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Changes what is kept for one.
    fn change<T>(&mut self, id: ClientId, change: impl FnOnce(&mut Client) -> T) -> Option<T> {
        let account = |client: &Client| (client.weight(), usize::from(client.has_left_unsent()));
        let client = self.get_mut(id)?;
        let before = account(client);
        let changed = change(client);
        let (now, is_gone) = (account(client), client.is_gone());
        self.weight = self.weight - before.0 + now.0;
        self.num_unsent = self.num_unsent - before.1 + now.1;
        if is_gone {
            self.gone.push(id);
        }
        Some(changed)
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

    /// True if it takes answers.
    pub(super) fn is_here(&self, id: ClientId) -> bool {
        self.get(id).is_some_and(|client| !client.has_departed())
    }

    pub(super) fn num(&self) -> usize {
        self.slab.len() - self.num_departed
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
            .filter(|(_, client)| !client.has_departed())
            .map(|(slot, client)| client.status(id(slot, client)))
            .collect()
    }

    /// Answers `request`, which was in flight, with `words`.
    pub(super) fn answer(&mut self, id: ClientId, request: &Request, words: &[u8]) {
        let answer = |client: &mut Client| {
            client.land();
            client.answer(words, request.line_len());
        };
        if self.change(id, answer).is_some() {
            self.hand_out(id);
        }
    }

    /// Answers `request`, which was in flight, with a line that has memory of its own and its newline; what is to be
    /// handed out now, in order.
    pub(super) fn answer_large(
        &mut self,
        id: ClientId,
        request: &Request,
        line: Buffer,
    ) -> impl Iterator<Item = Answers> + use<> {
        let given = self.change(id, |client| {
            client.land();
            client.answer_large(line, request.line_len())
        });
        given.into_iter().flatten()
    }

    /// Keeps the place of `request`, which was in flight and is being stored, among its client's answers.
    pub(super) fn hold_answer(&mut self, id: ClientId, ticket: Ticket, request: &Request) {
        self.change(id, |client| {
            client.land();
            client.hold_answer(ticket, request.line_len());
        });
    }

    /// Answers the request that was being stored, and those whose answers had to wait for it.
    pub(super) fn answer_stored(&mut self, id: ClientId, stored: Ticket, words: &'static [u8]) {
        if self
            .change(id, |client| client.answer_stored(stored, words))
            .is_some()
        {
            self.hand_out(id);
        }
    }

    /// Puts back a request that was taken and not written.
    pub(super) fn put_back(&mut self, id: ClientId, request: Request) {
        self.change(id, |client| client.put_back(request));
    }

    /// Gives a critical request, just taken, back to its queue; its client has no turn until that goes on.
    pub(super) fn wait_behind(&mut self, id: ClientId, request: Request) {
        self.change(id, |client| {
            client.put_back(request);
            client.set_behind(true);
        });
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
        self.at_front(id, Client::start_next).flatten()
    }

    /// Answers what lonc answers itself, up to the first request for the peer, which is made ready; true if that may go.
    pub(super) fn answer_locally(&mut self, id: ClientId, sparing: bool) -> bool {
        let wants = self.at_front(id, |client| client.wants_turn(sparing));
        wants.unwrap_or(false)
    }

    /// What comes of a client whose first request is one for the peer: those before it are answered.
    fn at_front<T>(&mut self, id: ClientId, then: impl FnOnce(&mut Client) -> T) -> Option<T> {
        let mut asides = core::mem::take(&mut self.asides);
        let done = self.change(id, |client| {
            client.answer_locally(|aside| {
                // A flood of them is one, until it is looked at.
                if asides.back() != Some(&(id, aside)) {
                    asides.push_back((id, aside));
                }
            });
            (then(client), client.has_answers())
        });
        self.asides = asides;
        let (done, has_answers) = done?;
        if has_answers {
            self.hand_out(id);
        }
        Some(done)
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
