//! Figures side by side.

use std::fmt::Display;
use std::time::Duration;

use crate::load::{Load, Report, Target};
use crate::process::{Memory, Usage};

/// Each comparison is made so often, the two sides in turn; the middle ratio counts.
pub const ROUNDS: usize = 5;

/// Prints what is compared, and keeps count of what was wrong.
#[derive(Default)]
pub struct Findings {
    wrong: u64,
    lost: u64,
    missed: Vec<String>,
}

impl Findings {
    /// Nothing found yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a load, and counts what is wrong with it.
    pub fn run(&mut self, load: Load, target: &Target) -> Report {
        let report = load.run(target).expect("the load runs");
        self.check(&report);
        report
    }

    /// The same; with it what each request cost process `pid` of processor time, in microseconds.
    pub fn run_costing(&mut self, load: Load, target: &Target, pid: u32) -> (Report, f64) {
        let (report, [before, after]) = load.run_around(target, || Usage::of(pid)).expect("the load runs");
        self.check(&report);
        let cost = micros((after - before).cpu) / report.replies.max(1) as f64;
        (report, cost)
    }

    /// Counts what is wrong with a load.
    pub fn check(&mut self, report: &Report) {
        self.wrong += report.wrong;
        self.lost += report.lost;
    }

    /// A figure that is to be at least so much.
    pub fn at_least(&mut self, what: &str, figure: f64, wanted: f64, how: impl Display) {
        self.judge(what, figure, wanted, figure >= wanted, "≥", &how);
    }

    /// A figure that is to be at most so much.
    pub fn at_most(&mut self, what: &str, figure: f64, wanted: f64, how: impl Display) {
        self.judge(what, figure, wanted, figure <= wanted, "≤", &how);
    }

    /// A figure that is told only.
    pub fn tell(what: &str, figure: f64, how: impl Display) {
        println!("     {figure:8.2}         {what}: {how}");
    }

    fn judge(&mut self, what: &str, figure: f64, wanted: f64, met: bool, sign: &str, how: &dyn Display) {
        let word = if met { "met " } else { "MISS" };
        println!("{word} {figure:8.2} ({sign} {wanted})  {what}: {how}");
        if !met {
            self.missed.push(what.to_owned());
        }
    }

    /// Prints the end, and fails the program if a reply was wrong or lost. A figure that was missed is told only: the
    /// machine may have been busy.
    pub fn finish(self) {
        let Self { wrong, lost, missed } = self;
        println!("     replies: {wrong} wrong, {lost} lost");
        if !missed.is_empty() {
            println!("missed on this run: {}", missed.join("; "));
        }
        assert!(wrong == 0 && lost == 0, "replies were wrong or lost");
    }
}

/// Figures of two sides, measured in turn.
#[derive(Default)]
pub struct Pairs(Vec<(f64, f64)>);

impl Pairs {
    /// What `one` and `other` give, in turn, [`ROUNDS`] times.
    pub fn of(mut one: impl FnMut() -> f64, mut other: impl FnMut() -> f64) -> Self {
        let mut pairs = Self::default();
        for _ in 0..ROUNDS {
            pairs.add(one(), other());
        }
        pairs
    }

    /// One pair more.
    pub fn add(&mut self, one: f64, other: f64) {
        self.0.push((one, other));
    }

    /// The middle ratio of one side to the other.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        median(self.0.iter().map(|(one, other)| one / other).collect())
    }

    /// The least and the largest of those ratios.
    #[must_use]
    pub fn extremes(&self) -> (f64, f64) {
        let ratios = self.0.iter().map(|(one, other)| one / other);
        ratios.fold((f64::INFINITY, 0.0), |(least, most), ratio| {
            (ratio.min(least), ratio.max(most))
        })
    }

    /// The middle figure of one side.
    #[must_use]
    pub fn one(&self) -> f64 {
        median(self.0.iter().map(|pair| pair.0).collect())
    }

    /// The middle figure of the other side.
    #[must_use]
    pub fn other(&self) -> f64 {
        median(self.0.iter().map(|pair| pair.1).collect())
    }
}

/// The middle one of several figures.
fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Tells how two sides compare under a load: requests a second, and the processor time of each in microseconds.
pub fn tell_beside(name: &str, rates: &Pairs, costs: &Pairs) {
    println!(
        "{name}: requests/s ×{:.2} ({:.0} beside {:.0}); CPU a request ×{:.2} ({:.2} µs beside {:.2} µs)",
        rates.ratio(),
        rates.one(),
        rates.other(),
        costs.ratio(),
        costs.one(),
        costs.other()
    );
}

/// A time in microseconds.
#[must_use]
pub fn micros(span: Duration) -> f64 {
    span.as_secs_f64() * 1e6
}

/// KiB in MiB.
#[must_use]
pub fn mebibytes(kibibytes: u64) -> f64 {
    kibibytes as f64 / 1024.0
}

impl Display for Memory {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            out,
            "RSS {:.2} MiB, of which its own and written {:.2} MiB",
            mebibytes(self.resident),
            mebibytes(self.anonymous)
        )
    }
}
