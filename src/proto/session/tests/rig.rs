//! A driver without sockets: it obeys the session, and moves bytes and time when told to.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::panic;
use std::prelude::v1::*;
use std::vec;

use bytes::{Bytes, BytesMut};
use core::time::Duration;
use memchr::memchr_iter;

use super::lond::{Lond, OWN, PEER, Style, is_change};
use crate::backoff::Bounds;
use crate::handshake::Identity;
use crate::line::Lines;
use crate::request::{Asked, Request};
use crate::session::{
    ClientId, Command, Config, Event, LinkError, LinkId, MessageId, Others, Session, State, Stored, Ticket,
};
use crate::time::Instant;

pub(in crate::session) const SECOND: Duration = Duration::from_secs(1);

/// One link, the default times, and limits that nothing reaches.
pub(in crate::session) fn config() -> Config {
    Config {
        identity: Identity {
            peer: PEER.into(),
            own: OWN.into(),
            version: "1.0".into(),
        },
        pong: false,
        connections: 1,
        max_connections: 1,
        idle_timeout: 300 * SECOND,
        pipeline: 64,
        handshake_timeout: 60 * SECOND,
        opening_timeout: 120 * SECOND,
        request_timeout: 300 * SECOND,
        connect_wait: 10 * SECOND,
        probe_interval: Duration::ZERO,
        backoff: Bounds::new(SECOND, 120 * SECOND).unwrap(),
        max_reply_bytes: 64 << 20,
        spool: false,
        message_timeout: 60 * SECOND,
        max_attempts: 3,
        disabled: false,
        drain_timeout: 20 * SECOND,
        max_client_bytes: 64 << 20,
    }
}

/// A try or a connection.
pub(in crate::session) struct Wire {
    pub(in crate::session) connected: bool,
    /// It may be spoken on.
    pub(in crate::session) secured: bool,
    pub(in crate::session) lond: Lond,
    /// Read, and not taken by the session.
    input: BytesMut,
    /// Whole lines read so far.
    pub(in crate::session) lines_in: usize,
}

impl Wire {
    /// lonc knows who is there.
    pub(in crate::session) fn is_checked(&self) -> bool {
        self.lines_in > self.lond.num_steps()
    }
}

pub(in crate::session) struct Rig {
    pub(in crate::session) session: Session,
    pub(in crate::session) now: Instant,
    /// By the link's index.
    pub(in crate::session) wires: BTreeMap<usize, Wire>,
    serial: u64,
    /// lond is asked for `pong`.
    pub(in crate::session) pong: bool,
    /// Connections from now on are to be secured first, which takes until something is written.
    pub(in crate::session) secures: bool,
    /// londs from now on take an id only in a line of its own.
    pub(in crate::session) is_old: bool,
    /// Connections from now on have so many other addresses.
    pub(in crate::session) others: Others,
    /// Tries whose address is to be passed by, one after the other.
    pub(in crate::session) passed_by: Vec<usize>,
    /// Lines that clients were given and the test has not looked at.
    pub(in crate::session) answers: HashMap<ClientId, Vec<Vec<u8>>>,
    /// How often the driver was handed some of them.
    pub(in crate::session) handed_out: usize,
    /// Bytes of the lines that these answer, those the test has looked at included.
    pub(in crate::session) retired: HashMap<ClientId, usize>,
    pub(in crate::session) events: Vec<Event>,
    /// How often the driver was told to stop the instance.
    pub(in crate::session) stops: usize,
    /// How often it was told to try now.
    pub(in crate::session) retries: usize,
    /// How often it was told to look for delayed messages.
    pub(in crate::session) flushes: usize,
    /// Requests to be stored.
    pub(in crate::session) to_store: VecDeque<(Ticket, Request)>,
    /// Delayed messages that are through, and whether they were answered or are to be set aside.
    pub(in crate::session) through: Vec<(MessageId, bool)>,
}

