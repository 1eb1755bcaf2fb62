//! Lets it happen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::format;
use std::prelude::v1::*;
use std::{panic, vec};

use core::time::Duration;

use bytes::Bytes;
use fastrand::Rng;

use super::checks::Announced;
use super::disk::{Disk, at};
use super::messages::Message;
use super::operators::Operator;
use super::steps::{Luck, Setting, Step};
use super::workers::Open;
use crate::request::{Asked, Request};
use crate::script::Pick;
use crate::session::{MessageId, Ticket};
use crate::spool::{
    Asking, Command, Config, Errand, ErrandId, Machine, Name, Now, Place, Shelf, Summary, Unsendable, parse,
};
use crate::time::Instant;

pub(super) const MAX_REQUEST: usize = 60;

pub(super) struct World {
    pub(super) machine: Machine,
    config: Config,
    pub(super) disk: Disk,
    pub(super) rng: Rng,
    pub(super) now: Now,
    /// Machines before this one.
    pub(super) run: u32,
    pub(super) messages: Vec<Message>,
    /// An operation that is not done yet.
    pub(super) pending: Option<Command>,
    pub(super) open: Vec<Open>,
    /// Events of the directory that the machine does not know of yet.
    pub(super) events: VecDeque<Name>,
    pub(super) announced: Announced,
    /// The last name that was read by this machine.
    pub(super) last_read: Option<Name>,

    // The driver.
    pub(super) asking: Asking,
    /// What it has; on disk by this name.
    pub(super) given: BTreeMap<MessageId, Name>,
    /// It knows of messages that it was not given.
    pub(super) wants: bool,
    /// Delivered, and not dealt with, in order: which, and by what name.
    pub(super) removing: VecDeque<(usize, Name)>,
    num_tickets: u64,
    /// The name stored last, by this machine.
    pub(super) last_stored: Option<Name>,

    pub(super) errands: BTreeMap<ErrandId, Operator>,
    num_errands: u64,
    /// The last answer to one who counts.
    pub(super) counted: Option<Summary>,
    pub(super) to_finish: usize,
    pub(super) to_reconfigure: usize,
    /// Files of which an operator was told that they are not sent.
    pub(super) left_alone: BTreeSet<Name>,
    /// Files that could not be set aside.
    pub(super) stuck: BTreeSet<Name>,
    /// Files that were to be removed, and could not be.
    pub(super) unremovable: BTreeSet<Name>,
    /// Files that may not last, and could not be removed.
    pub(super) not_taken_back: BTreeSet<Name>,
    pub(super) removals: Removals,
}

/// What is known of removals, in one run.
#[derive(Default)]
pub(super) struct Removals {
    /// Messages were said to be removed, and not yet that no crash brings them back.
    pub(super) are_unsafe: bool,
    /// The queue could not be synced when that was tried last.
    pub(super) are_unsynced: bool,
    /// An operator was told that removals may not last, or that the queue cannot be read.
    pub(super) is_told: bool,
}

pub(super) fn request(line: &str) -> Request {
    match Asked::of(Bytes::from(line.as_bytes().to_vec())) {
        Asked::Forward(request) => request,
        Asked::Nothing | Asked::Stop | Asked::Retry | Asked::Refused(_) => panic!("{line} is a command"),
    }
}

impl World {
    pub(super) fn new(setting: &Setting) -> Self {
        let config = Config {
            peer: "msul1".into(),
            alike: vec!["a.msul1".into()],
            max_request_bytes: MAX_REQUEST,
            settle: Duration::ZERO,
            pid: 100,
            limits: setting.limits,
        };
        let now = Now {
            instant: Instant::after_origin(Duration::from_secs(100)),
            epoch: 1_000,
        };
        let mut world = Self {
            machine: Machine::new(config.clone()),
            config,
            disk: Disk::default(),
            rng: Rng::with_seed(setting.seed),
            now,
            run: 0,
            messages: vec![],
            pending: None,
            open: vec![],
            events: VecDeque::new(),
            announced: Announced::default(),
            last_read: None,
            asking: Asking::default(),
            given: BTreeMap::new(),
            wants: true,
            removing: VecDeque::new(),
            num_tickets: 0,
            last_stored: None,
            errands: BTreeMap::new(),
            num_errands: 0,
            counted: None,
            to_finish: 0,
            to_reconfigure: 0,
            left_alone: BTreeSet::new(),
            stuck: BTreeSet::new(),
            unremovable: BTreeSet::new(),
            not_taken_back: BTreeSet::new(),
            removals: Removals::default(),
        };
        world.begin();
        world
    }

