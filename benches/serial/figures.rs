//! Figures of the ways that are compared, and how they are told.

use std::time::Duration;

use bench_kit::report::{Findings, Pairs};

use crate::sides::Side;

/// A figure of lonc beside that of the two others.
pub(crate) struct Beside {
    unit: &'static str,
    lock_step: Pairs,
    fixed: Pairs,
}

/// What the ratio to ten links in lock step is to be.
pub(crate) enum Wanted {
    AtLeast(f64),
    AtMost(f64),
    Told,
}

impl Beside {
    pub(crate) fn of(unit: &'static str) -> Self {
        Self {
            unit,
            lock_step: Pairs::default(),
            fixed: Pairs::default(),
        }
    }

    pub(crate) fn add(&mut self, [lonc, lock_step, fixed]: [f64; 3]) {
        self.lock_step.add(lonc, lock_step);
        self.fixed.add(lonc, fixed);
    }

    /// The middle figure of lonc.
    pub(crate) fn lonc(&self) -> f64 {
        self.lock_step.one()
    }

    pub(crate) fn report(&self, findings: &mut Findings, what: &str, wanted: &Wanted) {
        let figures = |pairs: &Pairs| format!("{:.1} beside {:.1} {}", pairs.one(), pairs.other(), self.unit);
        let what_beside = format!("{what}, lonc/ten in lock step");
        let (ratio, how) = (self.lock_step.ratio(), figures(&self.lock_step));
        match *wanted {
            Wanted::AtLeast(least) => findings.at_least(&what_beside, ratio, least, how),
            Wanted::AtMost(most) => findings.at_most(&what_beside, ratio, most, how),
            Wanted::Told => Findings::tell(&what_beside, ratio, how),
        }
        let what_beside = format!("{what}, lonc/lonc with ten");
        Findings::tell(&what_beside, self.fixed.ratio(), figures(&self.fixed));
    }
}

pub(crate) fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

pub(crate) fn distance(round_trip: Duration) -> String {
    if round_trip.is_zero() {
        return "on loopback".to_owned();
    }
    format!("over {} ms", round_trip.as_millis())
}

pub(crate) fn links(sides: &[Side; 3]) -> String {
    let [lonc, lock_step, fixed] = sides.each_ref().map(Side::links);
    format!("                       links: {lonc}, beside {lock_step} and {fixed}")
}
