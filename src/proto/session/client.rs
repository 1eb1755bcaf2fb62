//! One client: what it asks, in order, and the answers it is owed.

mod departure;

use alloc::collections::VecDeque;
use bytes::{Buf as _, Bytes};
use memchr::memchr;

use self::departure::Presence;
use super::command::Answers;
use super::held::HeldAnswers;
use super::ids::{ClientId, LinkId, Ticket};
use super::status::ClientStatus;
use crate::buffer::Buffer;
use crate::line::Lines;
use crate::request::{Asked, Refusal, Request, answer};
use crate::time::Instant;

/// While memory is scarce, a client that has so many bytes of answers to take is not served further. More than what it may
/// have taken without the session being told.
const SPARING: usize = 32 * 1024;

/// What a client asks next.
pub(super) enum Front {
    /// The first of those that are ready.
    Forward,
    /// lonc answers this one itself, with these words; its line has so many bytes.
    Local(&'static [u8], usize),
    /// The same, and something follows.
    Aside(Aside, &'static [u8], usize),
}

/// What follows from a line that lonc answers itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Aside {
    /// The instance is to stop.
    Stop,
    /// A link is to be tried now, if there is none.
    Retry,
    /// Somebody is to be told of this.
    Refused(Refusal),
}

pub(super) struct Client {
    pub(super) serial: u64,
    /// It may stop the instance.
    privileged: bool,
    /// Bytes of answers not taken at which it is not served further. As long as it stays it keeps the limit it came
    /// with, by which it also tells what it took.
    limit: usize,
    /// Requests that came so far.
    requests: u64,
    /// Lines as they came, and when.
    lines: VecDeque<(Instant, Bytes)>,
    /// Requests for the peer that come before all lines: the next one, and those that were given back unwritten.
    ready: VecDeque<Request>,
    /// Requests that are ready, or in the lines.
    queued: usize,
    /// Requests on a link, and which link that is.
    in_flight: usize,
    link: Option<LinkId>,
    /// The front is answered by lonc itself, once nothing is in flight before it.
    held: bool,
    /// The next request is critical, and waits for what is older.
    behind: bool,
    /// Bytes of answers the client has not taken.
    unread: usize,
    /// Bytes of requests whose answers have not been handed out.
    owed: usize,
    presence: Presence,
    answers: Answers,
    held_answers: HeldAnswers,
}

impl Client {
    pub(super) fn new(serial: u64, privileged: bool, limit: usize) -> Self {
        Self {
            serial,
            privileged,
            limit,
            requests: 0,
            lines: VecDeque::new(),
            ready: VecDeque::new(),
            queued: 0,
            in_flight: 0,
            link: None,
            held: false,
            behind: false,
            unread: 0,
            owed: 0,
            presence: Presence::Here,
            answers: Answers::default(),
            held_answers: HeldAnswers::default(),
        }
    }

    pub(super) fn enqueue(&mut self, lines: Lines, now: Instant) {
        self.requests += lines.count as u64;
        self.queued += lines.count;
        self.owed += lines.bytes.len();
        self.lines.push_back((now, lines.bytes));
    }

    pub(super) fn took(&mut self, bytes: usize) {
        self.unread = self.unread.saturating_sub(bytes);
    }

    /// Requests that are not on a link.
    pub(super) fn num_queued(&self) -> usize {
        self.queued
    }

    pub(super) fn num_in_flight(&self) -> usize {
        self.in_flight
    }

    /// The link its requests in flight are on; while there are any it stays there.
    pub(super) fn home(&self) -> Option<LinkId> {
        self.link.filter(|_| self.in_flight > 0)
    }

    /// A request that was taken goes onto this link.
    pub(super) fn settle_on(&mut self, link: LinkId) {
        self.link = Some(link);
    }

    /// True if a request of it can be taken now.
    ///
    /// With `sparing` it may have only one in flight, and less of its answers untaken.
    pub(super) fn wants_turn(&self, sparing: bool) -> bool {
        let may = if sparing {
            self.in_flight == 0 && self.unread < SPARING.min(self.limit / 2)
        } else {
            self.unread < self.limit
        };
        may && self.queued > 0 && !self.behind && !(self.held && self.in_flight > 0)
    }

    pub(super) fn status(&self, client: ClientId) -> ClientStatus {
        ClientStatus {
            client,
            requests: self.requests,
            queued: self.queued,
            in_flight: self.in_flight,
        }
    }

    /// When the next request that is not on a link came.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        let ready = self.ready.front().map(Request::arrived);
        ready.or_else(|| self.lines.front().map(|(arrived, _)| *arrived))
    }

    /// What it asks next. A request for the peer is made ready by this; what lonc answers itself stays in its line.
    pub(super) fn front(&mut self) -> Option<Front> {
        while self.ready.is_empty() {
            let (arrived, lines) = self.lines.front()?;
            let Some(end) = memchr(b'\n', lines) else {
                self.lines.pop_front();
                continue;
            };
            match Asked::of(lines.slice(..end)) {
                Asked::Nothing => return Some(Front::Local(answer::UNKNOWN_CMD, end + 1)),
                Asked::Stop if self.privileged => {
                    return Some(Front::Aside(Aside::Stop, answer::OK, end + 1));
                }
                Asked::Stop => return Some(Front::Local(answer::REFUSED, end + 1)),
                Asked::Retry => return Some(Front::Aside(Aside::Retry, answer::OK, end + 1)),
                Asked::Refused(why) => {
                    return Some(Front::Aside(Aside::Refused(why), answer::REFUSED, end + 1));
                }
                Asked::Forward(request) => {
                    self.ready.push_back(request.arrived_at(*arrived));
                    self.pass_line(end + 1);
                }
            }
        }
        Some(Front::Forward)
    }

