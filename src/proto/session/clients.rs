//! The clients' side: a queue each, turns by the requests, answers in order.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::{Buf as _, Bytes};
use memchr::memchr;
use slab::Slab;

use super::command::Answers;
use super::delayed::Ticket;
use super::link::LinkId;
use super::status::ClientStatus;
use crate::line::Lines;
use crate::request::{Asked, Request, answer};

/// Names a client for as long as it is connected; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientId {
    slot: usize,
    serial: u64,
}

impl ClientId {
    /// A small number that no other connected client has at the same time.
    #[must_use]
    pub fn slot(self) -> usize {
        self.slot
    }
}

/// What a client may do beyond asking.
#[derive(Clone, Copy)]
pub(super) struct Rights {
    pub(super) may_stop: bool,
}

enum Item {
    Lines(Bytes),
    /// Taken once, and given back unwritten.
    Again(Request),
}

/// What stands at the front of a queue.
enum Front {
    Forward(Request),
    /// lonc answers this one itself, with these words.
    Local(&'static [u8], usize),
    Stop(usize),
}

pub(super) struct Client {
    serial: u64,
    rights: Rights,
    /// Bytes of answers not taken at which it is not served further. As long as it stays it keeps the limit it came
    /// with, by which it also tells what it took.
    limit: usize,
    queue: VecDeque<Item>,
    /// Requests that came so far.
    requests: u64,
    /// Requests in the queue.
    queued: usize,
    /// Requests on a link. While there are any, the client stays on that link.
    pub(super) in_flight: usize,
    pub(super) link: Option<LinkId>,
    /// In one of the lists of those waiting for their turn.
    pub(super) listed: bool,
    /// The front is answered by lonc itself, or is to be stored, once nothing is in flight before it.
    held: bool,
    /// Bytes of answers the client has not taken.
    unread: usize,
    answers: Answers,
    /// Answers that must wait for a critical request before them to be stored; its place is the first.
    held_answers: VecDeque<Held>,
}

enum Held {
    /// The place of a request that is being stored.
    Storing {
        ticket: Ticket,
        line_len: usize,
    },
    Answer {
        words: Bytes,
        line_len: usize,
    },
}

impl Client {
    pub(super) fn enqueue(&mut self, lines: Lines) {
        self.requests += lines.count as u64;
        self.queued += lines.count;
        self.queue.push_back(Item::Lines(lines.bytes));
    }

    pub(super) fn took(&mut self, bytes: usize) {
        self.unread = self.unread.saturating_sub(bytes);
    }

    /// True if a request of it can be taken now.
    ///
    /// With `sparing` it may have only one in flight, and less of its answers untaken.
    pub(super) fn wants_turn(&self, sparing: bool) -> bool {
        let may = if sparing {
            self.in_flight == 0 && self.unread < self.limit / 2
        } else {
            self.unread < self.limit
        };
        may && !self.queue.is_empty() && !(self.held && self.in_flight > 0)
    }

    fn status(&self, client: ClientId) -> ClientStatus {
        ClientStatus {
            client,
            requests: self.requests,
            queued: self.queued,
            in_flight: self.in_flight,
        }
    }

    /// Answers the next request, behind those whose answers are held.
    fn answer(&mut self, words: &[u8], line_len: usize) {
        self.unread += words.len() + 1;
        if self.held_answers.is_empty() {
            self.give(words, line_len);
        } else {
            let words = Bytes::copy_from_slice(words);
            self.held_answers.push_back(Held::Answer { words, line_len });
        }
    }

    fn give(&mut self, words: &[u8], line_len: usize) {
        self.answers.bytes.extend_from_slice(words);
        self.answers.bytes.extend_from_slice(b"\n");
        self.answers.count += 1;
        self.answers.retired += line_len;
    }

    /// The front of the queue and, for lines, where the rest begins.
    fn front(&mut self) -> Option<(Front, usize)> {
        loop {
            match self.queue.front()? {
                Item::Again(request) => return Some((Front::Forward(request.clone()), 0)),
                Item::Lines(lines) => match memchr(b'\n', lines) {
                    None => self.queue.pop_front(),
                    Some(end) => {
                        let front = match Asked::of(lines.slice(..end)) {
                            Asked::Nothing => Front::Local(answer::UNKNOWN_CMD, end + 1),
                            Asked::Stop if self.rights.may_stop => Front::Stop(end + 1),
                            Asked::Stop => Front::Local(answer::REFUSED, end + 1),
                            Asked::Forward(request) => Front::Forward(request),
                        };
                        return Some((front, end + 1));
                    }
                },
            };
        }
    }

