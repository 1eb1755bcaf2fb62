//! The spool's thread: does what the machine says, one thing after the other.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError};

use lonc_proto::spool::{Command, ErrandId, Event, FromSpool, Machine, Reply};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::clock::Clock;
use super::desk::Answer;
use super::disk::{Disk, outcome};
use super::lock::Lock;
use super::log;
use super::permanent_log::PermanentLog;
use super::{Job, Setup};

pub(super) struct SpoolThread {
    machine: Machine,
    clock: Clock,
    disk: Disk,
    log: PermanentLog,
    say: UnboundedSender<FromSpool>,
    /// Messages set aside since the start.
    set_aside: Arc<AtomicU64>,
    /// Operators who wait for an answer.
    operators: HashMap<ErrandId, oneshot::Sender<Answer>>,
    num_errands: u64,
    /// Settings to go by when what was asked for before them is done.
    to_come: VecDeque<Setup>,
    /// Who waits until what was asked for before is done.
    waiting: VecDeque<oneshot::Sender<()>>,
}

impl SpoolThread {
    pub(super) fn new(
        setup: Setup,
        lock: Lock,
        say: UnboundedSender<FromSpool>,
        set_aside: Arc<AtomicU64>,
    ) -> Self {
        Self {
            machine: Machine::new(setup.config),
            clock: Clock::start(),
            disk: Disk::sending(setup.paths, lock),
            log: setup.log,
            say,
            set_aside,
            operators: HashMap::new(),
            num_errands: 0,
            to_come: VecDeque::new(),
            waiting: VecDeque::new(),
        }
    }

    /// Works until nobody can give it a job any more.
    pub(super) fn run(&mut self, jobs: &Receiver<Job>) {
        self.machine.handle_start(self.clock.now());
        loop {
            // What waits is handed in first, so that one sync serves many requests.
            while let Ok(job) = jobs.try_recv() {
                self.take(job);
            }
            if let Some(command) = self.machine.next_command() {
                self.obey(command);
            } else {
                match self.wait(jobs) {
                    Ok(job) => self.take(job),
                    Err(RecvTimeoutError::Timeout) => self.machine.handle_timeout(self.clock.now()),
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        }
    }

    /// The next job, unless something is due before.
    fn wait(&self, jobs: &Receiver<Job>) -> Result<Job, RecvTimeoutError> {
        match self.machine.poll_timeout() {
            Some(due) => jobs.recv_timeout(due.since(self.clock.now().instant)),
            None => jobs.recv().map_err(RecvTimeoutError::from),
        }
    }

    fn take(&mut self, job: Job) {
        let (machine, now) = (&mut self.machine, self.clock.now());
        match job {
            Job::Look => machine.handle_look(now),
            Job::Appeared(name) => machine.handle_appeared(name, now),
            Job::More(most) => machine.handle_more(most, now),
            Job::Delivered(id) => machine.handle_delivered(id, now),
            Job::SetAside(id) => machine.handle_set_aside(id, now),
            Job::Store(ticket, request) => machine.handle_store(ticket, request, now),
            Job::Errand(errand, answer) => {
                self.num_errands += 1;
                let id = ErrandId(self.num_errands);
                self.operators.insert(id, answer);
                machine.handle_errand(id, errand, now);
            }
            Job::Reconfigure(setup) => {
                machine.handle_reconfigure(setup.config.clone(), now);
                self.to_come.push_back(*setup);
            }
            Job::Finish(done) => {
                self.waiting.push_back(done);
                machine.handle_finish(now);
            }
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Operate(operation) => {
                let clock = &self.clock;
                self.disk.operate(operation, &mut self.machine, || clock.now());
            }
            Command::Record(fate, request) => {
                let recorded = outcome(self.log.record(fate, &request));
                self.machine.handle_recorded(recorded, self.clock.now());
            }
            // A driver that has ended needs no word; what is on disk stays for the next.
            Command::Tell(word) => drop(self.say.send(word)),
            Command::Answer(id, reply) => self.answer(id, reply),
            Command::Reconfigured => {
                if let Some(setup) = self.to_come.pop_front() {
                    self.disk.go_to(setup.paths);
                    self.log = setup.log;
                }
            }
            Command::Finished => {
                self.disk.give_up();
                // Who waits for this is ending; if it has ended already all the better.
                self.waiting.pop_front().map(|done| done.send(()));
            }
            Command::Event(event) => self.tell(&event),
        }
    }

    /// Who asked may have stopped waiting.
    fn answer(&mut self, id: ErrandId, reply: Reply) {
        let paths = self.disk.paths().clone();
        if let Some(operator) = self.operators.remove(&id) {
            drop(operator.send(Answer { reply, paths }));
        }
    }

    fn tell(&mut self, event: &Event) {
        if matches!(event, Event::SetAside { .. }) {
            self.set_aside.fetch_add(1, Relaxed);
        }
        log::tell(event, self.disk.paths(), self.log.path());
    }
}
