//! The same with a spool: whatever happens, no delayed message and no critical request is lost, doubled in its
//! report, or out of its turn.

mod steps;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::format;
use std::prelude::v1::*;
use std::{panic, vec};

#[cfg(test)]
use proptest::prelude::*;

use self::steps::{Ask, Step};
#[cfg(test)]
use crate::script::scripted;
use crate::script::{Pick, Script};
use crate::session::tests::lond::Style;
use crate::session::tests::rig::{Rig, SECOND, config};
use crate::session::{ClientId, Config, Event, LinkId, MessageId, PER_REQUEST, Stored};

struct Asker {
    id: ClientId,
    asks: Vec<(Ask, String)>,
    /// Bytes of their lines.
    line_lens: Vec<usize>,
    answered: usize,
    here: bool,
}

struct World {
    rig: Rig,
    config: Config,
    askers: Vec<Asker>,
    /// On disk and not handed in.
    disk: VecDeque<String>,
    /// Handed in, by id, and what became of each.
    handed: Vec<(String, Option<bool>)>,
    /// Reported as delivered, and the session was not told that they are removed.
    unremoved: usize,
    /// The session was told of others as removed, and not that no crash brings them back.
    may_come_back: bool,
    /// Critical commands of clients, in clear, that were put on a link.
    begun: BTreeSet<String>,
    /// The last critical command that any lond saw for the first time, of each client.
    last_critical: BTreeMap<usize, usize>,
    /// Commands that any lond saw.
    sighted: HashSet<Vec<u8>>,
    /// Commands of the handed in that any lond saw, in the order of first sight.
    first_seen: Vec<usize>,
    /// What each connection saw: how many lines, and which of the handed in.
    seen: BTreeMap<u64, (usize, BTreeSet<usize>)>,
    /// Commands with a reply that came back.
    replied: BTreeSet<String>,
    /// What became of the critical requests that were to be stored.
    stored: HashMap<String, Stored>,
    /// Of those still being stored so many, the first, were given up.
    late: usize,
    /// So many were answered so without being handed in.
    failed: usize,
    /// Events that were looked at.
    events: usize,
    stopped: bool,
}

impl World {
    fn new(config: Config) -> Self {
        Self {
            rig: Rig::new(config.clone()),
            config,
            askers: vec![],
            disk: VecDeque::new(),
            handed: vec![],
            unremoved: 0,
            may_come_back: false,
            begun: BTreeSet::new(),
            last_critical: BTreeMap::new(),
            sighted: HashSet::new(),
            first_seen: vec![],
            seen: BTreeMap::new(),
            replied: BTreeSet::new(),
            stored: HashMap::new(),
            late: 0,
            failed: 0,
            events: 0,
            stopped: false,
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Join => {
                let id = self.rig.client();
                self.askers.push(Asker {
                    id,
                    asks: vec![],
                    line_lens: vec![],
                    answered: 0,
                    here: true,
                });
            }
            Step::Leave(one) => {
                if let Some(at) = self.pick_asker(*one) {
                    self.askers[at].here = false;
                    self.rig
                        .session
                        .handle_client_left(self.askers[at].id, self.rig.now);
                    self.rig.obey();
                }
            }
            Step::Say(one, asks) => {
                if let Some(at) = self.pick_asker(*one) {
                    self.say(at, asks);
                }
            }
            Step::Appear(count) => self.appear(*count),
            Step::HandIn(most) => self.hand_in(*most),
            Step::Store(outcome) => self.store(*outcome),
            Step::Withdraw(one) => self.withdraw(*one),
            Step::Removed => self.removed(),
            Step::RemovalsSafe => self.removals_safe(),
            Step::Connect(one) => self.with_link(*one, |world, link| {
                if !world.rig.wire(link).connected {
                    world.rig.connect(link);
                }
            }),
            Step::Open(one) => self.with_link(*one, Self::open),
            Step::Fail(one) => self.with_link(*one, |world, link| world.rig.fail(link)),
            Step::Write(one, most) => self.with_link(*one, |world, link| world.write(link, *most)),
            Step::Answer(one, empty) => self.with_link(*one, |world, link| {
                for empty in empty {
                    world.answer(link, *empty);
                }
            }),
            Step::Pass(span) => self.rig.pass(*span),
            Step::PassToTimeout => self.pass_to_timeout(),
            Step::Reconnect => {
                self.rig.session.handle_reconnect(self.rig.now);
                self.rig.obey();
            }
            Step::Reopen => {
                self.rig
                    .session
                    .handle_reconfigure(self.config.clone(), true, self.rig.now);
                self.rig.obey();
            }
            Step::Stop => {
                self.rig.session.handle_stop(self.rig.now);
                self.rig.obey();
                self.stopped = true;
            }
        }
        self.check();
    }

