//! A process's end of the spool: its thread, which does one thing after the other on the disk of its host, and what the
//! driver knows of it. As in `src/spool/thread.rs` and `src/daemon/driver/spool.rs`.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use forgetful_disk::FileId;
use lonc_proto::request::Request;
use lonc_proto::session::{MessageId, PER_REQUEST, Session, Stored, Ticket};
use lonc_proto::spool::{
    Asking, Command, Config, Errand, ErrandId, Event as Told, FromSpool, Limits, Machine, Name, Now, Reply,
    Shelf,
};
use lonc_proto::time::Instant;

use super::Process;
use crate::book::{AskId, Mark, id_of};
use crate::disk::at;
use crate::queue::{Event, HostId, Pid};
use crate::time::{instant, micros};
use crate::world::World;

/// Bytes of delayed messages at which no more are asked for.
const MESSAGES: usize = 1024 * 1024;

enum Job {
    Look,
    Appeared(Name),
    More(usize),
    Delivered(MessageId),
    SetAside(MessageId),
    Store(Ticket, Request),
    Errand(ErrandId, Errand),
    Reconfigure,
    Finish,
}

pub(crate) struct Spool {
    machine: Machine,
    config: Config,
    jobs: VecDeque<Job>,
    /// What the disk is at, for this process.
    pub(crate) busy: Option<Command>,
    /// The file written last.
    pub(crate) written: Option<FileId>,
    /// The queue could be synced when that was tried last.
    pub(crate) is_synced: bool,
    /// When something is due.
    due: Option<Instant>,
    /// Said to the driver.
    words: VecDeque<FromSpool>,
    asking: Asking,
    /// What the session has: which it is, and what it weighs.
    given: BTreeMap<MessageId, (AskId, usize)>,
    storing: Vec<(Ticket, AskId)>,
    errands: BTreeMap<ErrandId, (Name, Shelf)>,
    num_errands: u64,
}

impl World {
    /// Of a process that begins.
    pub(super) fn spool(&mut self, host: HostId, peer: HostId, pid: Pid) -> Spool {
        let rng = &mut self.rng.processes;
        let config = Config {
            peer: self.hosts[peer].id.clone(),
            alike: Vec::new(),
            max_request_bytes: 1 << 16,
            settle: Duration::from_secs(3),
            pid: u32::try_from(pid.0).expect("so many processes"),
            limits: Limits {
                window: [2, 8, 8192][rng.usize(..3)],
                stores: [1, 3, 64][rng.usize(..3)],
                removals: [2, 8192][rng.usize(..2)],
                ..Limits::default()
            },
        };
        let mut machine = Machine::new(config.clone());
        machine.handle_start(self.time_of(host));
        Spool {
            machine,
            config,
            jobs: VecDeque::new(),
            busy: None,
            written: None,
            is_synced: true,
            due: None,
            words: VecDeque::new(),
            asking: Asking::default(),
            given: BTreeMap::new(),
            storing: Vec::new(),
            errands: BTreeMap::new(),
            num_errands: 0,
        }
    }

    pub(crate) fn notice(&mut self, process: &mut Process, name: Name) {
        process.spool.jobs.push_back(Job::Appeared(name));
        self.spool_run(process);
    }

    pub(crate) fn look_around(&mut self, process: &mut Process) {
        process.spool.jobs.push_back(Job::Look);
        self.spool_run(process);
    }

    /// Something is due, unless it was before.
    pub(crate) fn spool_due(&mut self, process: &mut Process) {
        let now = self.time_of(process.host);
        if process.spool.due.take().is_some() && process.spool.busy.is_none() {
            process.spool.machine.handle_timeout(now);
            self.spool_run(process);
        }
    }

    /// The thread of the spool goes on until it waits for the disk, or for something to do.
    pub(super) fn spool_run(&mut self, process: &mut Process) {
        while process.spool.busy.is_none() {
            let now = self.time_of(process.host);
            process.spool.take_jobs(now);
            let Some(command) = process.spool.machine.next_command() else {
                return self.spool_waits(process);
            };
            self.trace(process.host, process.peer, || {
                format!("{:?} spool: {command:?}", process.pid)
            });
            match command {
                Command::Operate(_) | Command::Record(..) => {
                    let wait = self.disk_takes(process.host);
                    process.spool.busy = Some(command);
                    self.after(wait, Event::DiskDone(process.pid));
                }
                Command::Tell(word) => {
                    self.hear(process, &word);
                    process.spool.words.push_back(word);
                    self.ready(process);
                }
                Command::Answer(id, reply) => self.errand_answered(process, id, reply),
                Command::Reconfigured => {}
                Command::Finished => return self.finished(process),
                Command::Event(told) => self.spool_tells(process, told),
            }
        }
    }