impl Rig {
    /// A session whose link is not connected yet.
    pub(in crate::session) fn new(config: Config) -> Self {
        let now = Instant::after_origin(1000 * SECOND);
        let pong = config.pong;
        let mut rig = Self {
            session: Session::new(config, 7, now),
            now,
            wires: BTreeMap::new(),
            serial: 0,
            pong,
            secures: false,
            is_old: false,
            others: Others::default(),
            passed_by: Vec::new(),
            answers: HashMap::new(),
            handed_out: 0,
            retired: HashMap::new(),
            events: Vec::new(),
            stops: 0,
            retries: 0,
            flushes: 0,
            to_store: VecDeque::new(),
            through: Vec::new(),
        };
        rig.obey();
        rig
    }

    /// A session with all its links up.
    pub(in crate::session) fn up(config: Config) -> Self {
        let mut rig = Self::new(config);
        rig.open_all();
        rig
    }

    /// Does what the session commands; true if that was anything.
    pub(in crate::session) fn obey(&mut self) -> bool {
        let mut any = false;
        while let Some(command) = self.session.next_command(self.now) {
            any = true;
            match command {
                Command::Connect(id) => {
                    self.serial += 1;
                    let wire = Wire {
                        connected: false,
                        secured: false,
                        lond: Lond::new(self.serial),
                        input: BytesMut::new(),
                        lines_in: 0,
                    };
                    let before = self.wires.insert(id.index(), wire);
                    assert!(before.is_none(), "{id:?} is connected twice");
                }
                Command::PassBy(id) => self.passed_by.push(id.index()),
                Command::Close(id) => drop(self.wires.remove(&id.index())),
                Command::Answer(client, answers) => {
                    let lines = answers.bytes.split_inclusive(|byte| *byte == b'\n');
                    let lines: Vec<_> = lines
                        .map(|line| line.strip_suffix(b"\n").expect("whole lines").to_vec())
                        .collect();
                    assert_eq!(lines.len(), answers.count);
                    assert!(answers.count > 0, "{client:?} is woken for nothing");
                    self.answers.entry(client).or_default().extend(lines);
                    self.handed_out += 1;
                    *self.retired.entry(client).or_default() += answers.retired;
                }
                Command::Stop => self.stops += 1,
                Command::Retry => {
                    self.retries += 1;
                    self.session.handle_reconnect(self.now);
                }
                Command::Flush => self.flushes += 1,
                Command::Delivered(id) => self.through.push((id, true)),
                Command::SetAside(id) => self.through.push((id, false)),
                Command::Store(ticket, request) => self.to_store.push_back((ticket, request)),
                Command::Event(event) => self.events.push(event),
            }
        }
        any
    }

    pub(in crate::session) fn client(&mut self) -> ClientId {
        self.session.handle_client_joined(false, self.now)
    }

    /// A client sends whole lines.
    pub(in crate::session) fn say(&mut self, client: ClientId, lines: &str) {
        let count = lines.matches('\n').count();
        let bytes = Bytes::from(lines.as_bytes().to_vec());
        self.session
            .handle_lines(client, Lines { bytes, count }, self.now);
        self.obey();
    }

    pub(in crate::session) fn take(&mut self, client: ClientId, bytes: usize) {
        self.session.handle_taken(client, bytes, self.now);
        self.obey();
    }

    pub(in crate::session) fn wire(&mut self, link: usize) -> &mut Wire {
        self.wires.get_mut(&link).expect("a try or a connection")
    }

    pub(in crate::session) fn lond(&mut self, link: usize) -> &mut Lond {
        &mut self.wire(link).lond
    }

    pub(in crate::session) fn connect(&mut self, link: usize) {
        let (pong, is_old) = (self.pong, self.is_old);
        self.wire(link).connected = true;
        self.lond(link).pong = pong;
        self.lond(link).is_old = is_old;
        self.wire(link).secured = !self.secures;
        if self.secures {
            self.session.handle_securing(LinkId(link), self.now);
        } else {
            self.session.handle_connected(LinkId(link), self.now);
        }
        self.session.handle_others(LinkId(link), self.others, self.now);
        self.obey();
    }

    /// A connection is secured, if it is not yet.
    pub(in crate::session) fn secure(&mut self, link: usize) {
        let is_new = |wire: &mut Wire| wire.connected && !std::mem::replace(&mut wire.secured, true);
        if self.wires.get_mut(&link).is_some_and(is_new) {
            self.session.handle_secured(LinkId(link), self.now);
            self.obey();
        }
    }