    fn pick_asker(&self, one: Pick) -> Option<usize> {
        let here: Vec<_> = (0..self.askers.len())
            .filter(|at| self.askers[*at].here)
            .collect();
        (!here.is_empty()).then(|| here[one.index(here.len())])
    }

    fn with_link(&mut self, one: Pick, act: impl FnOnce(&mut Self, usize)) {
        let links: Vec<_> = self.rig.wires.keys().copied().collect();
        if !links.is_empty() {
            act(self, links[one.index(links.len())]);
        }
    }

    fn say(&mut self, at: usize, asks: &[(Ask, bool)]) {
        let asker = &mut self.askers[at];
        let mut lines = String::new();
        for (ask, encrypted) in asks {
            let command = format!("ask{at}.{}", asker.asks.len());
            let encrypt = if *encrypted { "encrypt:" } else { "" };
            let words: [&str; 3] = match ask {
                Ask::Plain => ["", encrypt, &command],
                Ask::Critical => ["critical:", encrypt, &command],
                Ask::Nothing => ["", "", ""],
            };
            let line = words.concat() + "\n";
            asker.line_lens.push(line.len());
            lines += &line;
            asker.asks.push((*ask, command));
        }
        self.rig.say(asker.id, &lines);
    }

    fn appear(&mut self, count: usize) {
        for _ in 0..count {
            let number = self.disk.len() + self.handed.len();
            self.disk.push_back(format!("file{number}"));
        }
        self.rig.session.handle_fell_behind(self.rig.now);
        self.rig.obey();
    }

    fn hand_in(&mut self, most: usize) {
        if !self.rig.session.wants_messages() {
            return;
        }
        if self.disk.is_empty() {
            return self.rig.catch_up();
        }
        for command in self.disk.drain(..most.min(self.disk.len())) {
            let id = self.handed.len();
            self.rig.delay(id as u64, &format!("{}{command}", prefix_of(id)));
            self.handed.push((command, None));
        }
    }

    fn store(&mut self, outcome: Stored) {
        let Some((_, request)) = self.rig.to_store.front() else {
            return;
        };
        assert!(request.is_critical());
        let command = String::from_utf8(request.command().to_vec()).unwrap();
        assert!(!self.replied.contains(&command), "{command} was answered");
        if outcome == Stored::Safe {
            self.disk.push_back(command.clone());
        }
        if self.late > 0 {
            self.late -= 1;
            self.rig.store(outcome);
            assert!(self.rig.events.contains(&Event::StoredLate(outcome)));
            return;
        }
        let before = self.stored.insert(command.clone(), outcome);
        assert_eq!(before, None, "{command} is stored twice");
        self.rig.store(outcome);
    }

    /// Those that take too long to be stored are answered so, the oldest first.
    fn look_at_events(&mut self) {
        for event in self.rig.events.iter().skip(self.events) {
            if let Event::NotStored { count, is_handed_in } = event {
                if !is_handed_in {
                    self.failed += count;
                    continue;
                }
                for (_, request) in self.rig.to_store.iter().skip(self.late).take(*count) {
                    let command = String::from_utf8(request.command().to_vec()).unwrap();
                    let before = self.stored.insert(command.clone(), Stored::Failed);
                    assert_eq!(before, None, "{command} is given up twice");
                }
                self.late += count;
            }
        }
        self.events = self.rig.events.len();
    }

