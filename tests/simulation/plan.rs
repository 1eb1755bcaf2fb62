//! What a run is: a seed, how many hosts, for how long what kinds of faults occur.

use std::fmt;

use fastrand::Rng;

use crate::time::{MINUTE, Micros};

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// A connection is lost, with what is on its way.
    Cut,
    /// Two hosts do not reach each other for a while.
    Partition,
    /// A process is killed, after any of the session's commands or between them.
    Kill,
    /// A host loses power: its disk forgets what was not synced.
    PowerCut,
    /// A lond dies, with what it is at, and comes back.
    LondDies,
    /// A lond does nothing for a while.
    LondHangs,
    /// A lond takes long for each request.
    LondSlow,
    /// A lond answers nothing but empty lines.
    LondEmpty,
    /// A lond has one connection of each host at most.
    LondLimits,
    /// A lond's replies are such that nobody can use them, now and then.
    LondGarbles,
    /// A host moves to another address; its name follows later.
    Move,
    /// A disk refuses a part of what it is to do.
    DiskFails,
    /// A disk takes long.
    DiskSlow,
    /// A host's clock is set.
    ClockJump,
    /// A process stands still for a while.
    Stall,
    /// All processes of a host do.
    Suspend,
    /// Processes are not told of files that appear, now and then.
    Deaf,
    /// An instance is stopped, and started again once it has ended.
    Restart,
    /// An instance is stopped, and another one started at once.
    Takeover,
    /// An instance gets other settings.
    Reload,
    /// A peer is disabled for a while.
    Disable,
    /// An operator holds a message back, or has the links tried or replaced.
    Operator,
    /// A message that makes lond die.
    Poison,
    /// Memory is scarce for a while.
    Scarce,
    /// The kernel takes a part of what is written.
    PartWrites,
}

impl Fault {
    pub(crate) const ALL: [Self; 25] = [
        Self::Cut,
        Self::Partition,
        Self::Kill,
        Self::PowerCut,
        Self::LondDies,
        Self::LondHangs,
        Self::LondSlow,
        Self::LondEmpty,
        Self::LondLimits,
        Self::LondGarbles,
        Self::Move,
        Self::DiskFails,
        Self::DiskSlow,
        Self::ClockJump,
        Self::Stall,
        Self::Suspend,
        Self::Deaf,
        Self::Restart,
        Self::Takeover,
        Self::Reload,
        Self::Disable,
        Self::Operator,
        Self::Poison,
        Self::Scarce,
        Self::PartWrites,
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|fault| fault.to_string() == name)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, out)
    }
}

/// All that a run is made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) hosts: usize,
    /// Faults occur so long, and workers ask; then all is to come to rest.
    pub(crate) minutes: u64,
    pub(crate) faults: Vec<Fault>,
}

impl Plan {
    /// That of a seed: not all kinds of faults in each, so that what one of them covers up is seen as well.
    pub(crate) fn of(seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ 0x706c_616e);
        let share = rng.f64();
        let faults = Fault::ALL.into_iter().filter(|_| rng.f64() < share);
        Self {
            seed,
            hosts: 20,
            faults: faults.collect(),
            minutes: 60,
        }
    }

    /// The same with what the words ask for: `hosts=3`, `minutes=10`, `faults=Cut+Kill`.
    pub(crate) fn with(mut self, words: &str) -> Self {
        for word in words.split_whitespace() {
            match word.split_once('=') {
                Some(("hosts", number)) => self.hosts = number.parse().expect("hosts: a number"),
                Some(("minutes", number)) => self.minutes = number.parse().expect("minutes: a number"),
                Some(("faults", names)) => {
                    let names = names.split('+').filter(|name| !name.is_empty());
                    let faults = names.map(|name| Fault::named(name).expect("faults: names of kinds"));
                    self.faults = faults.collect();
                }
                Some(_) | None => panic!("{word}: not hosts=, minutes= or faults="),
            }
        }
        assert!(self.hosts >= 2, "a network of one host");
        self
    }

    /// Plans that are smaller by something, for one that failed then.
    pub(crate) fn smaller(&self, failed_at: Micros) -> Vec<Self> {
        let mut plans = Vec::new();
        let minutes = (failed_at / MINUTE + 1).min(self.minutes);
        let minutes = [minutes, minutes / 2, self.minutes - self.minutes / 4];
        plans.extend(minutes.map(|minutes| Self {
            minutes,
            ..self.clone()
        }));
        let hosts = [2, self.hosts / 2, self.hosts - self.hosts / 4, self.hosts - 1];
        plans.extend(hosts.map(|hosts| Self {
            hosts,
            ..self.clone()
        }));
        let without = |at: usize| {
            let mut plan = self.clone();
            plan.faults.remove(at);
            plan
        };
        plans.extend((0..self.faults.len()).map(without));
        plans.retain(|plan| plan != self && plan.minutes > 0 && plan.hosts >= 2);
        plans
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<_> = self.faults.iter().map(ToString::to_string).collect();
        let (hosts, minutes, faults) = (self.hosts, self.minutes, faults.join("+"));
        write!(
            out,
            "SIMULATION_SEED={} SIMULATION_PLAN='hosts={hosts} minutes={minutes} faults={faults}'",
            self.seed
        )
    }
}
