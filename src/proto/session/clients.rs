//! The clients' side: a queue each, turns by the requests, answers in order.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::{Buf as _, Bytes, BytesMut};
use memchr::memchr;
use slab::Slab;

use super::command::Answers;
use super::ids::{ClientId, LinkId, Ticket};
use super::status::ClientStatus;
use crate::line::Lines;
use crate::request::{Asked, Request, answer};

/// What a client may do beyond asking.
#[derive(Clone, Copy)]
pub(super) struct Rights {
    pub(super) may_stop: bool,
}

/// What a client asks next.
enum Front {
    /// The first of those that are ready.
    Forward,
    /// lonc answers this one itself, with these words; its line has so many bytes.
    Local(&'static [u8], usize),
    /// The same, and the instance is to stop.
    Stop(usize),
}

pub(super) struct Client {
    serial: u64,
    rights: Rights,
    /// Bytes of answers not taken at which it is not served further. As long as it stays it keeps the limit it came
    /// with, by which it also tells what it took.
    limit: usize,
    /// Requests that came so far.
    requests: u64,
    /// Lines as they came.
    lines: VecDeque<Bytes>,
    /// Requests for the peer that come before all lines: the next one, and those that were given back unwritten.
    ready: VecDeque<Request>,
    /// Requests that are ready, or in the lines.
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
        self.lines.push_back(lines.bytes);
    }

    pub(super) fn took(&mut self, bytes: usize) {
        self.unread = self.unread.saturating_sub(bytes);
    }

    /// True if it has requests that are not on a link.
    pub(super) fn asks(&self) -> bool {
        self.queued > 0
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
        may && self.asks() && !(self.held && self.in_flight > 0)
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
        self.answers.bytes.reserve(words.len() + 1);
        self.answers.bytes.extend_from_slice(words);
        self.answers.bytes.extend_from_slice(b"\n");
        self.answers.count += 1;
        self.answers.retired += line_len;
    }

    /// What it asks next. A request for the peer is made ready by this; what lonc answers itself stays in its line.
    fn front(&mut self) -> Option<Front> {
        while self.ready.is_empty() {
            let lines = self.lines.front()?;
            let Some(end) = memchr(b'\n', lines) else {
                self.lines.pop_front();
                continue;
            };
            match Asked::of(lines.slice(..end)) {
                Asked::Nothing => return Some(Front::Local(answer::UNKNOWN_CMD, end + 1)),
                Asked::Stop if self.rights.may_stop => return Some(Front::Stop(end + 1)),
                Asked::Stop => return Some(Front::Local(answer::REFUSED, end + 1)),
                Asked::Forward(request) => {
                    self.ready.push_back(request);
                    self.pass_line(end + 1);
                }
            }
        }
        Some(Front::Forward)
    }

    /// Takes the first line, of so many bytes, off the lines.
    fn pass_line(&mut self, len: usize) {
        if let Some(lines) = self.lines.front_mut() {
            lines.advance(len);
            if lines.is_empty() {
                self.lines.pop_front();
            }
        }
    }

    /// The request that [`Client::front`] made ready.
    fn take_ready(&mut self) -> Option<Request> {
        let request = self.ready.pop_front()?;
        self.queued = self.queued.saturating_sub(1);
        Some(request)
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
            lines: VecDeque::new(),
            ready: VecDeque::new(),
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

    /// Answers `request`, which was in flight, with a line that has memory of its own and its newline. What is to be
    /// handed out now is given, in order, so that nothing large is copied.
    pub(super) fn answer_large(&mut self, id: ClientId, request: &Request, line: BytesMut) -> Vec<Answers> {
        let Some(client) = self.get_mut(id) else {
            return Vec::new();
        };
        client.in_flight = client.in_flight.saturating_sub(1);
        client.unread += line.len();
        let line_len = request.line_len();
        if !client.held_answers.is_empty() {
            let words = line.freeze();
            let words = words.slice(..words.len().saturating_sub(1));
            client.held_answers.push_back(Held::Answer { words, line_len });
            return Vec::new();
        }
        let before = core::mem::take(&mut client.answers);
        let large = Answers {
            bytes: line,
            count: 1,
            retired: line_len,
        };
        [before, large]
            .into_iter()
            .filter(|answers| answers.count > 0)
            .collect()
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
            while let Some(front) = client.front() {
                match front {
                    Front::Forward => critical.extend(client.take_ready().filter(Request::is_critical)),
                    Front::Local(_, len) | Front::Stop(len) => client.pass_line(len),
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
        client.ready.push_front(request);
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
        self.settle(id);
        let client = self.get_mut(id)?;
        if client.unread >= client.limit || client.held {
            return None;
        }
        let request = client.take_ready()?;
        client.in_flight += 1;
        Some(request)
    }

    /// Answers what lonc answers itself, up to the first request for the peer; that one is made ready.
    pub(super) fn settle(&mut self, id: ClientId) {
        let Some(client) = self.get_mut(id) else { return };
        let mut stop_asked = false;
        while client.unread < client.limit
            && let Some(front) = client.front()
        {
            client.held = !matches!(front, Front::Forward) && client.in_flight > 0;
            if client.held {
                break;
            }
            let (words, line_len) = match front {
                Front::Forward => break,
                Front::Local(words, line_len) => (words, line_len),
                Front::Stop(line_len) => {
                    stop_asked = true;
                    (answer::OK, line_len)
                }
            };
            client.answer(words, line_len);
            client.queued = client.queued.saturating_sub(1);
            client.pass_line(line_len);
        }
        let answered = client.answers.count > 0;
        self.stop_asked |= stop_asked;
        if answered {
            self.hand_out(id);
        }
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