    /// One that waits can be taken back, and is not reported any more.
    fn withdraw(&mut self, one: Pick) {
        let open: Vec<_> = (0..self.handed.len())
            .filter(|id| self.handed[*id].1.is_none())
            .collect();
        if open.is_empty() {
            return;
        }
        let id = open[one.index(open.len())];
        let is_back = self
            .rig
            .session
            .handle_withdraw(MessageId(id as u64), self.rig.now);
        if is_back {
            self.handed[id].1 = Some(false);
        }
        self.rig.obey();
    }

    fn removed(&mut self) {
        if self.unremoved > 0 {
            self.unremoved -= 1;
            self.may_come_back = true;
            self.rig.removed();
        }
    }

    fn removals_safe(&mut self) {
        self.may_come_back = false;
        self.rig.removals_safe();
    }

    /// What is critical does not go before all that was answered is gone for good.
    fn check_order(&mut self) {
        let is_safe = self.unremoved == 0 && !self.may_come_back;
        let all = self.askers.iter().flat_map(|asker| &asker.asks);
        let critical = all
            .filter(|(ask, _)| matches!(ask, Ask::Critical))
            .map(|(_, command)| command);
        for (link, wire) in &self.rig.wires {
            let on_it = [&wire.lond.partial, self.rig.session.unsent(LinkId(*link))].concat();
            let lines: BTreeSet<_> = on_it.split(|byte| *byte == b'\n').collect();
            let now = critical.clone().filter(|command| {
                lines.contains(command.as_bytes())
                    && !self.handed.iter().any(|(handed, _)| handed == *command)
            });
            for command in now {
                let is_new = self.begun.insert(command.clone());
                assert!(!is_new || is_safe, "{command} would be overtaken after a crash");
            }
        }
    }

    fn open(&mut self, link: usize) {
        if !self.rig.wires.contains_key(&link) {
            // Another one was up before.
            return;
        }
        if !self.rig.wire(link).connected {
            self.rig.connect(link);
        }
        self.rig.finish(link);
        if self.rig.wires.contains_key(&link) {
            self.look(link);
        }
    }

    fn write(&mut self, link: usize, most: usize) {
        if self.rig.wire(link).connected && self.rig.wire(link).is_checked() {
            self.rig.write(link, most);
            self.look(link);
        }
    }

    /// What lond sees: each message in its turn, first and again.
    fn look(&mut self, link: usize) {
        let lond = self.rig.lond(link);
        let (lines, on_this) = self.seen.entry(lond.serial).or_default();
        for command in lond.seen.iter().skip(*lines) {
            if self.sighted.insert(command.clone()) {
                see_critical(&self.askers, &self.stored, &mut self.last_critical, command);
            }
            let is_it = |(handed, _): &(String, Option<bool>)| handed.as_bytes() == command;
            // A stored critical request was perhaps sent by its client before it was handed in.
            let Some(id) = self.handed.iter().position(is_it) else {
                continue;
            };
            assert_eq!(self.handed[id].1, None, "{id} is sent although it is through");
            let skipped = (0..id).find(|lower| self.handed[*lower].1.is_none() && !on_this.contains(lower));
            assert_eq!(skipped, None, "{id} is sent before its turn");
            on_this.insert(id);
            if !self.first_seen.contains(&id) {
                self.first_seen.push(id);
            }
        }
        *lines = lond.seen.len();
        assert!(self.first_seen.is_sorted(), "{:?}", self.first_seen);
        let at_risk = self.first_seen.iter().filter(|id| self.handed[**id].1.is_none());
        let at_risk = at_risk.count() + self.unremoved;
        assert!(
            at_risk <= self.config.pipeline,
            "{at_risk} would be sent again after a crash"
        );
    }

