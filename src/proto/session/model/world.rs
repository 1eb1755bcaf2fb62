//! Lets it happen.

use std::collections::{BTreeMap, HashSet};
use std::format;
use std::prelude::v1::*;
use std::vec;

use core::time::Duration;

use super::checks::Book;
use super::steps::{Ask, Ending, Host, Reply, Setting, Step};
use crate::script::Pick;
use crate::session::tests::lond::{PEER, Style, is_change};
use crate::session::tests::rig::Rig;
use crate::session::{ClientId, Config, LinkError, LinkId, LinkState, Others};
use crate::time::Instant;

/// Shorter than any `max_reply_bytes` there is.
const SURELY_SHORT: usize = 120;

/// Names a request: the client's number, and which of its requests, from 0.
pub(super) type Name = (u32, usize);

pub(super) struct Asker {
    pub(super) id: ClientId,
    pub(super) number: u32,
    pub(super) may_stop: bool,
    pub(super) asks: Vec<Ask>,
    /// When each of them was asked.
    pub(super) asked_at: Vec<Instant>,
    /// Bytes of their lines.
    pub(super) line_lens: Vec<usize>,
    pub(super) answered: usize,
    /// Bytes of answers it was given and has not taken.
    pub(super) unread: usize,
    pub(super) here: bool,
}

impl Asker {
    fn line(&self, ask: Ask, seq: usize) -> String {
        match ask {
            Ask::Nothing => "\n".into(),
            Ask::CriticalNothing => "critical:\n".into(),
            Ask::Stop => "close_connection_exit\n".into(),
            Ask::Retry => "reset_retries\n".into(),
            Ask::Refused(line) => line.into(),
            Ask::Forward {
                encrypted,
                critical,
                host,
                filler,
            } => format!(
                "{}{}{}r{:04}.{seq:06}:{}\n",
                if critical { "critical:" } else { "" },
                match host {
                    Host::Unsaid => String::new(),
                    Host::Own | Host::Other => format!("sethost:{}:", host.id()),
                },
                if encrypted { "encrypt:" } else { "" },
                self.number,
                "x".repeat(filler)
            ),
        }
    }
}

/// The request that a command, or the front of one, names; a probe names none.
pub(super) fn name_of(command: &[u8]) -> Option<Name> {
    let words = std::str::from_utf8(command.get(..12)?).ok()?.strip_prefix('r')?;
    let (number, seq) = words.split_once('.')?;
    Some((number.parse().ok()?, seq.parse().ok()?))
}

pub(super) struct World {
    pub(super) rig: Rig,
    pub(super) config: Config,
    pub(super) askers: Vec<Asker>,
    pub(super) book: Book,
    /// What lond answered, by request.
    pub(super) replied: BTreeMap<Name, Vec<u8>>,
    /// What lond answered in a way that nobody can use.
    pub(super) malformed: HashSet<Name>,
    /// Connections on which lond broke a rule.
    rude: HashSet<u64>,
    /// Connections where lonc came late once while they opened.
    late_openings: HashSet<u64>,
    pub(super) stopped: bool,
    /// When lonc came late last and found what a lond had answered: what was due by then has a second more.
    pub(super) put_off: Instant,
}

impl World {
    pub(super) fn new(setting: &Setting) -> Self {
        let config = setting.config();
        let rig = Rig::new(config.clone());
        let mut world = Self {
            book: Book::new(&config, rig.now),
            rig,
            config,
            askers: vec![],
            replied: BTreeMap::new(),
            malformed: HashSet::new(),
            rude: HashSet::new(),
            late_openings: HashSet::new(),
            stopped: false,
            put_off: Instant::default(),
        };
        world.check();
        world
    }

