//! What was promised, seen from outside.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::vec::Vec;

use super::steps::Ask;
use super::world::{Asker, Name, World, name_of};
use crate::handshake::Step;
use crate::session::tests::lond::{Lond, PEER, is_change};
use crate::session::tests::rig::{SECOND, Wire};
use crate::session::{Cause, ClientId, Config, Counters, Event, LinkId, LinkState, Lost, State};
use crate::time::Instant;

/// Of a line, enough to name its request.
const FRONT: usize = 80;
/// More than any client's answers may come to: its limit, and as many replies as can be in flight.
const MOST_UNREAD: usize = 150 + 9 * 500;

#[derive(Debug, PartialEq, Eq)]
enum Fate {
    Lost(Lost),
    Malformed,
}

/// What was seen so far.
pub(super) struct Book {
    pub(super) asked: usize,
    pub(super) sent: usize,
    /// Requests of which a lond saw at least a byte, and on which connection.
    begun: BTreeMap<Name, u64>,
    /// Requests begun whose name was not to be seen yet.
    nameless: usize,
    counted: Counters,
    state: State,
    /// Most that may be in flight, by connection.
    allowed: HashMap<u64, usize>,
    pipeline: usize,
    oks: usize,
    /// Lines that are known to have been refused.
    refused: usize,
    /// When the peer was lost first since it answered.
    lost_at: Instant,
    is_lost: bool,
    /// It has answered since the last check, and more than who it is.
    pub(super) peer_answers: bool,
    /// Links that were stalled, by connection: their replies and what was in flight.
    stalled: HashMap<u64, (usize, usize)>,
}

impl Book {
    pub(super) fn new(config: &Config, now: Instant) -> Self {
        Self {
            asked: 0,
            sent: 0,
            begun: BTreeMap::new(),
            nameless: 0,
            counted: Counters::default(),
            state: if config.connections == 0 {
                State::Idle
            } else {
                State::Connecting
            },
            allowed: HashMap::new(),
            pipeline: config.pipeline,
            oks: 0,
            refused: 0,
            lost_at: now,
            is_lost: false,
            peer_answers: false,
            stalled: HashMap::new(),
        }
    }

