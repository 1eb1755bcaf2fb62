//! The ways to a lond that are compared.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bench_kit::counts::Counts;
use bench_kit::load::Target;
use bench_kit::lock_step::LockStep;
use bench_kit::lonc::Lonc;
use bench_kit::relay;
use bench_kit::serial::{self, Work};

const LINKS: usize = 10;

/// One way to a lond that takes time.
pub(crate) struct Side {
    carrier: Carrier,
    lond: Arc<Counts>,
}

enum Carrier {
    Lonc(Lonc),
    LockStep(LockStep),
}

impl Side {
    fn lonc(program: &str, toml: &str, work: Work, round_trip: Duration) -> Self {
        let (address, lond) = lond_at(work, round_trip);
        Self {
            carrier: Carrier::Lonc(Lonc::start(program, address, toml)),
            lond,
        }
    }

    fn lock_step(work: Work, round_trip: Duration) -> Self {
        let (address, lond) = lond_at(work, round_trip);
        let links = LockStep::start(address, LINKS).expect("the lond takes ten links");
        Self {
            carrier: Carrier::LockStep(links),
            lond,
        }
    }

    pub(crate) fn target(&self) -> Target {
        match &self.carrier {
            Carrier::Lonc(lonc) => lonc.target(),
            Carrier::LockStep(links) => links.target(),
        }
    }

    /// The largest number of links that were open at once.
    pub(crate) fn links(&self) -> usize {
        self.lond.most()
    }
}

fn lond_at(work: Work, round_trip: Duration) -> (SocketAddr, Arc<Counts>) {
    let (address, lond) = serial::start("msul1", work).expect("a free port");
    (away(address, round_trip), lond)
}

/// Where a lond is reached from so far.
pub(crate) fn away(address: SocketAddr, round_trip: Duration) -> SocketAddr {
    if round_trip.is_zero() {
        return address;
    }
    relay::start(address, round_trip / 2)
}

/// lonc as it comes, ten links in lock step, and lonc with ten links.
pub(crate) fn sides(program: &str, work: Work, round_trip: Duration) -> [Side; 3] {
    let ten = format!("[link]\nconnections = {LINKS}");
    [
        Side::lonc(program, "", work, round_trip),
        Side::lock_step(work, round_trip),
        Side::lonc(program, &ten, work, round_trip),
    ]
}