    pub(super) fn take(&mut self, step: &Step) {
        match step {
            Step::Appear(kind, offset) => self.appear(*kind, *offset),
            Step::AppearAgain(one) => self.appear_again(*one),
            Step::Write(one, part) => self.write(*one, *part),
            Step::Notice(count) => self.notice(*count),
            Step::Store(fronts) => fronts.iter().for_each(|front| self.store(front)),
            Step::Ask(most) => self.ask(*most),
            Step::Deliver(one) => self.with_given(*one, Self::deliver),
            Step::SetAside(one) => self.with_given(*one, Self::set_aside),
            Step::Look => self.look(),
            Step::Move(one, to, is_busy) => self.operate_on(*one, *to, *is_busy),
            Step::List(most) => self.list(*most),
            Step::Summary => self.count(),
            Step::Reconfigure => {
                self.to_reconfigure += 1;
                let config = self.config.clone();
                self.announced.start_over(&self.disk);
                self.machine.handle_reconfigure(config, self.now);
            }
            Step::Finish => {
                self.to_finish += 1;
                self.machine.handle_finish(self.now);
            }
            Step::Work(lucks) => self.work(lucks),
            Step::Rest => self.rest(),
            Step::Pass(seconds) => self.pass(*seconds),
            Step::SetClock(offset) => self.now.epoch = self.now.epoch.saturating_add_signed((*offset).into()),
            Step::Crash => {
                self.disk.crash(&mut self.rng);
                self.open.clear();
                self.check();
                self.restart();
            }
            Step::Restart => self.restart(),
        }
        self.check();
    }

    pub(super) fn pid(&self) -> u32 {
        self.config.pid
    }

    /// Another process, another machine.
    pub(super) fn restart(&mut self) {
        self.run += 1;
        self.config.pid += 1;
        self.machine = Machine::new(self.config.clone());
        self.pending = None;
        self.events.clear();
        self.announced = Announced::default();
        self.last_read = None;
        self.asking = Asking::default();
        self.given.clear();
        self.removing.clear();
        (self.wants, self.last_stored) = (true, None);
        self.errands.clear();
        (self.to_finish, self.to_reconfigure) = (0, 0);
        self.left_alone.clear();
        self.stuck.clear();
        self.removals = Removals::default();
        for message in &mut self.messages {
            message.given = None;
            message.is_removed = false;
            message.is_withdrawn = false;
            message.set_aside = None;
        }
        self.begin();
    }

    fn begin(&mut self) {
        self.announced.start_over(&self.disk);
        self.machine.handle_start(self.now);
        self.look();
    }

    fn pass(&mut self, seconds: u32) {
        self.now.instant = self.now.instant + Duration::from_secs(seconds.into());
        self.now.epoch += u64::from(seconds);
    }

    pub(super) fn notice(&mut self, count: usize) {
        for _ in 0..count {
            let Some(name) = self.events.pop_front() else {
                return;
            };
            if self.disk.get(&at(Shelf::Queue, &name)).is_some() {
                self.announced.appeared(name.clone());
            }
            self.machine.handle_appeared(name, self.now);
        }
    }

    fn store(&mut self, front: &str) {
        let line = format!("{front}m{:03}", self.messages.len());
        let mut message = Message::new(request(&line));
        self.num_tickets += 1;
        let ticket = Ticket(self.num_tickets);
        message.ticket = Some((self.run, ticket));
        self.machine
            .handle_store(ticket, message.request.clone(), self.now);
        self.messages.push(message);
    }

    pub(super) fn ask(&mut self, most: usize) {
        if self.wants && self.asking.ask() {
            self.announced.asked();
            self.machine.handle_more(most, self.now);
        }
    }

    fn with_given(&mut self, one: Pick, act: impl FnOnce(&mut Self, MessageId)) {
        let given: Vec<_> = self.given.keys().copied().collect();
        if !given.is_empty() {
            act(self, given[one.index(given.len())]);
        }
    }