    /// The first `some` bytes of `unsent` go to lond now.
    pub(super) fn begins(&mut self, askers: &[Asker], lond: &Lond, unsent: &[u8], some: usize) {
        if !lond.is_open() || some == 0 {
            return;
        }
        let mut begun_before =
            !lond.partial.is_empty() || lond.seen.last().is_some_and(|last| is_change(last));
        let bytes = [&lond.partial[..], unsent].concat();
        let (mut start, mut end) = (0, lond.partial.len() + some);
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if start >= end {
                return;
            }
            let is_old = begun_before;
            // With a line that has lond go by another id begins the request behind it.
            begun_before &= is_change(line);
            start += line.len();
            if is_change(line) && line.ends_with(b"\n") {
                end = end.max(start + 1);
                continue;
            }
            if !line.ends_with(b"\n") && line.len() < FRONT {
                self.nameless += usize::from(!is_old);
            } else if let Some(name) = name_of(&lond.plain(&line[..line.len().min(FRONT)]))
                && !(is_old && self.begun.contains_key(&name))
            {
                self.nameless -= usize::from(is_old);
                self.begin(askers, name, lond.serial);
            }
        }
    }

    fn begin(&mut self, askers: &[Asker], name: Name, serial: u64) {
        let (number, seq) = name;
        let of_client = (number, 0)..(number + 1, 0);
        let last = self.begun.range(of_client.clone()).next_back();
        assert!(
            last.is_none_or(|(last, _)| last.1 < seq),
            "{name:?} after {last:?}"
        );
        let asker = &askers[usize::try_from(number).unwrap()];
        assert!(seq >= asker.answered, "{name:?} was answered before it was sent");
        for (other, on) in self.begun.range((number, asker.answered)..of_client.end) {
            assert_eq!(*on, serial, "{name:?} overtakes {other:?} on another link");
        }
        self.begun.insert(name, serial);
    }

    /// Takes the events since the last time; what became of clients' requests.
    fn read(&mut self, events: Vec<Event>, now: Instant) -> HashMap<ClientId, VecDeque<Fate>> {
        let mut fates = HashMap::<_, VecDeque<_>>::new();
        self.is_lost &= !std::mem::take(&mut self.peer_answers);
        let counted = &mut self.counted;
        for event in events {
            match event {
                Event::StateChanged(state) => {
                    assert_ne!(state, self.state);
                    self.state = state;
                    self.is_lost &= state != State::Idle;
                    if state == State::Connecting && !self.is_lost {
                        (self.lost_at, self.is_lost) = (now, true);
                    }
                }
                Event::Refused { .. } => self.refused += 1,
                // Bytes out of turn, or an answer nobody can use.
                Event::HandshakeNote(note) if note.step == Step::SetHost => {}
                Event::HandshakeNote(note) => panic!("lond answered as it should: {note:?}"),
                Event::LinkUp { cause, .. } => {
                    counted.links_opened += 1;
                    counted.links_on_demand += u64::from(cause == Cause::Demand);
                    counted.links_replacing += u64::from(cause == Cause::Replacement);
                }
                Event::TryFailed { .. } => counted.tries_failed += 1,
                Event::LinkLost { .. } => {}
                Event::LinkRefused { .. } => counted.links_refused += 1,
                Event::LinkRetired { .. } => counted.links_retired += 1,
                Event::OtherHost { answer, .. } => panic!("lond told who it is: {answer}"),
                Event::Poison { .. } | Event::NotStored { .. } | Event::StoredLate(_) => {
                    panic!("there is no spool")
                }
                Event::Unanswered { client, count, lost } => {
                    assert!(count > 0);
                    match lost {
                        Lost::NeverSent => {
                            assert_ne!(self.state, State::Up, "there is a link");
                            counted.never_sent += count as u64;
                        }
                        Lost::SentNoReply => counted.sent_no_reply += count as u64,
                    }
                    let fates = fates.entry(client).or_default();
                    fates.extend((0..count).map(|_| Fate::Lost(lost)));
                }
                Event::MalformedReply { client, .. } => {
                    counted.malformed += 1;
                    if let Some(client) = client {
                        fates.entry(client).or_default().push_back(Fate::Malformed);
                    }
                }
            }
        }
        fates
    }
}

impl World {
    /// Holds what the session did since the last time, and how it stands, against its promises.
    pub(super) fn check(&mut self) {
        let events = std::mem::take(&mut self.rig.events);
        let mut fates = self.book.read(events, self.rig.now);
        for (client, lines) in std::mem::take(&mut self.rig.answers) {
            let fates = fates.entry(client).or_default();
            let at = self.askers.iter().position(|asker| asker.id == client);
            let at = at.expect("answers go to somebody");
            for line in lines {
                self.check_answer(at, &line, fates);
            }
            assert!(self.askers[at].unread < MOST_UNREAD, "a client is paused");
        }
        for asker in self.askers.iter().filter(|asker| asker.here) {
            let untold = fates.get(&asker.id).is_some_and(|fates| !fates.is_empty());
            assert!(!untold, "{} was not told: {fates:?}", asker.number);
        }
        self.check_links();
        self.check_num_links();
        self.check_waits();
        self.check_status();
        self.check_accounts();
    }

