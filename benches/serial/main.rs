//! A lond that takes time: `cargo bench --bench serial [-- row…]`.
//!
//! The real lond works the requests of a link one after the other, in milliseconds to seconds. What counts then is how
//! many links there are, and what waits on which. Each row puts lonc as it comes beside ten links in lock step, which is
//! what the Perl successor has, and beside lonc with ten links from the start; on loopback, and over a round trip of
//! 20 ms. Rows: `steady` (5 ms a request), `uneven` (0.5 ms, one in 50 200 ms), `beside` (0.5 ms, for light clients beside
//! two whose requests take 4 s), `quick` (no time: how many links lonc opens in vain). All of them take five minutes.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a program to measure with tells, and fails at once"
)]

mod figures;
mod sides;

use std::net::Ipv4Addr;
use std::thread::{scope, sleep};
use std::time::Duration;

use bench_kit::load::{Load, Report, Style, Target};
use bench_kit::lonc::{Lonc, as_shipped};
use bench_kit::lond;
use bench_kit::report::{Findings, Pairs};
use bench_kit::serial::Work;

use figures::{Beside, Wanted, distance, links, milliseconds};
use sides::{away, sides};

const NEAR: Duration = Duration::ZERO;
const FAR: Duration = Duration::from_millis(20);
const SHORT: Duration = Duration::from_micros(500);

type Row = fn(&mut Findings, &str);

const ROWS: [(&str, Row); 4] = [
    ("steady", steady),
    ("uneven", uneven),
    ("beside", beside),
    ("quick", quick),
];

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs this too, and does not ask for a measurement.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let asked: Vec<_> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    for word in &asked {
        assert!(
            ROWS.iter().any(|(name, _)| name == word),
            "no row is called {word}"
        );
    }
    let mut findings = Findings::new();
    let program = as_shipped(env!("CARGO_BIN_EXE_lonc"));
    println!("medians of ratios, each measured in turn; links: the most at once");
    for (name, row) in ROWS {
        if asked.is_empty() || asked.iter().any(|word| *word == name) {
            row(&mut findings, program);
        }
    }
    findings.finish();
}

fn steady(findings: &mut Findings, program: &str) {
    let work = Work::of(Duration::from_millis(5));
    for (round_trip, wanted) in [(NEAR, 0.95), (FAR, 3.0)] {
        let sides = sides(program, work, round_trip);
        let load = Load::of(64)
            .lasting(Duration::from_millis(1500))
            .warming_up(Duration::from_millis(500));
        let mut rates = Beside::of("a second");
        for _ in 0..5 {
            let reports = sides.each_ref().map(|side| findings.run(load, &side.target()));
            rates.add(reports.map(|report| report.rate()));
        }
        let what = format!("5 ms a request {}, 64 clients", distance(round_trip));
        rates.report(findings, &what, &Wanted::AtLeast(wanted));
        println!("{}", links(&sides));
    }
}

fn uneven(findings: &mut Findings, program: &str) {
    let work = Work {
        each: SHORT,
        slow: Some((50, Duration::from_millis(200))),
    };
    for (round_trip, rounds) in [(NEAR, 5), (FAR, 3)] {
        let sides = sides(program, work, round_trip);
        let load = Load::of(64)
            .lasting(Duration::from_secs(2))
            .warming_up(Duration::from_millis(500));
        let (mut rates, mut medians) = (Beside::of("a second"), Beside::of("ms"));
        let mut tails = Beside::of("ms");
        for _ in 0..rounds {
            let reports = sides.each_ref().map(|side| findings.run(load, &side.target()));
            let at = |percent| {
                reports
                    .each_ref()
                    .map(|one| milliseconds(one.percentile(percent)))
            };
            medians.add(at(50.0));
            tails.add(at(99.0));
            rates.add(reports.each_ref().map(Report::rate));
        }
        let what = format!("0.5 ms {}, one in 50 200 ms, 64 clients", distance(round_trip));
        rates.report(findings, &what, &Wanted::AtLeast(0.9));
        medians.report(findings, &format!("{what}, median"), &Wanted::AtMost(1.3));
        tails.report(findings, &format!("{what}, 99 %"), &Wanted::Told);
        println!("{}", links(&sides));
    }
}