    pub(super) fn take(&mut self, step: &Step) {
        match step {
            Step::Join { may_stop } => self.join(*may_stop),
            Step::Leave(one) => self.with_asker(*one, |world, at| {
                world.askers[at].here = false;
                let id = world.askers[at].id;
                world.rig.session.handle_client_left(id, world.rig.now);
                world.rig.obey();
            }),
            Step::Say(one, asks) => self.with_asker(*one, |world, at| world.say(at, asks)),
            Step::Take(one, bytes) => self.with_asker(*one, |world, at| world.read(at, *bytes)),
            Step::Connect(one) => self.with_wire(*one, Self::connect),
            Step::Fail(one) => self.with_wire(*one, |world, link| world.rig.fail(link)),
            Step::Write(one, most) => self.with_wire(*one, |world, link| world.write(link, *most)),
            Step::Answer(one, replies) => self.with_wire(*one, |world, link| world.answer(link, replies)),
            Step::Deliver(one, most) => self.with_wire(*one, |world, link| world.deliver(link, *most)),
            Step::Serve(one, rounds) => self.with_wire(*one, |world, link| {
                for _ in 0..*rounds {
                    world.serve(link);
                }
            }),
            Step::Unasked(one, bytes) => {
                self.with_wire(*one, |world, link| world.unasked(link, bytes.as_bytes()));
            }
            Step::Pass(span) => self.rig.pass(*span),
            Step::Late(span) => {
                self.rig.stall(*span);
                self.rig.pass(Duration::ZERO);
            }
            Step::LateToRead(one, span) => {
                self.with_wire(*one, |world, link| world.late_to_read(link, *span));
            }
            Step::PassToTimeout => self.pass_to_timeout(),
            Step::SpuriousTimeout => {
                self.rig.session.handle_timeout(self.rig.now);
                self.rig.obey();
            }
            Step::Moved(one) => self.with_wire(*one, |world, link| {
                world.rig.session.handle_moved(LinkId(link), world.rig.now);
                world.rig.obey();
            }),
            Step::Reconnect => {
                self.rig.session.handle_reconnect(self.rig.now);
                self.rig.obey();
            }
            Step::Reconfigure(setting, reopen) => self.reconfigure(setting.config(), *reopen),
            Step::Stop => self.stop(),
        }
        self.check();
    }

    fn with_asker(&mut self, one: Pick, act: impl FnOnce(&mut Self, usize)) {
        let here: Vec<_> = (0..self.askers.len())
            .filter(|at| self.askers[*at].here)
            .collect();
        if !here.is_empty() {
            act(self, here[one.index(here.len())]);
        }
    }

    fn with_wire(&mut self, one: Pick, act: impl FnOnce(&mut Self, usize)) {
        let links: Vec<_> = self.rig.wires.keys().copied().collect();
        if !links.is_empty() {
            act(self, links[one.index(links.len())]);
        }
    }

    fn join(&mut self, may_stop: bool) {
        let id = self.rig.session.handle_client_joined(may_stop, self.rig.now);
        self.askers.push(Asker {
            id,
            number: u32::try_from(self.askers.len()).unwrap(),
            may_stop,
            asks: vec![],
            asked_at: vec![],
            line_lens: vec![],
            answered: 0,
            unread: 0,
            here: true,
        });
    }

    fn say(&mut self, at: usize, asks: &[Ask]) {
        let asker = &mut self.askers[at];
        let mut lines = String::new();
        for ask in asks {
            let line = asker.line(*ask, asker.asks.len());
            asker.line_lens.push(line.len());
            lines += &line;
            asker.asks.push(*ask);
            asker.asked_at.push(self.rig.now);
        }
        self.book.asked += asks.len();
        self.rig.say(asker.id, &lines);
    }

    fn read(&mut self, at: usize, bytes: Option<usize>) {
        let asker = &mut self.askers[at];
        let bytes = bytes.map_or(asker.unread, |bytes| bytes.min(asker.unread));
        asker.unread -= bytes;
        self.rig.take(asker.id, bytes);
    }

    fn connect(&mut self, link: usize) {
        if !self.rig.wire(link).connected {
            let num = (self.rig.others.num + 1) % 4;
            self.rig.others = Others {
                num,
                any_untried: num % 2 == 1,
            };
            self.rig.is_old = num == 3;
            self.rig.secures = num.is_multiple_of(2);
            self.rig.connect(link);
            self.check();
        }
    }