    /// Takes off the front, which ends at `end` of its lines.
    fn pop(&mut self, end: usize) {
        self.queued = self.queued.saturating_sub(1);
        if let Some(Item::Lines(lines)) = self.queue.front_mut() {
            lines.advance(end);
            if !lines.is_empty() {
                return;
            }
        }
        self.queue.pop_front();
    }
}

#[derive(Default)]
pub(super) struct Clients {
    slab: Slab<Client>,
    serial: u64,
    /// Those whose turn comes when a link is up.
    awaiting: VecDeque<ClientId>,
    /// Those with answers to be handed out.
    answered: VecDeque<ClientId>,
    stop_asked: bool,
}

impl Clients {
    pub(super) fn join(&mut self, rights: Rights, limit: usize) -> ClientId {
        self.serial += 1;
        let serial = self.serial;
        let slot = self.slab.insert(Client {
            serial,
            rights,
            limit,
            queue: VecDeque::new(),
            requests: 0,
            queued: 0,
            in_flight: 0,
            link: None,
            listed: false,
            held: false,
            unread: 0,
            answers: Answers::default(),
            held_answers: VecDeque::new(),
        });
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

    pub(super) fn len(&self) -> usize {
        self.slab.len()
    }

    pub(super) fn queued(&self) -> usize {
        self.slab.iter().map(|(_, client)| client.queued).sum()
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

    pub(super) fn await_link(&mut self, id: ClientId) {
        self.awaiting.push_back(id);
    }

    /// The next of those that wait for a link.
    pub(super) fn next_awaiting(&mut self) -> Option<ClientId> {
        self.awaiting.pop_front()
    }

    /// Answers `request`, which was in flight, with `words`.
    pub(super) fn answer(&mut self, id: ClientId, request: &Request, words: &[u8]) {
        if let Some(client) = self.get_mut(id) {
            client.in_flight = client.in_flight.saturating_sub(1);
            client.answer(words, request.line_len());
            self.hand_out(id);
        }
    }

    /// Keeps the place of `request`, which was in flight and is being stored, among its client's answers.
    pub(super) fn hold_answer(&mut self, id: ClientId, ticket: Ticket, request: &Request) {
        if let Some(client) = self.get_mut(id) {
            client.in_flight = client.in_flight.saturating_sub(1);
            client.held_answers.push_back(Held::Storing {
                ticket,
                line_len: request.line_len(),
            });
        }
    }

    /// Answers the request that was being stored, and those whose answers had to wait for it.
    pub(super) fn answer_stored(&mut self, id: ClientId, stored: Ticket, words: &'static [u8]) {
        let Some(client) = self.get_mut(id) else { return };
        for held in &mut client.held_answers {
            if let Held::Storing { ticket, line_len } = held
                && *ticket == stored
            {
                client.unread += words.len() + 1;
                *held = Held::Answer {
                    words: Bytes::from_static(words),
                    line_len: *line_len,
                };
            }
        }
        while let Some(Held::Answer { words, line_len }) = client.held_answers.front() {
            let (words, line_len) = (words.clone(), *line_len);
            client.held_answers.pop_front();
            client.give(&words, line_len);
        }
        self.hand_out(id);
    }

    /// Takes the critical requests of a client that is leaving; the others are dropped.
    pub(super) fn take_critical(&mut self, id: ClientId) -> Vec<Request> {
        let mut critical = Vec::new();
        if let Some(client) = self.get_mut(id) {
            while let Some((front, end)) = client.front() {
                client.pop(end);
                if let Front::Forward(request) = front
                    && request.is_critical()
                {
                    critical.push(request);
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
        client.in_flight = client.in_flight.saturating_sub(1);
        client.queued += 1;
        client.queue.push_front(Item::Again(request));
        None
    }

    /// Gives `request`, just taken and to be stored, back to its queue if others of its client are in flight, but for
    /// `stored` that are to be stored as well: its answer must not overtake theirs.
    pub(super) fn hold_back(&mut self, id: ClientId, request: Request, stored: usize) -> Option<Request> {
        if self.get_mut(id)?.in_flight <= stored + 1 {
            return Some(request);
        }
        let request = self.put_back(id, request);
        self.get_mut(id)?.held = true;
        request
    }

    /// Takes the request whose turn it is. Those that lonc answers itself are answered on the way.
    pub(super) fn take_next(&mut self, id: ClientId) -> Option<Request> {
        let taken = self.settle(id)?;
        let client = self.get_mut(id)?;
        client.pop(taken.1);
        client.in_flight += 1;
        Some(taken.0)
    }

    /// Answers what lonc answers itself, up to the first request for the peer; that one is shown, not taken.
    pub(super) fn settle(&mut self, id: ClientId) -> Option<(Request, usize)> {
        let client = self.get_mut(id)?;
        let mut stop_asked = false;
        let forward = loop {
            if client.unread >= client.limit {
                break None;
            }
            let Some((front, end)) = client.front() else {
                break None;
            };
            let (words, line_len) = match front {
                Front::Forward(request) => {
                    client.held = false;
                    break Some((request, end));
                }
                Front::Local(..) | Front::Stop(_) if client.in_flight > 0 => {
                    client.held = true;
                    break None;
                }
                Front::Local(words, line_len) => (words, line_len),
                Front::Stop(line_len) => {
                    stop_asked = true;
                    (answer::OK, line_len)
                }
            };
            client.held = false;
            client.answer(words, line_len);
            client.pop(end);
        };
        let answered = client.answers.count > 0;
        self.stop_asked |= stop_asked;
        if answered {
            self.hand_out(id);
        }
        forward
    }

    /// True once if a client that may asked for the instance to stop.
    pub(super) fn take_stop(&mut self) -> bool {
        core::mem::take(&mut self.stop_asked)
    }

    /// Answers that are ready for a client.
    pub(super) fn next_answers(&mut self) -> Option<(ClientId, Answers)> {
        loop {
            let id = self.answered.pop_front()?;
            if let Some(client) = self.get_mut(id)
                && client.answers.count > 0
            {
                return Some((id, core::mem::take(&mut client.answers)));
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
