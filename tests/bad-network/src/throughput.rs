//! Requests a second and latencies through lonc, beside those of TCP connections on which the same is echoed.

use std::fmt::{self, Display};
use std::net::SocketAddr;

use bench_kit::load::{Load, Report, Target};
use bench_kit::lonc::Lonc;
use bench_kit::lond;
use bench_kit::report::Pairs;
use test_harness::programs::built;
use test_network::Host;

use crate::Scale;
use crate::path::Path;
use crate::stage;

/// Bytes of a request and its reply, and how many are under way at a time.
const KINDS: [(usize, usize); 2] = [(40, 60), (16 * 1024, 20)];

/// Measures on each way, alone.
pub(crate) fn measure_all<'p>(paths: impl Iterator<Item = &'p Path>, scale: Scale) {
    println!(
        "\n| way | bytes, under way | links | a second | beside TCP | middle latency | 99 % within |\n|---|---|---|---|---|---|---|"
    );
    for path in paths {
        measure(path, scale);
    }
}

fn measure(path: &Path, scale: Scale) {
    let (network, bridge) = stage::network();
    let echo = network
        .far
        .enter(|| lond::listen("msul1", SocketAddr::from((network.far.v4, 0))))
        .expect("a free port");
    path.lay(&bridge);
    for links in [1, 10] {
        let toml = format!("[link]\nconnections = {links}\nmax_connections = {links}");
        let lonc = network.near.enter(|| Lonc::start(built("lonc"), echo, &toml));
        for (size, under_way) in KINDS {
            let load = Load::of(under_way)
                .size(size)
                .lasting(scale.measuring)
                .warming_up(scale.measuring);
            let mut sides = Sides::default();
            for _ in 0..scale.rounds {
                let through = run(load, &network.near, &lonc.target());
                let few = Load {
                    clients: links,
                    ..load
                };
                let plain = run(few.depth(under_way / links), &network.near, &Target::Tcp(echo));
                sides.add(&through, &plain);
            }
            println!("| {} | {size}, {under_way} | {links} | {sides}", path.name);
        }
    }
}

fn run(load: Load, near: &Host, target: &Target) -> Report {
    let report = near.enter(|| load.run(target)).expect("the load runs");
    assert!(
        report.wrong == 0 && report.lost == 0,
        "{} were wrong, {} lost",
        report.wrong,
        report.lost
    );
    report
}

/// Figures through lonc, and of TCP alone.
#[derive(Default)]
struct Sides {
    rates: Pairs,
    middle: Pairs,
    late: Pairs,
}

impl Sides {
    fn add(&mut self, lonc: &Report, plain: &Report) {
        self.rates.add(lonc.rate(), plain.rate());
        for (pairs, percent) in [(&mut self.middle, 50.0), (&mut self.late, 99.0)] {
            let millis = |report: &Report| report.percentile(percent).as_secs_f64() * 1e3;
            pairs.add(millis(lonc), millis(plain));
        }
    }
}

impl Display for Sides {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rates, middle, late } = self;
        write!(
            out,
            "{:.0} beside {:.0} | ×{:.2} | {:.0} ms beside {:.0} ms | {:.0} ms beside {:.0} ms |",
            rates.one(),
            rates.other(),
            rates.ratio(),
            middle.one(),
            middle.other(),
            late.one(),
            late.other()
        )
    }
}