    /// The try or the connection breaks.
    pub(in crate::session) fn fail(&mut self, link: usize) {
        self.session
            .handle_failed(LinkId(link), LinkError::Io("broken".into()), self.now);
        self.obey();
    }

    /// Writes up to so many bytes of what is unsent.
    pub(in crate::session) fn write(&mut self, link: usize, most: usize) {
        let unsent = self.session.unsent(LinkId(link));
        let bytes = unsent[..most.min(unsent.len())].to_vec();
        self.lond(link).take(&bytes);
        self.session.handle_written(LinkId(link), bytes.len(), self.now);
        self.obey();
    }

    /// Writes all there is; bytes that appear meanwhile too.
    pub(in crate::session) fn write_all(&mut self, link: usize) {
        self.secure(link);
        while !self.session.unsent(LinkId(link)).is_empty() {
            self.write(link, usize::MAX);
        }
    }

    /// Hands up to so many of lond's bytes to the session.
    pub(in crate::session) fn deliver(&mut self, link: usize, most: usize) {
        let wire = self.wires.get_mut(&link).expect("a connection");
        let some = most.min(wire.lond.outbox.len());
        let bytes = wire.lond.outbox.split_to(some);
        wire.lines_in += memchr_iter(b'\n', &bytes).count();
        wire.input.unsplit(bytes);
        self.session.handle_input(LinkId(link), &mut wire.input, self.now);
        self.obey();
    }

    /// Memory becomes scarce, or is so no longer.
    pub(in crate::session) fn spare(&mut self, is_scarce: bool) {
        self.session.handle_memory(is_scarce, self.now);
        self.obey();
    }

    pub(in crate::session) fn leave(&mut self, client: ClientId) {
        self.session.handle_client_left(client, self.now);
        self.obey();
    }

    /// Bytes have arrived on a link, and are not handed over yet.
    pub(in crate::session) fn unread(&mut self, link: usize) {
        self.session.handle_unread(LinkId(link), self.now);
        self.obey();
    }

    /// So much time passes in which nothing is done.
    pub(in crate::session) fn stall(&mut self, span: Duration) {
        self.now = self.now + span;
    }

    /// lond says these bytes, asked or not, and they arrive.
    pub(in crate::session) fn receive(&mut self, link: usize, bytes: &[u8]) {
        self.lond(link).outbox.extend_from_slice(bytes);
        self.deliver(link, usize::MAX);
    }

    /// Bytes of lond's that have arrived and that the session has not taken.
    pub(in crate::session) fn num_unread(&self, link: usize) -> usize {
        self.wires[&link].input.len()
    }

    /// lond answers its oldest command with these words, which arrive.
    pub(in crate::session) fn reply(&mut self, link: usize, words: &str) {
        self.lond(link).answer(words.as_bytes(), Style::Plain);
        self.deliver(link, usize::MAX);
    }

    /// Connects a link and takes it through its handshake; lond tells who it is.
    pub(in crate::session) fn open(&mut self, link: usize) {
        self.connect(link);
        self.finish(link);
    }

    /// Takes a link that is connected through the rest of its handshake, and the question who is there.
    pub(in crate::session) fn finish(&mut self, link: usize) {
        while self.wires.get(&link).is_some_and(|wire| !wire.is_checked()) {
            self.shake(link, 1);
        }
    }

    /// So many steps of the handshake.
    pub(in crate::session) fn shake(&mut self, link: usize, steps: usize) {
        for _ in 0..steps {
            self.write_all(link);
            if !self.wires.contains_key(&link) {
                return;
            }
            self.deliver(link, usize::MAX);
        }
    }

    /// Opens every link that is to be connected.
    pub(in crate::session) fn open_all(&mut self) {
        let tries = self.wires.iter().filter(|(_, wire)| !wire.connected);
        let tries: Vec<_> = tries.map(|(link, _)| *link).collect();
        for link in tries {
            self.open(link);
        }
    }