    /// A client is given a line: it must be the answer to its oldest request without one.
    fn check_answer(&mut self, at: usize, line: &[u8], fates: &mut VecDeque<Fate>) {
        let asker = &mut self.askers[at];
        assert!(asker.here, "an answer to one who left");
        let name = (asker.number, asker.answered);
        let ask = *asker.asks.get(asker.answered).expect("an answer to nothing");
        asker.answered += 1;
        asker.unread += line.len() + 1;
        match ask {
            Ask::Nothing | Ask::CriticalNothing => assert_eq!(line, b"unknown_cmd"),
            Ask::Stop if asker.may_stop => {
                assert_eq!(line, b"ok");
                self.book.oks += 1;
            }
            Ask::Stop => assert_eq!(line, b"refused"),
            Ask::Retry => assert_eq!(line, b"ok"),
            Ask::Refused(_) => {
                assert_eq!(line, b"refused");
                assert!(self.book.refused > 0, "nobody is told");
            }
            Ask::Forward { critical, .. } => {
                let lost: &[u8] = if critical { b"con_failed" } else { b"con_lost" };
                if line == lost {
                    let fate = fates.pop_front().expect("whoever gets no reply is told of");
                    self.check_fate(name, &fate);
                } else {
                    let reply = self.replied.get(&name).map(|reply| &reply[..]);
                    assert_eq!(reply, Some(line), "{name:?}");
                    assert!(self.book.begun.contains_key(&name));
                }
            }
        }
    }

    fn check_fate(&mut self, name: Name, fate: &Fate) {
        let begun = self.book.begun.contains_key(&name);
        match fate {
            Fate::Malformed => assert!(self.malformed.contains(&name), "{name:?}"),
            Fate::Lost(Lost::NeverSent) => assert!(!begun, "{name:?} was sent"),
            Fate::Lost(Lost::SentNoReply) if begun => {}
            Fate::Lost(Lost::SentNoReply) => {
                assert!(self.book.nameless > 0, "{name:?} was not sent");
                self.book.nameless -= 1;
                self.book.begun.insert(name, 0);
            }
        }
    }

    fn check_links(&mut self) {
        let mut all = 0;
        let links = self.rig.session.status().links.into_iter();
        let stalled = links.filter(|link| link.stalled).map(|link| link.link.index());
        let stalled: HashSet<_> = stalled.collect();
        if self.book.pipeline > self.config.pipeline {
            // What is in flight already may stay.
            let most = self.book.pipeline;
            for wire in self.rig.wires.values() {
                let allowed = self.book.allowed.entry(wire.lond.serial).or_default();
                *allowed = most.max(*allowed);
            }
        }
        self.book.pipeline = self.config.pipeline;
        for (link, wire) in &self.rig.wires {
            let unsent = self.rig.session.unsent(LinkId(*link));
            if wire.lines_in < wire.lond.num_steps() {
                check_opening(wire, unsent);
                continue;
            }
            let in_flight = in_flight(wire, unsent);
            let allowed = self.book.allowed.entry(wire.lond.serial).or_default();
            *allowed = (*allowed).min(in_flight).max(self.config.pipeline);
            assert!(in_flight <= *allowed, "{in_flight} are in flight, not {allowed}");
            all += in_flight;
            let is_stalled = stalled.contains(link);
            check_stalled(&mut self.book.stalled, wire, in_flight, is_stalled);
            assert!(
                !is_stalled || num_lines(unsent) - num_changes(wire, unsent) <= 1,
                "more waits behind a slow one"
            );
        }
        assert_eq!(self.rig.session.status().in_flight, all);
    }

    /// Each command of those behind the first `seen` was carried out by the id that its client said.
    pub(super) fn check_hosts(&self, lond: &Lond, seen: usize) {
        for (command, by) in lond.seen.iter().zip(&lond.seen_by).skip(seen) {
            let said = match name_of(command) {
                None if is_change(command) => continue,
                None => PEER,
                Some((number, seq)) => match self.askers[number as usize].asks[seq] {
                    Ask::Forward { host, .. } => host.id(),
                    Ask::Nothing | Ask::CriticalNothing | Ask::Stop | Ask::Retry | Ask::Refused(_) => {
                        panic!("{} is sent", command.escape_ascii())
                    }
                },
            };
            assert_eq!(by, said, "{}", command.escape_ascii());
        }
    }

    /// Only what is to take a place, or was asked for, may come on top.
    fn check_num_links(&self) {
        let links = self.rig.session.status().links.into_iter();
        let active = links.filter(|link| match link.state {
            LinkState::Retiring => false,
            LinkState::Up => true,
            LinkState::Opening(_) | LinkState::Handshake(_) | LinkState::Waiting => {
                !matches!(link.cause, Cause::Replacement | Cause::Asked | Cause::Silence)
            }
        });
        let (active, most) = (active.count(), self.config.max_connections);
        assert!(active <= most, "{active} links, not {most}");
    }

