//! What processes use, again and again.

use std::fmt::{Display, Formatter, Result};
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What memory may grow by in the second half, in KiB: in half an hour, what is kept of one request in some hundreds is
/// more.
const SLACK: f64 = 2.0 * 1024.0;
/// What memory may be at any time, in KiB.
const MOST: u64 = 64 * 1024;
/// Within less than this it is chance which quarter has the most of something.
const LONG: Duration = Duration::from_secs(10 * 60);

/// What a process uses at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Since the first.
    pub(crate) at: Duration,
    /// Memory that is resident, in KiB.
    pub(crate) memory: u64,
    /// Open files and sockets.
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
    /// How often its threads have gone to sleep so far; each time a timer or somebody else has woken them.
    pub(crate) sleeps: u64,
}

impl Sample {
    pub(crate) fn of(pid: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let entries = |of: &str| fs::read_dir(format!("/proc/{pid}/{of}")).unwrap().flatten();
        // A thread may end meanwhile.
        let told = entries("task").filter_map(|task| fs::read_to_string(task.path().join("status")).ok());
        Self {
            at: Duration::ZERO,
            memory: number(&status, "VmRSS:"),
            descriptors: entries("fd").count().try_into().unwrap(),
            threads: number(&status, "Threads:"),
            sleeps: told
                .map(|status| number(&status, "voluntary_ctxt_switches:"))
                .sum(),
        }
    }
}

