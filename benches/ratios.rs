//! What lonc is to be measured by, each beside what it is compared with, in one run: `cargo bench --bench ratios`.
//!
//! Prints ratios first; a figure that is missed is said, and only a wrong or a lost reply fails.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program to measure with tells, and fails at once"
)]

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bench_kit::load::{Load, Style, Target};
use bench_kit::lonc::{Lonc, as_shipped};
use bench_kit::process::Memory;
use bench_kit::proxies::Proxy;
use bench_kit::report::{Findings, Pairs, ROUNDS, mebibytes};
use bench_kit::{lond, relay};
use idea::Idea;
use idea::cipher::{Array, BlockCipherDecrypt as _, BlockCipherEncrypt as _, KeyInit as _};

const FAR: Duration = Duration::from_millis(20);

fn main() {
    // `cargo test --all-targets` runs this too, and does not ask for a measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut findings = Findings::new();
    let program = as_shipped(env!("CARGO_BIN_EXE_lonc"));
    let peer = lond::start("msul1").expect("a free port");
    println!("medians of {ROUNDS} ratios, each measured in turn");
    let lonc = Lonc::start(program, peer, "");
    let idle = Memory::of(lonc.pid());
    beside_direct(&mut findings, &lonc, peer);
    beside_perl(&mut findings, &lonc, peer);
    beside_nutcracker(&mut findings, &lonc);
    beside_cipher(&mut findings, &lonc);
    let loaded = Memory::of(lonc.pid());
    findings.at_most("MiB of memory, idle", mebibytes(idle.resident), 4.5, idle);
    findings.at_most(
        "MiB of memory, after all that",
        mebibytes(loaded.resident),
        8.0,
        loaded,
    );
    drop(lonc);
    far_away(&mut findings, program, peer);
    findings.finish();
}

fn rates(pairs: &Pairs) -> String {
    format!("{:.0}/s beside {:.0}/s", pairs.one(), pairs.other())
}

fn beside_direct(findings: &mut Findings, lonc: &Lonc, peer: SocketAddr) {
    let mut others = Findings::new();
    for (clients, wanted) in [(64, 0.8), (1, 0.7)] {
        let load = Load::of(clients);
        let pairs = Pairs::of(
            || findings.run(load, &lonc.target()).rate(),
            || others.run(load, &Target::Tcp(peer)).rate(),
        );
        let what = format!("requests of {clients} clients, lonc/direct");
        findings.at_least(&what, pairs.ratio(), wanted, rates(&pairs));
    }
    others.finish();
}

fn beside_perl(findings: &mut Findings, lonc: &Lonc, peer: SocketAddr) {
    let Some(perl) = Proxy::perl(peer) else {
        println!("perl is not installed: not compared");
        return;
    };
    let (load, mut others) = (Load::of(64), Findings::new());
    let pairs = Pairs::of(
        || findings.run(load, &lonc.target()).rate(),
        || others.run(load, perl.target()).rate(),
    );
    findings.at_least(
        "requests of 64 clients, lonc/lock-step Perl",
        pairs.ratio(),
        7.0,
        rates(&pairs),
    );
    others.finish();
}

fn beside_nutcracker(findings: &mut Findings, lonc: &Lonc) {
    let Some(nutcracker) = Proxy::nutcracker(64) else {
        println!("nutcracker or redis is not installed: not compared");
        return;
    };
    let load = Load::of(64);
    let mut others = Findings::new();
    let pairs = Pairs::of(
        || findings.run_costing(load, &lonc.target(), lonc.pid()).1,
        || {
            others
                .run_costing(load.style(Style::Redis), nutcracker.target(), nutcracker.pid())
                .1
        },
    );
    let what = "processor time a request at 64 clients, lonc/nutcracker";
    let costs = format_args!("{:.2} µs beside {:.2} µs", pairs.one(), pairs.other());
    findings.at_most(what, pairs.ratio(), 0.9, costs);
    others.finish();
}

/// 16 KiB, encrypted both ways, beside what one core can encrypt and decrypt.
fn beside_cipher(findings: &mut Findings, lonc: &Lonc) {
    const SIZE: usize = 16 * 1024;
    let load = Load::of(8).size(SIZE).style(Style::Encrypted);
    let pairs = Pairs::of(|| findings.run(load, &lonc.target()).rate(), || bare_cipher(SIZE));
    let what = "requests of 16 KiB encrypted both ways, lonc/bare cipher";
    findings.at_least(what, pairs.ratio(), 0.6, rates(&pairs));
}

/// How often a second so many bytes can be encrypted and decrypted.
fn bare_cipher(size: usize) -> f64 {
    let cipher = Idea::new(&Array::from([7; 16]));
    let mut blocks = vec![Array::default(); size.div_ceil(8)];
    let (start, mut times) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_millis(500) {
        cipher.encrypt_blocks(&mut blocks);
        cipher.decrypt_blocks(&mut blocks);
        times += 1;
    }
    assert!(
        blocks.iter().all(|block| *block == Array::default()),
        "what is decrypted is as it was"
    );
    f64::from(times) / start.elapsed().as_secs_f64()
}

fn far_away(findings: &mut Findings, program: &str, peer: SocketAddr) {
    let far = relay::start(peer, FAR / 2);
    let lonc = Lonc::start(program, far, "");
    let lock_step = Lonc::start(program, far, "[link]\npipeline = 1");
    let load = Load::of(64).lasting(Duration::from_secs(2));
    // One connection that has 64 under way is all that a pipelined link can do.
    let limit = Load::of(1).depth(64).lasting(Duration::from_secs(2));
    let mut others = Findings::new();
    let pairs = Pairs::of(
        || findings.run(load, &lonc.target()).rate(),
        || others.run(limit, &Target::Tcp(far)).rate(),
    );
    findings.at_least(
        "requests over 20 ms, lonc/one pipelined link",
        pairs.ratio(),
        0.9,
        rates(&pairs),
    );
    let pairs = Pairs::of(
        || findings.run(load, &lonc.target()).rate(),
        || others.run(load, &lock_step.target()).rate(),
    );
    findings.at_least(
        "requests over 20 ms, lonc/lock-step",
        pairs.ratio(),
        50.0,
        rates(&pairs),
    );
    others.finish();
}
