//! What a light client feels of the others: `cargo bench --bench neighbours`.
//!
//! One client asks one request at a time, alone, and then beside each of several heavy ones; its latencies are printed
//! side by side.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program to measure with tells, and fails at once"
)]

use std::thread::scope;
use std::time::Duration;

use bench_kit::load::{Load, Report, Style, Target};
use bench_kit::lonc::{Lonc, as_shipped};
use bench_kit::process::Memory;
use bench_kit::report::{Findings, micros};
use bench_kit::{lond, relay};

const SPAN: Duration = Duration::from_secs(2);

fn main() {
    // `cargo test --all-targets` runs this too, and does not ask for a measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut findings = Findings::new();
    let program = as_shipped(env!("CARGO_BIN_EXE_lonc"));
    let peer = lond::start("msul1").expect("a free port");
    println!("a light client, in µs: median, 99 %, 99.9 %, longest; and what it gets done");
    println!("on loopback");
    beside_each(&mut findings, &Lonc::start(program, peer, ""));
    println!("on loopback, with a second link: what is left is the loop's own delay");
    let lonc = Lonc::start(program, peer, "[link]\nconnections = 2");
    beside_each(&mut findings, &lonc);
    drop(lonc);
    println!("over a round trip of 20 ms");
    let far = relay::start(peer, Duration::from_millis(10));
    beside_each(&mut findings, &Lonc::start(program, far, ""));
    findings.finish();
}

/// The heavy ones, by name.
fn neighbours() -> [(&'static str, Load); 7] {
    let one = Load::of(1);
    [
        ("64 clients, one request at a time", Load::of(64)),
        ("one client with 10,000 requests queued", one.depth(10_000)),
        ("1,000 clients, one request at a time", Load::of(1000)),
        (
            "8 clients, 16 KiB encrypted",
            Load::of(8).size(16 << 10).style(Style::Encrypted),
        ),
        ("one client, 1 MiB plain", one.size(1 << 20)),
        (
            "one client, 1 MiB encrypted",
            one.size(1 << 20).style(Style::Encrypted),
        ),
        (
            "one client, 15 MiB encrypted",
            one.size(15 << 20).style(Style::Encrypted),
        ),
    ]
}

fn beside_each(findings: &mut Findings, lonc: &Lonc) {
    let light = Load::of(1).lasting(SPAN);
    let target = lonc.target();
    tell("nobody", &findings.run(light, &target), None);
    for (name, heavy) in neighbours() {
        let (report, other) = beside(light, heavy, &target);
        findings.check(&report);
        findings.check(&other);
        tell(name, &report, Some(&other));
    }
    println!("  memory after that: {}", Memory::of(lonc.pid()));
}

/// The light load in the middle of the heavy one.
fn beside(light: Load, heavy: Load, target: &Target) -> (Report, Report) {
    let heavy = heavy.lasting(SPAN + Duration::from_millis(700));
    scope(|scope| {
        let heavy = scope.spawn(move || heavy.run(target).expect("the heavy load runs"));
        std::thread::sleep(Duration::from_millis(300));
        let light = light.run(target).expect("the light load runs");
        (light, heavy.join().expect("a thread that only measures"))
    })
}

fn tell(beside: &str, report: &Report, other: Option<&Report>) {
    let at = |percent| micros(report.percentile(percent));
    print!(
        "  {:8.0} {:8.0} {:8.0} {:8.0}  {:7.0}/s  beside {beside}",
        at(50.0),
        at(99.0),
        at(99.9),
        at(100.0),
        report.rate()
    );
    match other {
        Some(other) => println!(" ({:.0}/s)", other.rate()),
        None => println!(),
    }
}