    /// lond answers its oldest command, and the answer arrives.
    fn answer(&mut self, link: usize, empty: bool) {
        let Some(wire) = self.rig.wires.get_mut(&link) else {
            return;
        };
        let Some(command) = wire.lond.waiting.front().cloned() else {
            return;
        };
        let command = String::from_utf8(command).unwrap();
        let id = self.handed.iter().position(|(handed, _)| *handed == command);
        let words = if empty && id.is_some() {
            String::new()
        } else {
            format!("re:{command}")
        };
        let before = self.rig.through.len();
        if id.is_none() {
            self.replied.insert(command.clone());
        }
        self.rig.lond(link).answer(words.as_bytes(), Style::Plain);
        self.rig.deliver(link, usize::MAX);
        if let Some(id) = id {
            let new: Vec<_> = self.rig.through[before..]
                .iter()
                .map(|(id, how)| (id.0, *how))
                .collect();
            let delivered = new == [(id as u64, true)];
            assert_eq!(delivered, !empty, "{command}: {new:?}");
        }
        self.check();
    }

    fn pass_to_timeout(&mut self) {
        if let Some(due) = self.rig.session.poll_timeout() {
            self.rig.now = self.rig.now.max(due);
            self.rig.session.handle_timeout(self.rig.now);
            self.rig.obey();
        }
    }

    fn check(&mut self) {
        for (id, delivered) in std::mem::take(&mut self.rig.through) {
            let (command, fate) = &mut self.handed[usize::try_from(id.0).unwrap()];
            assert_eq!(*fate, None, "{command} is reported twice");
            *fate = Some(delivered);
            self.unremoved += usize::from(delivered);
        }
        let open = self.handed.iter().filter(|(_, fate)| fate.is_none()).count();
        assert_eq!(self.rig.session.num_messages(), open);
        assert_eq!(self.rig.session.message_bytes(), self.message_bytes());
        self.look_at_events();
        self.check_counters();
        self.check_order();
        assert_eq!(
            self.rig.session.num_storing(),
            self.rig.to_store.len() - self.late
        );
        // What is taken lets others be answered, which are looked at next time.
        let retired = self.rig.retired.clone();
        for (client, lines) in std::mem::take(&mut self.rig.answers) {
            let asker = self.askers.iter_mut().find(|asker| asker.id == client).unwrap();
            assert!(asker.here);
            for line in lines {
                let line = String::from_utf8(line).unwrap();
                let (ask, command) = asker.asks.get(asker.answered).expect("an answer to nothing");
                asker.answered += 1;
                let replied = line == format!("re:{command}") && self.replied.contains(command);
                let stored = self.stored.get(command);
                let right = match ask {
                    Ask::Nothing => line == "unknown_cmd",
                    Ask::Plain => replied || line == "con_lost",
                    Ask::Critical if replied => stored.is_none(),
                    Ask::Critical => match stored {
                        Some(Stored::Safe) => line == "con_delayed",
                        Some(Stored::Failed) => line == "con_failed",
                        None if line == "con_failed" && self.failed > 0 => {
                            self.failed -= 1;
                            self.stored.insert(command.clone(), Stored::Failed);
                            true
                        }
                        None => false,
                    },
                };
                assert!(right, "{line} for {ask:?} {command}");
                self.rig.take(client, line.len() + 1);
            }
            let answered: usize = asker.line_lens[..asker.answered].iter().sum();
            assert_eq!(retired[&client], answered);
        }
    }

    fn check_counters(&self) {
        let counters = self.rig.session.status().counters;
        let delivered = self.handed.iter().filter(|(_, fate)| *fate == Some(true));
        let of = |outcome| self.stored.values().filter(|one| **one == outcome).count();
        assert_eq!(counters.delivered, delivered.count() as u64);
        assert_eq!(counters.delayed, of(Stored::Safe) as u64);
        assert_eq!(counters.not_stored, (of(Stored::Failed) + self.failed) as u64);
    }

    /// Bytes of what was handed in and not reported.
    fn message_bytes(&self) -> usize {
        let handed = self.handed.iter().enumerate();
        let open = handed.filter(|(_, (_, fate))| fate.is_none());
        open.map(|(id, (command, _))| prefix_of(id).len() + command.len() + 1 + PER_REQUEST)
            .sum()
    }

