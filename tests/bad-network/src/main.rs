//! lonc over bad networks: on one host lonc and its workers, on another a lond, between them a bridge that delays, loses,
//! mixes up, swallows and falls silent. What it keeps of its promises there, and what it carries beside what TCP alone
//! does on the same way, in one run. `tests/bad-network/run` has it in a virtual machine, whose kernel has netem.
//!
//! | module | what it is |
//! |---|---|
//! | [`path`] | the ways there are, good and bad |
//! | [`stage`] | two hosts, what is between them, a lonc and its peer |
//! | [`worker`] | who asks, and notes what became of it |
//! | [`verdict`] | whether that, and what lond received, is as promised |
//! | [`promises`] | workers on each of the ways, many at once, each with a network of its own |
//! | [`outages`] | the same where the network falls silent and comes back |
//! | [`throughput`] | requests a second and latencies beside those of TCP alone, one way after the other |
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "it tells what it measures, and fails as a test does"
)]

mod outages;
mod path;
mod promises;
mod stage;
mod throughput;
mod verdict;
mod worker;

use std::env;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use path::{OUTAGES, PATHS};

/// How much is done.
#[derive(Clone, Copy)]
struct Scale {
    /// Only the ways and the outages that are chosen for this.
    is_brief: bool,
    /// How long workers ask on each way.
    asking: Duration,
    /// How often throughput is measured, each side in turn,
    rounds: usize,
    /// and how long each time, after as long without.
    measuring: Duration,
}

const BRIEF: Scale = Scale {
    is_brief: true,
    asking: Duration::from_secs(10),
    rounds: 1,
    measuring: Duration::from_secs(1),
};

const LONG: Scale = Scale {
    is_brief: false,
    asking: Duration::from_secs(30),
    rounds: 3,
    measuring: Duration::from_secs(2),
};

const PARTS: [&str; 3] = ["promises", "outages", "throughput"];

fn main() -> ExitCode {
    let mut arguments = env::args().skip(1);
    let scale = match arguments.next().as_deref() {
        Some("brief") => Some(BRIEF),
        Some("long") => Some(LONG),
        _ => None,
    };
    let parts: Vec<_> = arguments.collect();
    let are_parts = parts.iter().all(|part| PARTS.contains(&&**part));
    let Some(scale) = scale.filter(|_| are_parts) else {
        println!("usage: bad-network brief|long [{}]...", PARTS.join("|"));
        return ExitCode::from(64);
    };
    let is_wanted = |name: &str| parts.is_empty() || parts.iter().any(|part| part == name);
    let paths = || PATHS.iter().filter(|path| path.is_among(scale));
    let (begun, mut broken) = (Instant::now(), 0);
    if is_wanted("promises") {
        broken += promises::try_all(paths(), scale);
    }
    if is_wanted("outages") {
        broken += outages::try_all(OUTAGES.iter().filter(|outage| outage.is_among(scale)), scale);
    }
    if is_wanted("throughput") {
        throughput::measure_all(paths(), scale);
    }
    println!(
        "\ntook {} s; promises broken: {broken}",
        begun.elapsed().as_secs()
    );
    ExitCode::from(u8::from(broken > 0))
}