/// What the line of this name says.
fn number(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
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

/// Those of a process over a span of time.
pub(crate) struct Samples {
    pub(crate) name: &'static str,
    pub(crate) taken: Vec<Sample>,
}

impl Samples {
    /// So many of each process, evenly over a span.
    pub(crate) fn taken(processes: &[(&'static str, u32)], number: u32, span: Duration) -> Vec<Self> {
        let start = Instant::now();
        let of = |&(name, _): &(_, u32)| Self {
            name,
            taken: Vec::new(),
        };
        let mut all: Vec<_> = processes.iter().map(of).collect();
        for nth in 1..=number {
            sleep((span * nth / number).saturating_sub(start.elapsed()));
            for (samples, (_, pid)) in all.iter_mut().zip(processes) {
                let at = start.elapsed();
                let sample = Sample::of(*pid);
                samples.taken.push(Sample { at, ..sample });
            }
        }
        all
    }

    /// When it was woken up how often, a second.
    pub(crate) fn wake_ups(&self) -> impl Iterator<Item = (Duration, f64)> {
        self.taken
            .iter()
            .zip(self.taken.iter().skip(1))
            .map(|(before, after)| {
                let count = after.sleeps.saturating_sub(before.sleeps);
                (
                    after.at,
                    count as f64 / after.at.saturating_sub(before.at).as_secs_f64(),
                )
            })
    }

    /// The most of something in each quarter.
    fn quarters(&self, of: impl Fn(&Sample) -> u64) -> Vec<u64> {
        let size = self.taken.len().div_ceil(4).max(1);
        let most = |samples: &[Sample]| samples.iter().map(&of).max().unwrap_or_default();
        self.taken.chunks(size).map(most).collect()
    }

    fn later_half(&self) -> &[Sample] {
        &self.taken[self.taken.len() / 2..]
    }

    /// By how much memory grows in the second half, in KiB, by the straight line that is nearest to all of it.
    fn growth(&self) -> f64 {
        let half = self.later_half();
        let point = |sample: &Sample| (sample.at.as_secs_f64(), sample.memory as f64);
        let mean = |of: &dyn Fn(&Sample) -> f64| half.iter().map(of).sum::<f64>() / half.len() as f64;
        let (middle, level) = (mean(&|sample| point(sample).0), mean(&|sample| point(sample).1));
        let steepness = mean(&|sample| (point(sample).0 - middle) * (point(sample).1 - level))
            / mean(&|sample| (point(sample).0 - middle).powi(2));
        steepness * seconds(half)
    }

    /// Memory is never much. Over a long time it does not grow in the second half, and the last quarter has no more
    /// descriptors and threads than those before it had.
    pub(crate) fn assert_flat(&self) {
        let (name, growth) = (self.name, self.growth());
        let memory = self.quarters(|sample| sample.memory);
        assert!(
            memory.iter().all(|&most| most < MOST),
            "{name}: much memory: {memory:?} KiB"
        );
        if self.taken.last().is_none_or(|last| last.at < LONG) {
            return;
        }
        assert!(
            growth <= SLACK,
            "{name}: memory grows by {growth:.0} KiB: {memory:?}"
        );
        for (what, of) in [
            ("descriptors", (|sample| sample.descriptors) as fn(&Sample) -> u64),
            ("threads", |sample| sample.threads),
        ] {
            let quarters = self.quarters(of);
            let (last, before) = quarters.split_last().unwrap();
            let most = before.iter().copied().max().unwrap_or_default();
            // Many come and go by chance.
            let slack = 2 + most / 10;
            assert!(*last <= most + slack, "{name}: {what} grow: {quarters:?}");
        }
    }
}

impl Display for Samples {
    fn fmt(&self, out: &mut Formatter<'_>) -> Result {
        let span = seconds(self.later_half()) / 60.0;
        let (all, count) = (
            self.wake_ups().map(|(_, rate)| rate),
            self.taken.len() as f64 - 1.0,
        );
        write!(
            out,
            "{}: the most in each quarter: memory {:?} KiB, descriptors {:?}, threads {:?}; \
             growth {:.0} KiB in the last {span:.1} minutes; {:.0} wake-ups a second",
            self.name,
            self.quarters(|sample| sample.memory),
            self.quarters(|sample| sample.descriptors),
            self.quarters(|sample| sample.threads),
            self.growth(),
            all.sum::<f64>() / count,
        )
    }
}

/// From the first to the last.
fn seconds(samples: &[Sample]) -> f64 {
    let ends = samples.first().zip(samples.last());
    ends.map_or(0.0, |(first, last)| {
        last.at.saturating_sub(first.at).as_secs_f64()
    })
}

/// Those of an hour, one a minute.
#[cfg(test)]
fn hour(memory: impl Fn(u64) -> u64, descriptors: impl Fn(u64) -> u64) -> Samples {
    sixty(Duration::from_secs(60), memory, descriptors)
}

/// So many, one every `pause`.
#[cfg(test)]
fn sixty(pause: Duration, memory: impl Fn(u64) -> u64, descriptors: impl Fn(u64) -> u64) -> Samples {
    let sample = |nth| Sample {
        at: pause * u32::try_from(nth).unwrap(),
        memory: 20_000 + memory(nth),
        descriptors: descriptors(nth),
        threads: 7,
        sleeps: 100 * nth,
    };
    Samples {
        name: "it",
        taken: (0..60).map(sample).collect(),
    }
}

/// Between nothing and 4 MiB, without a trend.
#[cfg(test)]
fn noise(minute: u64) -> u64 {
    minute * 2_654_435_761 % 4096
}

#[test]
fn what_comes_and_goes_is_flat() {
    // So is what has grown once, as all clients came.
    hour(|minute| noise(minute) + 9000 * u64::from(minute > 3), noise).assert_flat();
}

#[test]
#[should_panic(expected = "it: memory grows")]
fn what_grows_is_found_among_what_comes_and_goes() {
    hour(|minute| noise(minute) + 100 * minute, |_| 20).assert_flat();
}

#[test]
#[should_panic(expected = "it: descriptors grow")]
fn descriptors_that_are_not_closed_are_found() {
    hour(noise, |minute| 20 + minute).assert_flat();
}

#[test]
fn within_seconds_it_is_chance_when_the_most_was() {
    let pause = Duration::from_millis(130);
    sixty(pause, noise, |nth| 18 + u64::from(nth > 50) * 18).assert_flat();
}

#[test]
#[should_panic(expected = "it: much memory")]
fn much_memory_is_found_within_seconds() {
    sixty(Duration::from_millis(130), |nth| 1000 * nth, noise).assert_flat();
}