    fn spool_waits(&mut self, process: &mut Process) {
        let due = process.spool.machine.poll_timeout();
        if due != process.spool.due
            && let Some(due) = due
        {
            self.queue
                .push(micros(due).max(self.now + 1), Event::SpoolDue(process.pid));
        }
        process.spool.due = due;
    }

    /// The disk has done what it was at.
    pub(crate) fn disk_done(&mut self, process: &mut Process) {
        if let Some(command) = process.spool.busy.take() {
            self.perform(process, command);
            self.spool_run(process);
        }
    }

    fn finished(&mut self, process: &mut Process) {
        let (host, peer) = (process.host, process.peer);
        self.hosts[host].locks[peer] = None;
        process.is_dead = true;
    }

    /// Before the driver hears it: what is promised is safe.
    fn hear(&mut self, process: &mut Process, word: &FromSpool) {
        let (ticket, outcome) = match word {
            FromSpool::Stored(ticket, outcome) => (ticket, outcome),
            FromSpool::Removed => return self.book.removed(process.host, process.peer),
            FromSpool::RemovalsSafe => {
                let are_they = process.spool.is_synced;
                return self.book.removals_are_safe(process.host, process.peer, are_they);
            }
            FromSpool::Messages(_) | FromSpool::CaughtUp | FromSpool::Fresh => return,
        };
        let storing = &mut process.spool.storing;
        let at_index = storing.iter().position(|(one, _)| one == ticket);
        let (_, id) = storing.remove(at_index.expect("it is to be stored"));
        if *outcome == Stored::Safe {
            let ask = self.book.get(id);
            let name = ask.name.as_ref().expect("it has a name");
            let disk = &self.hosts[process.host].disk;
            let content = disk.safe_content(&at(Shelf::Queue, name)).unwrap_or_default();
            let is_safe = content.ends_with(b"\n") && id_of(content) == Some(id);
            assert!(is_safe, "{id} is said to be stored, and is not safe");
            self.book.stored(id, self.now);
        }
    }

    fn spool_tells(&mut self, process: &Process, told: Told) {
        let host = process.host;
        match told {
            Told::SetAside { name, to, .. } => {
                if let Some(id) = self.message_at(host, &to) {
                    let ask = self.book.get_mut(id);
                    ask.marks.put(Mark::SetAside);
                    ask.marks.put(Mark::Excused);
                    ask.name = Some(to.name);
                    self.stats.set_aside += 1;
                } else {
                    panic!("{name:?} is set aside, and is not at {to:?}");
                }
            }
            Told::LeftAlone(name, _)
            | Told::NotRemoved(name, _)
            | Told::NotTakenBack(name, _)
            | Told::NotSetAside { name, .. } => {
                if let Some(id) = self.message_at(host, &at(Shelf::Queue, &name)) {
                    let ask = self.book.get_mut(id);
                    ask.marks.put(Mark::Stuck);
                    ask.marks.put(Mark::Excused);
                }
            }
            Told::Unreadable(_)
            | Told::Readable
            | Told::LeftoverStays(..)
            | Told::NeverFinished(_)
            | Told::RemovalsUnsafe(_)
            | Told::Stored(_)
            | Told::NotStored(..)
            | Told::NotRecorded(_) => {}
        }
    }

    /// It is answered, as far as the session knows.
    pub(super) fn delivered(&mut self, process: &mut Process, id: MessageId) {
        let ask = process.spool.is_through(id);
        self.book.delivered(ask, process.pid, self.now);
        process.spool.jobs.push_back(Job::Delivered(id));
        self.stats.delivered += 1;
    }

    pub(super) fn set_aside(&mut self, process: &mut Process, id: MessageId) {
        let ask = process.spool.is_through(id);
        self.book.get_mut(ask).marks.put(Mark::Excused);
        process.spool.jobs.push_back(Job::SetAside(id));
    }

    fn errand_answered(&mut self, process: &mut Process, id: ErrandId, reply: Reply) {
        let now = instant(self.now);
        let Some((name, to)) = process.spool.errands.remove(&id) else {
            return;
        };
        match reply {
            Reply::Found(Some(found)) => {
                let withdrawn = found.given.filter(|id| process.withdraw(*id, now));
                if found.given.is_none() || withdrawn.is_some() {
                    let errand = Errand::Move {
                        name: name.clone(),
                        to,
                        withdrawn,
                    };
                    process.spool.bring(name, to, errand);
                    self.ready(process);
                }
            }
            Reply::Moved(Ok(place)) => {
                if let Some(id) = self.message_at(process.host, &place) {
                    let since = (place.shelf != Shelf::Queue).then_some(self.now);
                    let ask = self.book.get_mut(id);
                    (ask.held_since, ask.name) = (since, Some(place.name));
                    ask.marks.put(Mark::Excused);
                    self.stats.held += u64::from(since.is_some());
                }
            }
            Reply::Found(None) | Reply::Moved(Err(_)) | Reply::Summary(_) | Reply::Listing(_) => {}
        }
    }
}

