//! A process's clients: workers who ask, and take what they are answered.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use lonc_proto::line::Lines;
use lonc_proto::session::{Answers, ClientId};

use super::Process;
use crate::book::AskId;
use crate::queue::{ClientNo, Event};
use crate::time::{MS, SECOND, instant};
use crate::world::World;

/// What a client waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owed {
    /// What becomes of this.
    Ask(AskId),
    /// A word of lonc's own.
    Word(&'static [u8]),
}

/// One who comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) no: ClientNo,
    /// It asks so often.
    pub(crate) batches: u32,
    /// It takes its answers late.
    pub(crate) is_slow: bool,
}

struct Client {
    id: ClientId,
    is_slow: bool,
    batches: u32,
    owed: VecDeque<Owed>,
    /// Bytes of answers that it has not taken, and at which it is not served further.
    unread: usize,
    limit: usize,
    /// Bytes of its requests, and of those that are answered.
    sent: usize,
    retired: usize,
}

enum Word {
    Sent(ClientNo, Lines),
    Took(ClientNo, usize),
    Left(ClientNo),
}

#[derive(Default)]
pub(crate) struct Clients {
    present: BTreeMap<ClientNo, Client>,
    by_slot: Vec<Option<ClientNo>>,
    arrivals: VecDeque<Arrival>,
    words: VecDeque<Word>,
}

impl Clients {
    pub(crate) fn num(&self) -> usize {
        self.present.len()
    }

    /// True if nobody waits for anything, or is about to.
    pub(crate) fn are_answered(&self) -> bool {
        self.arrivals.is_empty() && self.present.values().all(|client| client.owed.is_empty())
    }
}

impl World {
    /// A worker connects.
    pub(crate) fn come(&mut self, process: &mut Process, arrival: Arrival) {
        process.clients.arrivals.push_back(arrival);
        self.ready(process);
    }

    pub(super) fn poll_arrivals(&mut self, process: &mut Process) -> bool {
        let now = instant(self.now);
        let mut any = false;
        while let Some(Arrival { no, batches, is_slow }) = process.clients.arrivals.pop_front() {
            any = true;
            let id = process.session.handle_client_joined(false, now);
            let clients = &mut process.clients;
            if clients.by_slot.len() <= id.slot() {
                clients.by_slot.resize(id.slot() + 1, None);
            }
            assert_eq!(clients.by_slot[id.slot()], None, "its place is another one's");
            clients.by_slot[id.slot()] = Some(no);
            let client = Client {
                id,
                is_slow,
                batches,
                owed: VecDeque::new(),
                unread: 0,
                limit: process.config.max_client_bytes,
                sent: 0,
                retired: 0,
            };
            clients.present.insert(no, client);
            self.queue.push(self.now, Event::Ask(process.pid, no));
        }
        any
    }

    /// A worker asks, if it still wants to.
    pub(crate) fn ask(&mut self, process: &mut Process, no: ClientNo) {
        let Some(client) = process.clients.present.get_mut(&no) else {
            return;
        };
        if client.batches == 0 || process.drain.is_on() {
            return self.go_if_done(process, no);
        }
        client.batches -= 1;
        let (mut lines, mut owed) = (Vec::new(), Vec::new());
        for _ in 0..self.num_asks() {
            owed.push(self.line(process.host, process.peer, no, &mut lines));
        }
        let count = owed.len();
        client.owed.extend(owed);
        client.sent += lines.len();
        let bytes = Bytes::from(lines);
        process
            .clients
            .words
            .push_back(Word::Sent(no, Lines { bytes, count }));
        let wait = self.rng.workers.u64(MS..4 * SECOND);
        if self.rng.workers.u8(..30) == 0 {
            self.after(wait, Event::Leave(process.pid, no));
        } else {
            self.after(wait, Event::Ask(process.pid, no));
        }
        self.ready(process);
    }

