//! Runs of plans, one or many, and smaller ones that fail in the same way.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

use crate::plan::Plan;
use crate::stats::Stats;
use crate::time::{HOUR, Micros, text};
use crate::world::World;

/// How a run went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) step: u64,
    pub(crate) at: Micros,
    pub(crate) what: String,
    /// Where that is said.
    pub(crate) place: String,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            step, what, place, ..
        } = self;
        write!(out, "step {step}, at {}: {what} ({place})", text(self.at))
    }
}

/// Plans tried to find a smaller one.
const TRIES: u32 = 300;

thread_local! {
    /// What the last panic of this thread said, and where.
    static SAID: RefCell<(String, String)> = const { RefCell::new((String::new(), String::new())) };
}

/// Has panics of runs be kept, and not printed.
pub(crate) fn keep_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(String::new, ToString::to_string);
        let payload = panic.payload();
        let said = payload.downcast_ref::<String>().cloned();
        let said = said.or_else(|| payload.downcast_ref::<&str>().map(|said| (*said).to_owned()));
        SAID.set((said.unwrap_or_default(), place));
    }));
}

/// Lets all of it happen.
pub(crate) fn run(plan: &Plan, traced: Option<(usize, usize)>) -> Result<Stats, Failure> {
    let (mut step, mut at) = (0, 0);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut world = World::new(plan.clone());
        world.traced = traced;
        while world.step() {
            (step, at) = (world.stats.steps, world.now);
        }
        Stats {
            time: world.now,
            runs: 1,
            ..world.stats
        }
    }));
    outcome.map_err(|_| {
        let (what, place) = SAID.take();
        let step = step + 1;
        Failure {
            step,
            at,
            what,
            place,
        }
    })
}

/// A smaller plan that fails in the same way: fewer hosts, fewer kinds of faults, less time.
pub(crate) fn shrink(plan: Plan, failure: Failure) -> (Plan, Failure) {
    let mut smallest = (plan, failure);
    let mut tries = 0;
    'again: while tries < TRIES {
        for plan in smallest.0.smaller(smallest.1.at) {
            tries += 1;
            if let Err(failure) = run(&plan, None)
                && failure.place == smallest.1.place
            {
                smallest = (plan, failure);
                continue 'again;
            }
        }
        break;
    }
    smallest
}

/// Runs of one seed after the other, on all processors, until so many hours have been simulated: what happened in them,
/// and the first that failed.
pub(crate) fn run_many(first: u64, hours: u64) -> (Stats, Option<(Plan, Failure)>) {
    let next = AtomicU64::new(first);
    let all = Mutex::new((Stats::default(), None::<(Plan, Failure)>));
    let work = || {
        loop {
            let plan = Plan::of(next.fetch_add(1, Relaxed));
            let outcome = run(&plan, None);
            let (sum, failed) = &mut *all.lock().expect("nobody panics here");
            match outcome {
                Ok(stats) => *sum += stats,
                Err(failure) => {
                    if failed.as_ref().is_none_or(|(other, _)| plan.seed < other.seed) {
                        *failed = Some((plan, failure));
                    }
                }
            }
            if failed.is_some() || sum.time >= hours * HOUR {
                return;
            }
        }
    };
    let num = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..num {
            scope.spawn(work);
        }
    });
    all.into_inner().expect("nobody panics here")
}
