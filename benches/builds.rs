//! Two builds of lonc side by side: `cargo bench --bench builds -- /path/to/another/lonc`.
//!
//! For judging a change or a setting of the compiler: each figure is this build's by the other's.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program to measure with tells, and fails at once"
)]

use std::env::args;

use bench_kit::load::{Load, Style};
use bench_kit::lonc::{Lonc, as_shipped};
use bench_kit::lond;
use bench_kit::process::Memory;
use bench_kit::report::{Findings, Pairs, ROUNDS, tell_beside};

fn main() {
    // `cargo test --all-targets` runs this too, and does not ask for a measurement.
    if !args().any(|argument| argument == "--bench") {
        return;
    }
    let Some(other) = args().skip(1).find(|argument| !argument.starts_with('-')) else {
        println!("name another lonc to compare with: cargo bench --bench builds -- /path/to/lonc");
        return;
    };
    let program = as_shipped(env!("CARGO_BIN_EXE_lonc"));
    let peer = lond::start("msul1").expect("a free port");
    let (this, other) = (Lonc::start(program, peer, ""), Lonc::start(&other, peer, ""));
    tell_memory("idle", &this, &other);
    let mut findings = Findings::new();
    let loads = [
        ("1 client", Load::of(1)),
        ("8 clients", Load::of(8)),
        ("64 clients", Load::of(64)),
        ("512 clients", Load::of(512)),
        ("64 clients with 8 requests each", Load::of(64).depth(8)),
        (
            "8 clients, 1 KiB encrypted",
            Load::of(8).size(1 << 10).style(Style::Encrypted),
        ),
        (
            "8 clients, 16 KiB encrypted",
            Load::of(8).size(16 << 10).style(Style::Encrypted),
        ),
        ("8 clients, 1 MiB plain", Load::of(8).size(1 << 20)),
    ];
    for (name, load) in loads {
        compare(&mut findings, name, load, &this, &other);
    }
    tell_memory("after that", &this, &other);
    findings.finish();
}

fn compare(findings: &mut Findings, name: &str, load: Load, this: &Lonc, other: &Lonc) {
    let (mut rates, mut costs) = (Pairs::default(), Pairs::default());
    for _ in 0..ROUNDS {
        let mut run = |lonc: &Lonc| findings.run_costing(load, &lonc.target(), lonc.pid());
        let (one, two) = (run(this), run(other));
        rates.add(one.0.rate(), two.0.rate());
        costs.add(one.1, two.1);
    }
    tell_beside(name, &rates, &costs);
}

fn tell_memory(when: &str, this: &Lonc, other: &Lonc) {
    println!(
        "{when}: {} beside {}",
        Memory::of(this.pid()),
        Memory::of(other.pid())
    );
}