    /// One who has asked all and has all answers goes.
    fn go_if_done(&mut self, process: &mut Process, no: ClientNo) {
        let client = process.clients.present.get(&no);
        let may_ask = !process.drain.is_on();
        if client.is_some_and(|client| client.owed.is_empty() && (client.batches == 0 || !may_ask)) {
            let wait = self.rng.workers.u64(MS..SECOND);
            self.after(wait, Event::Leave(process.pid, no));
        }
    }

    pub(crate) fn take(&mut self, process: &mut Process, no: ClientNo, bytes: usize) {
        process.clients.words.push_back(Word::Took(no, bytes));
        self.ready(process);
    }

    pub(crate) fn leave_client(&mut self, process: &mut Process, no: ClientNo) {
        process.clients.words.push_back(Word::Left(no));
        self.ready(process);
    }

    pub(super) fn poll_clients(&mut self, process: &mut Process) -> bool {
        let now = instant(self.now);
        let mut any = false;
        while let Some(word) = process.clients.words.pop_front() {
            any = true;
            let (Word::Sent(no, _) | Word::Took(no, _) | Word::Left(no)) = word;
            let Some(client) = process.clients.present.get_mut(&no) else {
                continue;
            };
            let id = client.id;
            match word {
                Word::Sent(_, lines) => process.session.handle_lines(id, lines, now),
                Word::Took(_, bytes) => {
                    client.unread -= bytes;
                    process.session.handle_taken(id, bytes, now);
                }
                Word::Left(_) => {
                    process.session.handle_client_left(id, now);
                    process.clients.present.remove(&no);
                    process.clients.by_slot[id.slot()] = None;
                }
            }
        }
        any
    }

    /// A client is given answers: each is that to its oldest request without one.
    pub(super) fn answer(&mut self, process: &mut Process, id: ClientId, answers: &Answers) {
        let no = process.clients.by_slot.get(id.slot()).copied().flatten();
        let no = no.expect("an answer to somebody who is there");
        let client = process.clients.present.get_mut(&no).expect("it is there");
        assert_eq!(client.id, id, "an answer to one who has left");
        let mut count = 0;
        for line in answers.bytes.split_inclusive(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\n").expect("whole lines");
            count += 1;
            match client.owed.pop_front().expect("an answer to nothing") {
                Owed::Ask(ask) => {
                    self.book.answered(ask, line);
                    self.stats.answers += 1;
                }
                Owed::Word(word) => assert_eq!(line, word),
            }
        }
        assert_eq!(count, answers.count, "answers in a command");
        client.unread += answers.bytes.len();
        client.retired += answers.retired;
        assert!(
            client.retired <= client.sent,
            "more is accounted for than was asked"
        );
        if client.owed.is_empty() {
            assert_eq!(client.retired, client.sent, "what is answered stays on account");
        }
        let wait = if client.is_slow {
            self.rng.workers.u64(MS..20 * SECOND)
        } else {
            self.rng.workers.u64(20..5 * MS)
        };
        self.after(wait, Event::Take(process.pid, no, answers.bytes.len()));
        self.go_if_done(process, no);
    }

    /// The instance ends: whoever has all answers goes, the others once they have.
    pub(super) fn dismiss_clients(&mut self, process: &mut Process) {
        process.clients.arrivals.clear();
        let all: Vec<_> = process.clients.present.keys().copied().collect();
        for no in all {
            self.go_if_done(process, no);
        }
    }
}

impl Process {
    /// The process is gone.
    pub(super) fn hang_up(&mut self) {
        if self.has_ended && !self.is_dead {
            let is_served = |client: &&Client| client.unread < client.limit;
            let mut served = self.clients.present.values().filter(is_served);
            assert!(
                served.all(|client| client.owed.is_empty()),
                "{:?}, of {} for {}, has ended, and somebody has no answer",
                self.pid,
                self.host,
                self.peer
            );
        }
        self.clients = Clients::default();
    }

    /// What holds after each turn of a self.
    pub(super) fn check(&self) {
        let session = &self.session;
        assert_eq!(session.num_clients(), self.clients.num(), "clients");
        self.spool.check(session);
        if session.is_at_rest() && self.spool.is_storing_nothing() {
            assert_eq!(session.weight(), 0, "something is kept for nobody");
        }
    }
}