    /// With a lond and a disk that work everything comes to its end.
    fn come_to_rest(&mut self) {
        // With a pipeline of one a message goes each time round.
        for _ in 0..200 + self.disk.len() {
            for link in self.rig.wires.keys().copied().collect::<Vec<_>>() {
                self.open(link);
                for _ in 0..50 {
                    if self.rig.wires.contains_key(&link) {
                        self.write(link, usize::MAX);
                        self.answer(link, false);
                    }
                }
            }
            while !self.rig.to_store.is_empty() {
                self.store(Stored::Safe);
            }
            while self.unremoved > 0 {
                self.removed();
            }
            self.removals_safe();
            self.hand_in(usize::MAX);
            self.check();
            let waits = |asker: &Asker| asker.here && asker.answered < asker.asks.len();
            let through = self.stopped || (self.disk.is_empty() && self.rig.session.num_messages() == 0);
            let rests = !self.rig.session.has_critical_waiting() && self.rig.to_store.is_empty();
            if through && !self.askers.iter().any(waits) && rests {
                assert!(
                    self.stopped || self.rig.session.weight() == 0,
                    "something is kept"
                );
                return self.check_critical();
            }
            if self.rig.wires.is_empty() {
                self.pass_to_timeout();
            }
        }
        panic!("somebody is left waiting");
    }

    /// Each critical request was answered by lond or stored, whether its client stayed or not.
    fn check_critical(&self) {
        // Of those who left, what was not even handed to a disk that hangs is told of, and nobody is answered.
        let mut failed = self.failed;
        for asker in &self.askers {
            for (_, command) in asker.asks.iter().filter(|(ask, _)| matches!(ask, Ask::Critical)) {
                let done = self.replied.contains(command) || self.stored.contains_key(command);
                let is_told = !done && !asker.here && failed > 0;
                failed -= usize::from(is_told);
                assert!(done || is_told, "{command} is lost");
            }
        }
        if self.stopped {
            let links: Vec<LinkId> = self.rig.session.link_ids().collect();
            assert!(links.iter().all(|link| self.rig.session.unsent(*link).is_empty()));
        }
    }
}

/// What stands before the command of a message.
fn prefix_of(id: usize) -> &'static str {
    if id.is_multiple_of(3) { "encrypt:" } else { "" }
}

/// Of each client lond first sees what is critical in order, be it sent or stored: but for what was given up and landed later.
fn see_critical(
    askers: &[Asker],
    stored: &HashMap<String, Stored>,
    last: &mut BTreeMap<usize, usize>,
    command: &[u8],
) {
    let command = str::from_utf8(command).unwrap();
    let number = |word: &str| word.parse::<usize>().ok();
    let name = command.strip_prefix("ask").and_then(|name| name.split_once('.'));
    let Some((at, seq)) = name.and_then(|(at, seq)| Some((number(at)?, number(seq)?))) else {
        return;
    };
    let is_critical = matches!(askers[at].asks[seq].0, Ask::Critical);
    if is_critical && stored.get(command) != Some(&Stored::Failed) {
        let before = last.entry(at).or_default();
        assert!(seq >= *before, "{command} comes behind ask{at}.{before}");
        *before = seq;
    }
}

fn setting(script: &mut Script<'_>) -> Config {
    let connections = script.within(0..4);
    Config {
        connections,
        max_connections: (connections + script.within(0..4)).max(1),
        idle_timeout: 200 * SECOND,
        pipeline: script.within(1..6),
        max_attempts: script.seconds(1..4),
        spool: true,
        message_timeout: 60 * SECOND,
        ..config()
    }
}

/// Lets happen what the script says.
#[cfg(fuzzing)]
pub(crate) fn play(script: &mut Script<'_>) {
    let mut world = World::new(setting(script));
    script.each(Step::read, |step| world.take(&step));
    world.come_to_rest();
}

#[cfg(test)]
proptest! {
    #![proptest_config(ProptestConfig { cases: super::cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_critical_is_lost(
        config in scripted(8, setting),
        steps in proptest::collection::vec(scripted(32, Step::read), 1..200),
    ) {
        let mut world = World::new(config);
        for step in &steps {
            world.take(step);
        }
        world.come_to_rest();
    }
}
