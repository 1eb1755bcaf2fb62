//! All there is, and what happens next.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use lonc_proto::session::LinkError;

use crate::book::{AskId, Book};
use crate::host::Host;
use crate::net::Conn;
use crate::plan::{Fault, Plan};
use crate::process::Process;
use crate::queue::{ConnId, Event, HostId, Pid, Queue};
use crate::stats::Stats;
use crate::time::{MINUTE, MS, Micros, SECOND, text};
use crate::workers::Begun;

/// Chance, each kind by itself, so that less of one changes little of another.
pub(crate) struct Chance {
    pub(crate) workers: Rng,
    pub(crate) network: Rng,
    pub(crate) disks: Rng,
    pub(crate) processes: Rng,
    pub(crate) faults: Rng,
}

impl Chance {
    fn new(seed: u64) -> Self {
        let mut seeds = Rng::with_seed(seed);
        Self {
            workers: seeds.fork(),
            network: seeds.fork(),
            disks: seeds.fork(),
            processes: seeds.fork(),
            faults: seeds.fork(),
        }
    }
}

/// Between these, each order of magnitude as likely as another: there are quiet runs and busy ones.
fn some_interval(rng: &mut Rng, least: Micros, most: Micros) -> Micros {
    let doublings = (most / least).ilog2();
    (least << rng.u32(..doublings)) + rng.u64(..least)
}

pub(crate) struct World {
    pub(crate) plan: Plan,
    pub(crate) now: Micros,
    pub(crate) queue: Queue,
    pub(crate) rng: Chance,
    pub(crate) hosts: Vec<Host>,
    /// By their names; none in the place of those that have ended.
    pub(crate) processes: Vec<Option<Box<Process>>>,
    /// When they ended.
    pub(crate) gone_at: BTreeMap<Pid, Micros>,
    pub(crate) conns: Vec<Conn>,
    /// Those that a process has, or tries to get.
    pub(crate) held: BTreeSet<ConnId>,
    /// Those on which something waits until the path carries again, or lond goes on.
    pub(crate) stashed: BTreeSet<ConnId>,
    /// Hosts that do not reach each other, and since when.
    pub(crate) partitions: BTreeMap<(HostId, HostId), Micros>,
    pub(crate) begun: BTreeMap<AskId, Begun>,
    pub(crate) num_clients: u32,
    pub(crate) book: Book,
    pub(crate) stats: Stats,
    /// How far apart workers come to a host, on average.
    pub(crate) pace: Micros,
    /// How far apart faults of each kind are, on average.
    pub(crate) intervals: Vec<Micros>,
    /// Whose doings are printed: what this host has to do with that one.
    pub(crate) traced: Option<(HostId, HostId)>,
    /// The faults have ended.
    pub(crate) is_calm: bool,
    /// All is to be at rest by then.
    pub(crate) rest_by: Micros,
}