    /// Takes the first line, of so many bytes, off the lines.
    pub(super) fn pass_line(&mut self, len: usize) {
        if let Some((_, lines)) = self.lines.front_mut() {
            lines.advance(len);
            if lines.is_empty() {
                self.lines.pop_front();
            }
        }
    }

    /// The request that [`Client::front`] made ready.
    pub(super) fn take_ready(&mut self) -> Option<Request> {
        let request = self.ready.pop_front()?;
        self.queued = self.queued.saturating_sub(1);
        Some(request)
    }

    /// The next request for the peer, which is in flight from now on.
    pub(super) fn start_next(&mut self) -> Option<Request> {
        if self.unread >= self.limit || self.held {
            return None;
        }
        let request = self.take_ready()?;
        self.in_flight += 1;
        Some(request)
    }

    /// One of its requests is no longer in flight.
    pub(super) fn land(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Puts back a request that was taken and not written.
    pub(super) fn put_back(&mut self, request: Request) {
        self.land();
        if !self.keeps(&request) {
            return self.retire(request.line_len());
        }
        self.queued += 1;
        self.ready.push_front(request);
    }

    /// Whether its next request waits for something older of others, and it for that.
    pub(super) fn set_behind(&mut self, behind: bool) {
        self.behind = behind;
    }

    /// When the next request came, if that is critical.
    pub(super) fn next_critical(&mut self) -> Option<Instant> {
        self.front().filter(|front| matches!(front, Front::Forward))?;
        let next = self.ready.front().filter(|next| next.is_critical())?;
        Some(next.arrived())
    }

    pub(super) fn is_behind(&self) -> bool {
        self.behind
    }

    /// Answers what lonc answers itself, up to the first request for the peer, which is made ready; `aside` is told what
    /// follows from it.
    pub(super) fn answer_locally(&mut self, mut aside: impl FnMut(Aside)) {
        if !self.ready.is_empty() {
            self.held = false;
            return;
        }
        while self.unread < self.limit
            && let Some(front) = self.front()
        {
            self.held = !matches!(front, Front::Forward) && self.in_flight > 0;
            if self.held {
                break;
            }
            let (words, line_len) = match front {
                Front::Forward => break,
                Front::Local(words, line_len) => (words, line_len),
                Front::Aside(what, words, line_len) => {
                    aside(what);
                    (words, line_len)
                }
            };
            self.answer(words, line_len);
            self.queued = self.queued.saturating_sub(1);
            self.pass_line(line_len);
        }
    }

    /// Answers the oldest request without an answer, behind those whose answers are held.
    pub(super) fn answer(&mut self, words: &[u8], line_len: usize) {
        if self.has_departed() {
            return self.retire(line_len);
        }
        self.unread += words.len() + 1;
        if self.held_answers.is_empty() {
            self.give(words, line_len);
        } else {
            let words = Buffer::copy_of(words);
            self.held_answers.push_answer(words, line_len);
        }
    }

    /// The same with a line that has memory of its own and its newline. What is to be handed out now is given, in order,
    /// so that nothing large is copied.
    pub(super) fn answer_large(
        &mut self,
        line: Buffer,
        line_len: usize,
    ) -> impl Iterator<Item = Answers> + use<> {
        let given = if self.has_departed() {
            self.retire(line_len);
            Default::default()
        } else if self.held_answers.is_empty() {
            self.unread += line.len();
            self.retire(line_len);
            let large = Answers {
                bytes: line,
                count: 1,
                retired: line_len,
            };
            [core::mem::take(&mut self.answers), large]
        } else {
            self.unread += line.len();
            let mut words = line;
            words.resize(words.len().saturating_sub(1));
            self.held_answers.push_answer(words, line_len);
            Default::default()
        };
        given.into_iter().filter(|answers| answers.count > 0)
    }

    /// Keeps the place of a request that is being stored among the answers.
    pub(super) fn hold_answer(&mut self, ticket: Ticket, line_len: usize) {
        self.held_answers.push_storing(ticket, line_len);
    }

    /// Answers the request that was being stored, and those whose answers had to wait for it.
    pub(super) fn answer_stored(&mut self, stored: Ticket, words: &'static [u8]) {
        if self.held_answers.answer(stored, words) && !self.has_departed() {
            self.unread += words.len() + 1;
        }
        while let Some((words, line_len)) = self.held_answers.pop_ready() {
            self.answers.bytes.keep_as(&words);
            self.give(&words, line_len);
        }
    }

    /// A request of so many bytes needs no more memory.
    fn retire(&mut self, line_len: usize) {
        self.owed = self.owed.saturating_sub(line_len);
    }

    /// True if answers are ready to be handed out.
    pub(super) fn has_answers(&self) -> bool {
        self.answers.count > 0
    }

    pub(super) fn take_answers(&mut self) -> Answers {
        core::mem::take(&mut self.answers)
    }

    fn give(&mut self, words: &[u8], line_len: usize) {
        self.retire(line_len);
        if self.has_departed() {
            return;
        }
        let space = self.answers.bytes.space(words.len() + 1);
        space.extend_from_slice(words);
        space.extend_from_slice(b"\n");
        self.answers.count += 1;
        self.answers.retired += line_len;
    }
}
