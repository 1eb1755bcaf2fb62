//! lonc beside a direct connection, over everything that bears on it: `cargo bench --bench grid`.
//!
//! Clients, sizes, encryption, depth of the pipeline, number of links, length of the round trip. Each line's two sides
//! are measured one after the other, once: for single figures to judge by see the bench `ratios`.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program to measure with tells, and fails at once"
)]

use std::net::SocketAddr;
use std::time::Duration;

use bench_kit::load::{Load, Report, Style, Target};
use bench_kit::lonc::{Lonc, as_shipped};
use bench_kit::process::Memory;
use bench_kit::report::{Findings, mebibytes, micros};
use bench_kit::{lond, relay};

const SIZES: [(usize, &str); 4] = [
    (40, "40 B"),
    (1 << 10, "1 KiB"),
    (16 << 10, "16 KiB"),
    (1 << 20, "1 MiB"),
];
const CLIENTS: [usize; 4] = [1, 8, 64, 512];
/// All requests together are not to need more than this.
const MOST_BYTES: usize = 64 << 20;

fn main() {
    // `cargo test --all-targets` runs this too, and does not ask for a measurement.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let peer = lond::start("msul1").expect("a free port");
    let mut grid = Grid {
        program: as_shipped(env!("CARGO_BIN_EXE_lonc")),
        peer,
        findings: Findings::new(),
    };
    println!("lonc/direct   lonc/s  direct/s |   median      99 %    99.9 %  µs | CPU µs | RSS MiB |");
    grid.sizes();
    grid.pipelines();
    grid.round_trips();
    grid.findings.finish();
}

struct Grid<'a> {
    program: &'a str,
    peer: SocketAddr,
    findings: Findings,
}

impl Grid<'_> {
    fn sizes(&mut self) {
        for (size, name) in SIZES {
            let lonc = Lonc::start(self.program, self.peer, "");
            for clients in CLIENTS.into_iter().filter(|clients| clients * size <= MOST_BYTES) {
                let load = Load::of(clients).size(size);
                let direct = self.direct(load, self.peer);
                self.line(&format!("{name}, {clients} clients"), load, &lonc, &direct);
                let encrypted = load.style(Style::Encrypted);
                let what = format!("{name} encrypted, {clients} clients");
                self.line(&what, encrypted, &lonc, &direct);
            }
        }
    }

    fn pipelines(&mut self) {
        let load = Load::of(64);
        let direct = self.direct(load, self.peer);
        for pipeline in [1, 8, 64] {
            for connections in [1, 2, 4] {
                let link = format!("[link]\npipeline = {pipeline}\nconnections = {connections}");
                let lonc = Lonc::start(self.program, self.peer, &link);
                let what = format!("40 B, 64 clients, {connections} links with {pipeline} in flight");
                self.line(&what, load, &lonc, &direct);
            }
        }
    }

    fn round_trips(&mut self) {
        for milliseconds in [1, 20, 100] {
            let far = relay::start(self.peer, Duration::from_millis(milliseconds) / 2);
            let load = Load::of(64).lasting(Duration::from_secs(2));
            let direct = self.direct(load, far);
            for pipeline in [1, 8, 64] {
                let lonc = Lonc::start(self.program, far, &format!("[link]\npipeline = {pipeline}"));
                let what = format!("40 B, 64 clients, {milliseconds} ms away, {pipeline} in flight");
                self.line(&what, load, &lonc, &direct);
            }
        }
    }

    /// The same load with a connection to the lond for each client.
    fn direct(&mut self, load: Load, to: SocketAddr) -> Report {
        self.findings.run(load, &Target::Tcp(to))
    }

    fn line(&mut self, what: &str, load: Load, lonc: &Lonc, direct: &Report) {
        let (report, cost) = self.findings.run_costing(load, &lonc.target(), lonc.pid());
        let at = |percent| micros(report.percentile(percent));
        println!(
            "{:11.2} {:8.0}  {:8.0} | {:8.0}  {:8.0}  {:8.0}     | {cost:6.1} | {:7.1} | {what}",
            report.rate() / direct.rate(),
            report.rate(),
            direct.rate(),
            at(50.0),
            at(99.0),
            at(99.9),
            mebibytes(Memory::of(lonc.pid()).resident),
        );
    }
}