    /// Nobody waits for a link longer than is allowed.
    fn check_waits(&self) {
        if self.book.state != State::Connecting || self.book.nameless > 0 {
            return;
        }
        for asker in self.askers.iter().filter(|asker| asker.here) {
            let is_served = asker.unread < self.config.max_client_bytes;
            let begun = self.book.begun.contains_key(&(asker.number, asker.answered));
            if let Some(asked_at) = asker.asked_at.get(asker.answered).filter(|_| is_served && !begun) {
                let until = self.book.lost_at.max(*asked_at) + self.config.connect_wait;
                let is_put_off = until <= self.put_off;
                let until = if is_put_off { self.put_off + SECOND } else { until };
                assert!(self.rig.now < until, "{} waits for a link too long", asker.number);
            }
        }
    }

    fn check_status(&self) {
        let status = self.rig.session.status();
        let counted = Counters {
            requests: self.book.asked as u64,
            bytes_sent: self.book.sent as u64,
            replies: status.counters.replies,
            bytes_received: status.counters.bytes_received,
            ..self.book.counted
        };
        assert_eq!(status.counters, counted);
        assert_eq!(status.state, self.book.state);
        let here = || self.askers.iter().filter(|asker| asker.here);
        assert_eq!(status.clients, here().count());
        let open: usize = here().map(|asker| asker.asks.len() - asker.answered).sum();
        assert!(status.queued <= open && open <= status.queued + status.in_flight);
        assert!(self.rig.stops <= self.book.oks, "stopped without being asked");
        assert_eq!(self.rig.stops > 0, self.book.oks > 0);
        if self.stopped {
            assert!(self.rig.wires.is_empty());
            assert_eq!(self.rig.session.poll_timeout(), None);
        }
    }
}

/// Until the handshake is answered there is nothing to write but its present line.
fn check_opening(wire: &Wire, unsent: &[u8]) {
    let lond = &wire.lond;
    if !wire.connected || lond.is_open() {
        assert!(unsent.is_empty(), "{}", unsent.escape_ascii());
    } else if !unsent.is_empty() {
        let line = lond.step(lond.steps).0 + "\n";
        assert!(line.as_bytes().ends_with(unsent), "{}", unsent.escape_ascii());
    }
}

/// Nothing more is put on a link while its oldest request is slow.
fn check_stalled(known: &mut HashMap<u64, (usize, usize)>, wire: &Wire, in_flight: usize, is_stalled: bool) {
    let before = known.remove(&wire.lond.serial);
    if is_stalled {
        if let Some((_, before)) = before.filter(|(lines_in, _)| *lines_in == wire.lines_in) {
            assert!(in_flight <= before, "more is put behind a slow one");
        }
        known.insert(wire.lond.serial, (wire.lines_in, in_flight));
    }
}

fn num_lines(bytes: &[u8]) -> usize {
    bytes.split_inclusive(|byte| *byte == b'\n').count()
}

/// Commands begun and not answered.
fn in_flight(wire: &Wire, unsent: &[u8]) -> usize {
    let lines = num_lines(unsent);
    // A line that lond has in part goes on in what is unsent.
    assert!(wire.lond.partial.is_empty() || lines > 0);
    let seen = wire
        .lond
        .seen
        .iter()
        .filter(|command| !is_change(command))
        .count();
    let check = usize::from(wire.lond.steps > wire.lond.num_steps());
    seen + lines - num_changes(wire, unsent) + check - wire.lond.num_replies(wire.lines_in)
}

/// Of the lines that are not written, at least not wholly, those that only have lond go by another id.
fn num_changes(wire: &Wire, unsent: &[u8]) -> usize {
    let lines = [&wire.lond.partial, unsent].concat();
    let lines = lines.split_inclusive(|byte| *byte == b'\n');
    lines
        .filter(|line| line.ends_with(b"\n") && is_change(line))
        .count()
}