    fn write(&mut self, link: usize, most: usize) {
        let unsent = self.rig.session.unsent(LinkId(link)).to_vec();
        let some = most.min(unsent.len());
        if !self.rig.wire(link).connected {
            return;
        }
        if !self.rig.wire(link).secured {
            assert_eq!(unsent, b"", "said before it is secured");
            self.rig.secure(link);
            return self.check();
        }
        self.book
            .begins(&self.askers, &self.rig.wire(link).lond, &unsent, some);
        self.book.sent += some;
        let seen = self.rig.wire(link).lond.seen.len();
        self.rig.write(link, some);
        if let Some(wire) = self.rig.wires.get(&link) {
            self.check_hosts(&wire.lond, seen);
        }
        self.check();
    }

    fn answer(&mut self, link: usize, replies: &[Reply]) {
        let lond = self.rig.lond(link);
        for reply in replies {
            let Some(command) = lond.waiting.front() else {
                return;
            };
            let name = name_of(command);
            let own = if is_change(command) { "ok" } else { PEER };
            let words = name.map_or(own.into(), |(number, seq)| {
                let filler = "y".repeat(reply.filler);
                format!("re:{number}.{seq}@{}{filler}", lond.serial)
            });
            let before = lond.outbox.len();
            lond.answer(words.as_bytes(), reply.style);
            if lond.outbox.len() - before > SURELY_SHORT {
                self.rude.insert(lond.serial);
            }
            if let Some(name) = name {
                if matches!(reply.style, Style::Malformed(_)) {
                    self.malformed.insert(name);
                } else {
                    self.replied.insert(name, words.into_bytes());
                }
            }
        }
    }

    fn deliver(&mut self, link: usize, most: usize) {
        let wire = self.rig.wire(link);
        if !wire.connected || wire.lond.outbox.is_empty() {
            return;
        }
        let (serial, lines_before) = (wire.lond.serial, wire.lines_in);
        let some = most.min(wire.lond.outbox.len());
        let newlines = wire.lond.outbox[..some].iter().filter(|byte| **byte == b'\n');
        let lines = lines_before + newlines.count();
        let replies = wire.lond.num_replies(lines) - wire.lond.num_replies(lines_before);
        self.book.peer_answers |= wire.lond.num_replies(lines) > 1;
        let replies_before = self.rig.session.status().counters.replies;
        self.rig.deliver(link, some);
        if self.rig.ends().is_empty() {
            let counted = self.rig.session.status().counters.replies - replies_before;
            assert_eq!(counted, replies as u64, "replies of link {link}");
        } else {
            assert!(
                self.rude.contains(&serial),
                "an honest lond is cut off: {:?}",
                self.rig.ends()
            );
        }
        self.check();
    }

    /// The driver comes late, and finds what lond has answered: no link is given up for that, but for an opening that was
    /// put off before, which may be past its end for good.
    fn late_to_read(&mut self, link: usize, span: Duration) {
        if !self.rig.wire(link).connected || self.rig.wire(link).lond.outbox.is_empty() {
            return;
        }
        let serial = self.rig.wire(link).lond.serial;
        // lond may have opened it, and the last of its answers be among those that are not read.
        let status = self.rig.session.status();
        let mut links = status.links.iter();
        let is_up = links
            .find(|status| status.link.index() == link)
            .is_some_and(|status| matches!(status.state, LinkState::Up | LinkState::Retiring));
        let is_first = is_up || self.late_openings.insert(serial);
        self.rig.stall(span);
        self.put_off = self.rig.now;
        self.rig.unread(link);
        let before = self.rig.failures().len();
        self.rig.pass(Duration::ZERO);
        // It may be one that nobody needs any more.
        let failures = self.rig.failures().split_off(before);
        let has_failed = failures.iter().any(|(failed, _)| failed.index() == link);
        assert!(
            !has_failed || !is_first,
            "unread replies of link {link}: {failures:?}"
        );
        self.check();
        if self
            .rig
            .wires
            .get(&link)
            .is_some_and(|wire| wire.lond.serial == serial)
        {
            self.deliver(link, usize::MAX);
        }
    }

    /// Everything moves once.
    fn serve(&mut self, link: usize) {
        if self.rig.wires.contains_key(&link) {
            self.connect(link);
            self.write(link, usize::MAX);
            let plain = Reply {
                style: Style::Plain,
                filler: 0,
            };
            self.answer(link, &[plain; 10]);
            self.deliver(link, usize::MAX);
        }
    }