impl World {
    pub(crate) fn new(plan: Plan) -> Self {
        let mut rng = Chance::new(plan.seed);
        let pace = some_interval(&mut rng.workers, 15 * SECOND, 17 * MINUTE);
        let intervals = Fault::ALL.map(|_| some_interval(&mut rng.faults, 20 * SECOND, 90 * MINUTE));
        let mut world = Self {
            hosts: (0..plan.hosts)
                .map(|number| Host::new(number, plan.hosts))
                .collect(),
            plan,
            now: SECOND,
            queue: Queue::default(),
            rng,
            processes: Vec::new(),
            gone_at: BTreeMap::new(),
            conns: Vec::new(),
            held: BTreeSet::new(),
            stashed: BTreeSet::new(),
            partitions: BTreeMap::new(),
            begun: BTreeMap::new(),
            num_clients: 0,
            book: Book::default(),
            stats: Stats::default(),
            pace,
            intervals: intervals.to_vec(),
            traced: None,
            is_calm: false,
            rest_by: 0,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for host in 0..self.hosts.len() {
            for peer in (0..self.hosts.len()).filter(|peer| *peer != host) {
                let wait = self.rng.processes.u64(MS..SECOND);
                self.after(wait, Event::Start { host, peer });
            }
            self.after(SECOND, Event::Visit(host));
            self.after(SECOND, Event::DropFile(host));
        }
        for fault in self.plan.faults.clone() {
            let wait = self.rng.faults.u64(SECOND..2 * self.intervals[fault as usize]);
            self.after(wait, Event::Fault(fault));
        }
        self.after(self.plan.minutes * MINUTE, Event::LookForRest);
    }

    /// Has something happen so much later.
    pub(crate) fn after(&mut self, wait: Micros, event: Event) {
        self.queue.push(self.now + wait, event);
    }

    /// Prints what is done, if it is to be.
    pub(crate) fn trace(&self, from: HostId, to: HostId, what: impl FnOnce() -> String) {
        if self.traced == Some((from, to)) {
            println!("{} {}: {}", self.stats.steps, text(self.now), what());
        }
    }

    /// The next thing happens; false if all has come to rest.
    pub(crate) fn step(&mut self) -> bool {
        let (at, event) = self.queue.pop().expect("there is always something to come");
        self.now = at;
        self.stats.steps += 1;
        if !matches!(event, Event::LookForRest) {
            self.happen(event);
        } else if !self.is_calm {
            self.calm();
        } else if self.look_for_rest() {
            return false;
        }
        true
    }

    pub(crate) fn happen(&mut self, event: Event) {
        match event {
            Event::Start { host, peer } => self.start(host, peer),
            Event::Turn(pid) => self.take_turn(pid),
            Event::DiskDone(pid) => self.with_awake(pid, event, Self::disk_done),
            Event::SpoolDue(pid) => self.with_awake(pid, event, Self::spool_due),
            Event::Notice(pid, name) => self.with_process(pid, |world, process| world.notice(process, name)),
            Event::LookAround(pid) => {
                self.with_process(pid, Self::look_around);
                if self.processes[pid.0].is_some() {
                    self.after(5 * MINUTE, Event::LookAround(pid));
                }
            }
            Event::End(pid) => self.with_process(pid, Self::end_process),
            Event::Resolved(conn) => self.resolved(conn),
            Event::Connect(conn) => self.connected(conn),
            Event::Secured(conn) => self.secured(conn),
            Event::ToLond(conn, bytes, at) => self.reaches_lond(conn, &bytes, at),
            Event::ToLonc(conn, bytes) => self.reaches_lonc(conn, &bytes),
            Event::LoncGone(conn) => self.lonc_gone(conn),
            Event::LondGone(conn) => self.lond_gone(conn),
            Event::Reset(conn) => {
                self.end_at_lonc(conn, LinkError::Io("reset".to_owned()));
            }
            Event::Keepalive(conn) => self.keepalive(conn),
            Event::Serve(conn) => self.serve(conn),
            Event::Say(conn, reply) => self.say(conn, &reply),
            Event::Visit(host) => self.visit(host),
            Event::Ask(pid, no) => self.with_process(pid, |world, process| world.ask(process, no)),
            Event::Take(pid, no, bytes) => {
                self.with_process(pid, |world, process| world.take(process, no, bytes));
            }
            Event::Leave(pid, no) => self.with_process(pid, |world, process| world.leave_client(process, no)),
            Event::DropFile(host) => self.drop_file(host),
            Event::FinishFile(id) => self.finish_file(id),
            Event::Fault(fault) => self.fault(fault),
            Event::Heal(heal) => self.heal(heal),
            Event::LookForRest => {}
        }
    }

    /// Lets a process do something, when it does not stand still.
    fn with_awake(&mut self, pid: Pid, event: Event, act: impl FnOnce(&mut Self, &mut Process)) {
        self.with_process(pid, |world, process| {
            if process.stalled_until > world.now {
                world.queue.push(process.stalled_until, event);
            } else {
                act(world, process);
            }
        });
    }
}
