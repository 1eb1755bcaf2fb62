//! What a process uses, again and again.

use std::fmt::{Display, Formatter, Result};
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What memory may differ in from quarter to quarter, in KiB: buffers of replies that come and go.
const SLACK: u64 = 12 << 10;

/// What it uses at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Since the first.
    pub(crate) at: Duration,
    /// Memory that is resident, in KiB.
    pub(crate) memory: u64,
    /// Open files and sockets.
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
}

impl Sample {
    pub(crate) fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.split_whitespace().next().unwrap().parse().unwrap()
        };
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count();
        Self {
            at: Duration::ZERO,
            memory: number("VmRSS:"),
            descriptors: descriptors.try_into().unwrap(),
            threads: number("Threads:"),
        }
    }
}

impl Display for Sample {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        let Self {
            memory,
            descriptors,
            threads,
            ..
        } = self;
        write!(out, "{memory} KiB, {descriptors} descriptors, {threads} threads")
    }
}

/// Those of a span of time.
pub(crate) struct Samples(pub(crate) Vec<Sample>);

impl Samples {
    /// So many of this process, evenly over a span.
    pub(crate) fn taken(pid: u32, number: u32, span: Duration) -> Self {
        let start = Instant::now();
        let samples = (1..=number).map(|nth| {
            sleep((span * nth / number).saturating_sub(start.elapsed()));
            let at = start.elapsed();
            Sample {
                at,
                ..Sample::of(pid)
            }
        });
        Self(samples.collect())
    }

    /// The most of something in each quarter.
    fn quarters(&self, of: impl Fn(&Sample) -> u64) -> Vec<u64> {
        let size = self.0.len().div_ceil(4).max(1);
        let most = |samples: &[Sample]| samples.iter().map(&of).max().unwrap_or_default();
        self.0.chunks(size).map(most).collect()
    }

    /// The last quarter has not more than the ones before had.
    pub(crate) fn assert_flat(&self) {
        let memory = self.quarters(|sample| sample.memory);
        let threads = self.quarters(|sample| sample.threads);
        let last_and_before = |quarters: &[u64]| {
            let (last, before) = quarters.split_last().unwrap();
            (*last, before.iter().copied().max().unwrap_or_default())
        };
        let (last, before) = last_and_before(&memory);
        assert!(last <= before + SLACK, "memory grows, in KiB: {memory:?}");
        let (last, before) = last_and_before(&threads);
        assert!(last <= before + 1, "threads grow: {threads:?}");
    }
}

impl Display for Samples {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        writeln!(out, "the most in each quarter:")?;
        writeln!(out, "  memory, KiB  {:?}", self.quarters(|sample| sample.memory))?;
        writeln!(
            out,
            "  descriptors  {:?}",
            self.quarters(|sample| sample.descriptors)
        )?;
        write!(out, "  threads      {:?}", self.quarters(|sample| sample.threads))
    }
}

#[test]
#[should_panic(expected = "memory grows")]
fn what_grows_is_found() {
    let sample = |at| Sample {
        at: Duration::from_secs(at),
        memory: 20_000 + 1000 * at,
        descriptors: 20,
        threads: 7,
    };
    Samples((0..60).map(sample).collect()).assert_flat();
}