impl Spool {
    fn take_jobs(&mut self, now: Now) {
        let machine = &mut self.machine;
        for job in self.jobs.drain(..) {
            match job {
                Job::Look => machine.handle_look(now),
                Job::Appeared(name) => machine.handle_appeared(name, now),
                Job::More(most) => machine.handle_more(most, now),
                Job::Delivered(id) => machine.handle_delivered(id, now),
                Job::SetAside(id) => machine.handle_set_aside(id, now),
                Job::Store(ticket, request) => machine.handle_store(ticket, request, now),
                Job::Errand(id, errand) => machine.handle_errand(id, errand, now),
                Job::Reconfigure => machine.handle_reconfigure(self.config.clone(), now),
                Job::Finish => machine.handle_finish(now),
            }
        }
    }

    pub(super) fn look(&mut self) {
        self.asking.look();
        self.jobs.push_back(Job::Look);
    }

    pub(super) fn store(&mut self, ticket: Ticket, request: Request) {
        let id = id_of(request.command()).expect("a number");
        self.storing.push((ticket, id));
        self.jobs.push_back(Job::Store(ticket, request));
    }

    pub(super) fn reconfigure(&mut self) {
        self.jobs.push_back(Job::Reconfigure);
    }

    pub(super) fn finish(&mut self) {
        self.jobs.push_back(Job::Finish);
    }

    /// The session has it no more.
    pub(super) fn is_through(&mut self, id: MessageId) -> AskId {
        let (ask, _) = self.given.remove(&id).expect("it was handed in");
        ask
    }

    fn bring(&mut self, name: Name, to: Shelf, errand: Errand) {
        self.num_errands += 1;
        let id = ErrandId(self.num_errands);
        self.errands.insert(id, (name, to));
        self.jobs.push_back(Job::Errand(id, errand));
    }

    /// The session has what it was given, and no more.
    pub(super) fn check(&self, session: &Session) {
        assert_eq!(session.num_messages(), self.given.len(), "messages handed in");
        let bytes: usize = self.given.values().map(|(_, weight)| weight).sum();
        assert_eq!(session.message_bytes(), bytes, "bytes of messages handed in");
    }

    /// Not even what is waited for no longer.
    pub(super) fn is_storing_nothing(&self) -> bool {
        self.storing.is_empty()
    }

    /// The machine, for what the disk has to say to it.
    pub(crate) fn machine(&mut self) -> &mut Machine {
        &mut self.machine
    }
}

impl Process {
    /// What the spool says, and what it is asked for.
    pub(super) fn poll_spool(&mut self, now: Instant) -> bool {
        let mut progress = false;
        while let Some(word) = self.spool.words.pop_front() {
            progress = true;
            match word {
                FromSpool::Messages(messages) => {
                    self.spool.asking.answered();
                    for (id, request) in messages {
                        let ask = id_of(request.command()).expect("a number");
                        let weight = request.line_len() + PER_REQUEST;
                        let before = self.spool.given.insert(id, (ask, weight));
                        assert!(before.is_none(), "it is handed in twice");
                        self.session.handle_message(id, request, now);
                    }
                }
                FromSpool::CaughtUp => {
                    if self.spool.asking.answered() {
                        self.session.handle_caught_up(now);
                    }
                }
                FromSpool::Fresh => self.session.handle_fell_behind(now),
                FromSpool::Removed => self.session.handle_removed(now),
                FromSpool::RemovalsSafe => self.session.handle_removals_safe(now),
                FromSpool::Stored(ticket, outcome) => self.session.handle_stored(ticket, outcome, now),
            }
        }
        let low = self.config.pipeline;
        let has_few = self.session.num_messages() <= low && self.session.message_bytes() < MESSAGES;
        if !self.drain.is_on() && self.session.wants_messages() && has_few && self.spool.asking.ask() {
            self.spool.jobs.push_back(Job::More(2 * low));
        }
        progress
    }

    /// An operator wants a message held back.
    pub(super) fn hold(&mut self, name: Name) {
        let errand = Errand::Find(name.clone());
        self.spool.bring(name, Shelf::Held, errand);
    }

    /// Or sent after all.
    pub(super) fn release(&mut self, name: Name) {
        let errand = Errand::Move {
            name: name.clone(),
            to: Shelf::Queue,
            withdrawn: None,
        };
        self.spool.bring(name, Shelf::Queue, errand);
    }
}