/// How long the light clients' requests took, in ms.
struct Light {
    longest: f64,
    median: f64,
    alone: f64,
}

fn beside(findings: &mut Findings, program: &str) {
    for (round_trip, rounds) in [(NEAR, 3), (FAR, 2)] {
        let (mut longest, mut medians, mut alone) = (Beside::of("ms"), Beside::of("ms"), Beside::of("ms"));
        let (mut to_alone, mut used) = (Pairs::default(), String::new());
        for _ in 0..rounds {
            // Each begins with the links it begins with.
            let sides = sides(program, Work::of(SHORT), round_trip);
            let light = sides
                .each_ref()
                .map(|side| beside_heavy_ones(findings, &side.target()));
            longest.add(light.each_ref().map(|light| light.longest));
            medians.add(light.each_ref().map(|light| light.median));
            to_alone.add(light[0].median, light[0].alone);
            alone.add(light.map(|light| light.alone));
            used = links(&sides);
        }
        let what = format!("0.5 ms {}, 16 clients beside two with 4 s", distance(round_trip));
        let how = "the longest ms of lonc's light clients";
        findings.at_most(&what, longest.lonc(), 300.0, how);
        let how = format!(
            "median ms, {:.1} beside {:.1} alone",
            to_alone.one(),
            to_alone.other()
        );
        findings.at_most(&what, to_alone.ratio(), 2.0, how);
        longest.report(findings, &format!("{what}, longest"), &Wanted::Told);
        medians.report(findings, &format!("{what}, median"), &Wanted::Told);
        alone.report(findings, "the same without the two, median", &Wanted::Told);
        println!("{used}");
    }
}

/// One heavy request is there when the light clients come, and another comes between theirs.
fn beside_heavy_ones(findings: &mut Findings, target: &Target) -> Light {
    let heavy = Load::of(1)
        .style(Style::Taking(Duration::from_secs(4)))
        .lasting(Duration::from_secs(1))
        .warming_up(Duration::ZERO);
    let light = Load::of(16);
    let beside = light
        .lasting(Duration::from_millis(5500))
        .warming_up(Duration::ZERO);
    let reports = scope(|scope| {
        let first = scope.spawn(|| heavy.run(target).expect("the first heavy request is asked"));
        let second = scope.spawn(|| {
            sleep(Duration::from_secs(2));
            heavy.run(target).expect("the second heavy request is asked")
        });
        sleep(Duration::from_millis(200));
        let light = beside.run(target).expect("the light load runs");
        [first, second]
            .map(|heavy| heavy.join().expect("a thread that only measures"))
            .into_iter()
            .chain([light])
            .collect::<Vec<_>>()
    });
    for report in &reports {
        findings.check(report);
    }
    let alone = findings.run(light, target);
    let light = reports.last().expect("there are three");
    Light {
        longest: milliseconds(light.percentile(100.0)),
        median: milliseconds(light.percentile(50.0)),
        alone: milliseconds(alone.percentile(50.0)),
    }
}

fn quick(findings: &mut Findings, program: &str) {
    let any = (Ipv4Addr::LOCALHOST, 0).into();
    for (round_trip, clients) in [(NEAR, 64), (NEAR, 512), (NEAR, 1000), (FAR, 64)] {
        let (address, counts) = lond::counting("msul1", any).expect("a free port");
        let direct = lond::start("msul1").expect("a free port");
        let [address, direct] = [address, direct].map(|lond| away(lond, round_trip));
        let lonc = Lonc::start(program, address, "");
        let mut pairs = Pairs::default();
        for _ in 0..3 {
            let rate = findings.run(Load::of(clients), &lonc.target()).rate();
            let direct = findings.run(Load::of(clients), &Target::Tcp(direct)).rate();
            pairs.add(rate, direct);
        }
        let what = format!("no time {}, {clients} clients", distance(round_trip));
        let links = counts.most() as f64;
        findings.at_most(&what, links, 3.0, "links, the most at once");
        let rates = format!("{:.0} a second beside {:.0}", pairs.one(), pairs.other());
        Findings::tell(&format!("{what}, lonc/direct"), pairs.ratio(), rates);
    }
}