    fn unasked(&mut self, link: usize, bytes: &[u8]) {
        let wire = self.rig.wire(link);
        if wire.connected && wire.lond.outbox.is_empty() && wire.lond.waiting.is_empty() {
            self.rig.receive(link, bytes);
            assert_eq!(self.rig.ends(), [LinkError::Unasked]);
        }
    }

    fn pass_to_timeout(&mut self) {
        if let Some(due) = self.rig.session.poll_timeout() {
            self.rig.now = self.rig.now.max(due);
            self.rig.session.handle_timeout(self.rig.now);
            let any = self.rig.obey();
            let next = self.rig.session.poll_timeout();
            let progress = any || next.is_none_or(|next| next > self.rig.now);
            assert!(progress, "a time-out did nothing");
        }
    }

    fn reconfigure(&mut self, config: Config, reopen: bool) {
        self.config = config.clone();
        self.rig.pong = config.pong;
        self.rig.session.handle_reconfigure(config, reopen, self.rig.now);
        self.rig.obey();
    }

    fn stop(&mut self) {
        self.rig.session.handle_stop(self.rig.now);
        self.rig.obey();
        self.stopped = true;
    }

    /// Everybody who stayed has all answers within the sum of the times allowed.
    pub(super) fn come_to_rest(&mut self, ending: Ending) {
        if ending == Ending::Stopped {
            self.stop();
        }
        let config = &self.config;
        let each = config.request_timeout + config.handshake_timeout + config.probe_interval;
        let end = self.rig.now + config.connect_wait + each * 4;
        loop {
            self.move_all(ending);
            if self.unanswered() == 0 {
                break;
            }
            assert!(
                self.rig.session.poll_timeout().is_some(),
                "left waiting for nothing"
            );
            self.pass_to_timeout();
            assert!(self.rig.now <= end, "left waiting too long");
            self.check();
        }
        let status = self.rig.session.status();
        assert_eq!(status.queued, 0);
        assert!(ending != Ending::Served || status.in_flight == 0);
        if ending == Ending::Served && !self.stopped {
            self.come_to_few_links();
        }
    }

    /// With lond at work and nobody in need of them, links that are not kept are closed, and those that are are open.
    fn come_to_few_links(&mut self) {
        let config = &self.config;
        let opening = config.opening_timeout * 4;
        let end = self.rig.now + config.idle_timeout + config.request_timeout + opening;
        loop {
            let status = self.rig.session.status();
            if status.links.len() == self.config.connections
                && status.links.iter().all(|link| link.state == LinkState::Up)
            {
                return;
            }
            assert!(self.rig.session.poll_timeout().is_some(), "links for nobody");
            self.pass_to_timeout();
            assert!(self.rig.now <= end, "links for nobody, for too long");
            self.check();
            self.move_all(Ending::Served);
        }
    }

    /// Moves all there is to move without time passing.
    fn move_all(&mut self, ending: Ending) {
        loop {
            let before = (self.book.sent, self.unanswered(), self.rig.wires.len());
            for link in self.rig.wires.keys().copied().collect::<Vec<_>>() {
                match ending {
                    Ending::Served | Ending::Stopped => self.serve(link),
                    Ending::Refused => self.rig.fail(link),
                    Ending::Silent => {
                        self.connect(link);
                        self.write(link, usize::MAX);
                    }
                }
                self.check();
            }
            for at in 0..self.askers.len() {
                if self.askers[at].here {
                    self.read(at, None);
                    self.check();
                }
            }
            let idle = |link: &usize| {
                let unsent = self.rig.session.unsent(LinkId(*link));
                unsent.is_empty() && self.rig.wires[link].lond.outbox.is_empty()
            };
            let quiet = ending != Ending::Served || self.rig.wires.keys().all(idle);
            if quiet && before == (self.book.sent, self.unanswered(), self.rig.wires.len()) {
                return;
            }
        }
    }

    fn unanswered(&self) -> usize {
        let here = self.askers.iter().filter(|asker| asker.here);
        here.map(|asker| asker.asks.len() - asker.answered).sum()
    }
}