    pub(super) fn deliver(&mut self, id: MessageId) {
        let name = self.given.get(&id).cloned().expect("it is given");
        let at = self.through(id);
        self.removing.push_back((at, name));
        self.messages[at].delivered = Some(self.run);
        self.machine.handle_delivered(id, self.now);
    }

    fn set_aside(&mut self, id: MessageId) {
        let at = self.through(id);
        self.messages[at].set_aside = Some(ErrandId(self.num_errands));
        self.machine.handle_set_aside(id, self.now);
    }

    /// The driver has it no more.
    pub(super) fn through(&mut self, id: MessageId) -> usize {
        self.given.remove(&id);
        let has_it = |message: &Message| message.given == Some(id);
        let at = self.messages.iter().position(has_it).expect("it is given");
        self.messages[at].given = None;
        at
    }

    pub(super) fn look(&mut self) {
        self.wants = true;
        self.asking.look();
        let is_due = self.machine.is_look_due;
        self.announced.look(&self.disk, is_due);
        self.machine.handle_look(self.now);
    }

    pub(super) fn bring(&mut self, errand: Errand, operator: Operator) {
        self.num_errands += 1;
        let id = ErrandId(self.num_errands);
        self.errands.insert(id, operator);
        self.machine.handle_errand(id, errand, self.now);
    }

    /// The message that is in a file, whole.
    pub(super) fn message_at(&self, place: &Place) -> Option<usize> {
        let file = self.disk.get(place).filter(|file| file.is_regular)?;
        let request = parse(Bytes::from(file.content.clone()), MAX_REQUEST).ok()?;
        Some(self.message_of(&request))
    }

    /// The message that asks for this, wholly.
    pub(super) fn message_of(&self, request: &Request) -> usize {
        let command = std::str::from_utf8(request.command()).unwrap();
        let (_, number) = command.rsplit_once('m').expect("a message's number");
        let at = number.parse().expect("a message's number");
        let message: &Message = &self.messages[at];
        assert!(message.asks(request), "{message:?} is something else");
        at
    }

    /// Of the file in the queue that holds a message.
    pub(super) fn name_of(&self, index: usize) -> Option<Name> {
        let names = self.disk.names(Shelf::Queue).into_iter();
        let is_it =
            |name: &Name| Self::is_ours(name) && self.message_at(&at(Shelf::Queue, name)) == Some(index);
        names.into_iter().find(is_it)
    }

    /// As the system reads a file.
    pub(super) fn content(&self, name: &Name, most: usize) -> Result<Bytes, Unsendable> {
        let file = self.disk.get(&at(Shelf::Queue, name)).ok_or(Unsendable::Gone)?;
        if !file.is_regular {
            return Err(Unsendable::NotAFile);
        }
        let content = &file.content[..most.min(file.content.len())];
        Ok(Bytes::from(content.to_vec()))
    }

    /// With a disk that works and workers who end their lines everything is sent, or visibly left alone.
    pub(super) fn come_to_rest(&mut self, restart: bool) {
        self.rest();
        self.close();
        if restart {
            self.restart();
        }
        self.notice(usize::MAX);
        self.flush();
        // What is not finished is told of now.
        self.pass(61);
        self.look();
        self.flush();
        self.check();
        self.check_end(restart);
    }

    /// Sends all there is.
    fn flush(&mut self) {
        self.look();
        self.rest();
        while self.wants || !self.given.is_empty() {
            self.ask(3);
            self.rest();
            for id in self.given.keys().copied().collect::<Vec<_>>() {
                self.deliver(id);
            }
            self.rest();
        }
    }

    pub(super) fn work(&mut self, lucks: &[Luck]) {
        for luck in lucks {
            self.advance();
            if let Some(command) = self.pending.take() {
                self.perform(command, luck);
            }
        }
        self.advance();
    }

    /// Does all there is to do.
    pub(super) fn rest(&mut self) {
        self.work(&[Luck::Fine]);
        while self.pending.is_some() {
            self.work(&[Luck::Fine]);
        }
        self.announced.idle();
        self.check_idle();
    }

    /// Nothing is left to do but what is asked for now.
    pub(super) fn is_idle(&mut self) -> bool {
        self.advance();
        self.pending.is_none()
    }
}
