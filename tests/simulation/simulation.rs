//! Twenty hosts with all their peers over a network where everything goes wrong, in simulated time and from one seed.
//!
//! What is real: each host's instance for each peer is the session machine (`lonc_proto::session`), the spool's machine
//! (`lonc_proto::spool`), and the end of an instance (`lonc_proto::drain`). What is simulated: everything they are told
//! and everything that obeys them.
//!
//! | file | what it has | in the place of |
//! |---|---|---|
//! | `process/` | what tells the machines and does what they say, in the daemon's order | `src/daemon/driver/`, `src/spool/thread.rs` |
//! | `disk.rs` | files on a disk that forgets in a power cut what was not synced (`tests/forgetful-disk/`) | `src/spool/disk.rs` |
//! | `net.rs` | connections with latency, partitions and cuts | TCP |
//! | `serving.rs`, `lond.rs` | londs at work at the other end, well or badly | lond |
//! | `workers.rs` | who asks: plain, encrypted and critical, and messages of the old kind left on disk | lonnet |
//! | `faults.rs`, `plan.rs` | what goes wrong in a run: some kinds, drawn from its seed | the world |
//! | `book.rs` | what was asked, carried out, promised: each check is there or beside what it checks | |
//! | `rest.rs` | after the faults: all is at rest, within a bounded time | |
//! | `world.rs`, `queue.rs` | one event after the other; time passes from one to the next | |
//! | `run.rs` | many seeds; a plan that fails, and a smaller one | |
//!
//! What is checked, whenever it happens: a request has one answer, its own, in the order of its client; a reply was
//! given by lond, which carried it out; nothing plain is carried out twice, nothing critical again but for a reason (a
//! lost link, a kill, an empty reply), and no more after it was answered than `pipeline` for each kill; what is said to
//! be stored is safe, stays there, and is sent in order; what is held back is not sent; nothing encrypted is sent in the
//! clear. After each turn of a process: its accounts of clients, messages and bytes. In the end: everybody has an answer,
//! the queues are empty, what was promised was carried out, and the links are as many as are kept.
//!
//! Without anything set it runs for a few seconds. `SIMULATION_HOURS=1000` says how many hours are to be simulated, from
//! `SIMULATION_FIRST` on. A failure prints its plan, which replays to the same step; `SIMULATION_TRACE=3-7` prints what
//! host 3 has to do with host 7 there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test is to fail, and to say how"
)]

mod book;
mod disk;
mod faults;
mod host;
mod lond;
mod net;
mod plan;
mod process;
mod queue;
mod rest;
mod run;
mod serving;
mod stats;
mod time;
mod workers;
mod world;

use std::env;
use std::time::Instant;

use plan::Plan;

/// What is set.
fn number(name: &str) -> Option<u64> {
    Some(
        env::var(name)
            .ok()?
            .parse()
            .unwrap_or_else(|_| panic!("{name}: a number")),
    )
}

/// The two hosts of `SIMULATION_TRACE`.
fn traced() -> Option<(usize, usize)> {
    let pair = env::var("SIMULATION_TRACE").ok()?;
    let (from, to) = pair.split_once('-').expect("SIMULATION_TRACE: as 3-7");
    Some((from.parse().expect("a host"), to.parse().expect("a host")))
}

#[test]
fn every_promise_is_kept() {
    run::keep_panics();
    if let Some(seed) = number("SIMULATION_SEED") {
        let plan = Plan::of(seed).with(&env::var("SIMULATION_PLAN").unwrap_or_default());
        match run::run(&plan, traced()) {
            Ok(stats) => println!("{plan}\n{stats}"),
            Err(failure) => fail(&plan, &failure),
        }
        return;
    }
    let hours = number("SIMULATION_HOURS").unwrap_or(6);
    let (first, begun) = (number("SIMULATION_FIRST").unwrap_or(1), Instant::now());
    let (all, failed) = run::run_many(first, hours);
    println!(
        "{} seeds in {:.1} s: {all}",
        all.runs,
        begun.elapsed().as_secs_f64()
    );
    if let Some((plan, failure)) = failed {
        println!("{plan}\n{failure}");
        let is_enough = env::var("SIMULATION_SHRINK").is_ok_and(|word| word == "no");
        let (plan, failure) = if is_enough {
            (plan, failure)
        } else {
            run::shrink(plan, failure)
        };
        fail(&plan, &failure);
    }
}

/// In this process it is over: no panic is printed any more.
fn fail(plan: &Plan, failure: &run::Failure) -> ! {
    println!("{failure}\n\n    {plan} cargo test --profile simulation -p simulation");
    std::process::exit(1);
}

#[test]
fn a_plan_comes_to_the_same_end_again() {
    let plan = Plan::of(7).with("hosts=6 minutes=20");
    let [one, other] = [(); 2].map(|()| run::run(&plan, None));
    assert_eq!(one, other);
    assert!(one.is_ok_and(|stats| stats.carried > 0));
}
