//! What it costs to be asked for metrics each second: `cargo bench --bench scrape`.
//!
//! The same load with and without somebody who asks all the time, in turn; a scrape is a process of `lonc-metrics`, as
//! systemd starts one.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program to measure with tells, and fails at once"
)]

use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use bench_kit::load::{Load, Report};
use bench_kit::lonc::{Lonc, as_shipped};
use bench_kit::lond;
use bench_kit::report::{Findings, Pairs};

const SPAN: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(1);

fn main() {
    // `cargo test --all-targets` runs this too, and does not ask for a measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let program = as_shipped(env!("CARGO_BIN_EXE_lonc"));
    let peer = lond::start("msul1").expect("a free port");
    let lonc = Lonc::start(program, peer, "");
    let mut findings = Findings::new();
    let mut scrapes = 0;
    let load = Load::of(64).lasting(SPAN);
    let mut pairs = Pairs::default();
    for _ in 0..5 {
        let scraped = while_scraped(&lonc, &mut scrapes, || findings.run(load, &lonc.target()));
        pairs.add(scraped.rate(), findings.run(load, &lonc.target()).rate());
    }
    let what = "requests of 64 clients, with a scrape each second/without";
    let how = format_args!(
        "{:.0}/s beside {:.0}/s, {scrapes} scrapes",
        pairs.one(),
        pairs.other()
    );
    findings.at_least(what, pairs.ratio(), 0.95, how);
    findings.finish();
}

fn while_scraped(lonc: &Lonc, scrapes: &mut usize, load: impl FnOnce() -> Report) -> Report {
    let done = AtomicBool::new(false);
    scope(|scope| {
        let scraping = scope.spawn(|| {
            let mut count = 0;
            while !done.load(Relaxed) {
                let begun = Instant::now();
                scrape(lonc);
                count += 1;
                sleep(PAUSE.saturating_sub(begun.elapsed()));
            }
            count
        });
        let report = load();
        done.store(true, Relaxed);
        *scrapes += scraping.join().expect("a thread that only scrapes");
        report
    })
}

fn scrape(lonc: &Lonc) {
    let (mut asking, served) = UnixStream::pair().expect("a pair of sockets");
    let mut exporter = Command::new(env!("CARGO_BIN_EXE_lonc-metrics"))
        .arg("--config")
        .arg(lonc.config())
        .stdin(OwnedFd::from(served.try_clone().expect("a second handle")))
        .stdout(OwnedFd::from(served))
        .spawn()
        .expect("lonc-metrics starts");
    asking
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .expect("it takes a question");
    let mut answer = String::new();
    asking.read_to_string(&mut answer).expect("it answers");
    exporter.wait().expect("it ends");
    assert!(answer.contains("lonc_requests_total{peer=\"msul1\"}"), "{answer}");
}