    /// lond answers each command on this link with `re:` and the command, until there are no more.
    pub(in crate::session) fn serve(&mut self, link: usize) {
        self.write_all(link);
        while self.wires.contains_key(&link) && !self.lond(link).waiting.is_empty() {
            let asked = self.lond(link).waiting[0].clone();
            let words = if is_change(&asked) {
                b"ok".to_vec()
            } else {
                [b"re:", &asked[..]].concat()
            };
            self.lond(link).answer(&words, Style::Plain);
            self.deliver(link, usize::MAX);
            self.write_all(link);
        }
    }

    pub(in crate::session) fn serve_all(&mut self) {
        let links: Vec<_> = self.wires.keys().copied().collect();
        for link in links {
            self.serve(link);
        }
    }

    /// Lets time pass; what is due on the way is done when it is due.
    pub(in crate::session) fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self.session.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.session.handle_timeout(self.now);
            let any = self.obey();
            let next = self.session.poll_timeout();
            assert!(
                any || next.is_none_or(|next| next > self.now),
                "a time-out did nothing"
            );
        }
        self.now = end;
    }

    /// A delayed message is handed in.
    pub(in crate::session) fn delay(&mut self, id: u64, command: &str) {
        let request = Asked::of(Bytes::from(command.as_bytes().to_vec()));
        let Asked::Forward(request) = request else {
            panic!("{command} is no message");
        };
        self.session.handle_message(MessageId(id), request, self.now);
        self.obey();
    }

    /// All that is on disk was handed in.
    pub(in crate::session) fn catch_up(&mut self) {
        self.session.handle_caught_up(self.now);
        self.obey();
    }

    /// A delivered message is no longer on disk.
    pub(in crate::session) fn removed(&mut self) {
        self.session.handle_removed(self.now);
        self.obey();
    }

    /// No crash brings those back that were removed.
    pub(in crate::session) fn removals_safe(&mut self) {
        self.session.handle_removals_safe(self.now);
        self.obey();
    }

    /// The oldest request to be stored is, or cannot be; its command.
    pub(in crate::session) fn store(&mut self, outcome: Stored) -> String {
        let (ticket, request) = self.to_store.pop_front().expect("a request to be stored");
        self.session.handle_stored(ticket, outcome, self.now);
        self.obey();
        String::from_utf8(request.command().to_vec()).unwrap()
    }

    /// The answers to a client that the test has not looked at.
    pub(in crate::session) fn got(&mut self, client: ClientId) -> Vec<String> {
        let lines = self.answers.remove(&client).unwrap_or_default();
        lines
            .into_iter()
            .map(|line| String::from_utf8(line).unwrap())
            .collect()
    }

    /// The commands that lond saw whole on this connection, probes included.
    pub(in crate::session) fn seen(&self, link: usize) -> Vec<String> {
        let wire = self.wires.get(&link);
        let seen = wire.map_or(vec![], |wire| wire.lond.seen.clone());
        seen.into_iter()
            .map(|line| String::from_utf8(line).unwrap())
            .collect()
    }

    pub(in crate::session) fn state(&self) -> State {
        self.session.status().state
    }

    /// Why tries and links ended so far, latest last.
    pub(in crate::session) fn ends(&self) -> Vec<LinkError> {
        self.failures().into_iter().map(|(_, why)| why).collect()
    }

    /// The same, and which they were.
    pub(in crate::session) fn failures(&self) -> Vec<(LinkId, LinkError)> {
        let failure = |event: &Event| match event {
            Event::TryFailed { link, why, .. }
            | Event::LinkRefused { link, why, .. }
            | Event::LinkLost { link, why, .. } => Some((*link, why.clone())),
            Event::StateChanged(_)
            | Event::Refused { .. }
            | Event::NotStored { .. }
            | Event::StoredLate(_)
            | Event::HandshakeNote(_)
            | Event::LinkUp { .. }
            | Event::LinkRetired { .. }
            | Event::OtherHost { .. }
            | Event::Unanswered { .. }
            | Event::Poison { .. }
            | Event::MalformedReply { .. } => None,
        };
        self.events.iter().filter_map(failure).collect()
    }
}
