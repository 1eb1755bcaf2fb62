//! The ways there are from lonc to lond.

use std::time::Duration;

use test_network::{Bridge, Toward};

use crate::Scale;

/// A way that is bad all the time.
pub(crate) struct Path {
    pub(crate) name: &'static str,
    /// What it does with what passes, in both directions, in the words of tc-netem(8).
    netem: &'static str,
    /// It loses packets above so many bytes, and tells nobody.
    largest: Option<u32>,
    is_brief: bool,
}

/// A way that is good, falls silent, and comes back.
pub(crate) struct Outage {
    pub(crate) name: &'static str,
    /// Where nothing arrives any more.
    silent: &'static [Toward],
    pub(crate) span: Duration,
    is_brief: bool,
}

/// Round trips are given; each direction has half of it. Where an order is kept the rate is limited, far above what is
/// sent, for that makes netem keep it.
pub(crate) const PATHS: [Path; 13] = [
    in_long("20 ms", "delay 10ms"),
    in_any("100 ms", "delay 50ms"),
    in_long("200 ms", "delay 100ms"),
    in_long("100 ms ± 40 ms, in order", "delay 50ms 20ms rate 1gbit"),
    in_long("100 ms ± 40 ms, in any order", "delay 50ms 20ms"),
    in_any("20 ms, 1 % lost", "delay 10ms loss 1%"),
    in_long("20 ms, 5 % lost", "delay 10ms loss 5%"),
    in_long("100 ms, 1 % lost", "delay 50ms loss 1%"),
    in_long("100 ms, 5 % lost", "delay 50ms loss 5%"),
    in_long("20 ms, 25 % overtake the others", "delay 10ms reorder 25% 50%"),
    in_long("20 ms, 5 % come twice", "delay 10ms duplicate 5%"),
    in_long("20 ms, 1 % with a bit turned over", "delay 10ms corrupt 1%"),
    in_any(
        "20 ms ± 5 ms, 1 % each lost, twice, with a bit turned over",
        "delay 10ms 2500us loss 1% duplicate 1% corrupt 1%",
    ),
];

/// Small packets pass and large ones do not: TCP opens, and then stands still.
pub(crate) const HOLE: Path = Path {
    largest: Some(1280),
    ..in_any("20 ms, above 1,280 bytes lost", "delay 10ms")
};

/// All on a way of 20 ms.
pub(crate) const OUTAGES: [Outage; 8] = [
    cut("cut for 1 s", 1, false),
    cut("cut for 10 s", 10, true),
    cut("cut for 30 s", 30, false),
    cut("cut for 60 s", 60, false),
    cut("cut for 5 minutes", 300, false),
    Outage {
        name: "nothing reaches lond for 40 s",
        silent: &[Toward::Far],
        span: Duration::from_secs(40),
        is_brief: true,
    },
    Outage {
        name: "nothing comes back for 40 s",
        silent: &[Toward::Near],
        span: Duration::from_secs(40),
        is_brief: true,
    },
    Outage {
        name: "nothing comes back for 5 minutes",
        silent: &[Toward::Near],
        span: Duration::from_secs(300),
        is_brief: false,
    },
];

const fn in_any(name: &'static str, netem: &'static str) -> Path {
    Path {
        name,
        netem,
        largest: None,
        is_brief: true,
    }
}

const fn in_long(name: &'static str, netem: &'static str) -> Path {
    Path {
        is_brief: false,
        ..in_any(name, netem)
    }
}

const fn cut(name: &'static str, seconds: u64, is_brief: bool) -> Outage {
    Outage {
        name,
        silent: &[Toward::Far, Toward::Near],
        span: Duration::from_secs(seconds),
        is_brief,
    }
}

impl Path {
    pub(crate) fn is_among(&self, scale: Scale) -> bool {
        self.is_brief || !scale.is_brief
    }

    /// Makes what is between the hosts this way.
    pub(crate) fn lay(&self, bridge: &Bridge) {
        for toward in [Toward::Far, Toward::Near] {
            bridge.treat(toward, self.netem);
        }
        if let Some(bytes) = self.largest {
            bridge.pass_at_most(bytes);
        }
    }

    /// Makes it a good one.
    pub(crate) fn mend(bridge: &Bridge) {
        for toward in [Toward::Far, Toward::Near] {
            bridge.treat(toward, "");
        }
        bridge.pass_at_most(1500);
    }
}

impl Outage {
    const GOOD: &'static str = "delay 10ms";

    pub(crate) fn is_among(&self, scale: Scale) -> bool {
        self.is_brief || !scale.is_brief
    }

    pub(crate) fn begin(&self, bridge: &Bridge) {
        for toward in self.silent {
            bridge.treat(*toward, &format!("{} loss 100%", Self::GOOD));
        }
    }

    /// Also what is before it.
    pub(crate) fn end(bridge: &Bridge) {
        for toward in [Toward::Far, Toward::Near] {
            bridge.treat(toward, Self::GOOD);
        }
    }
}
