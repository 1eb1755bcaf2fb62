//! A process that is measured, and what the kernel counts of it.

use std::fs;
use std::io;
use std::ops::Sub;
use std::process::{Child, Command};
use std::time::Duration;

/// A running process; ended when dropped.
pub struct Process(Child);

impl Process {
    /// Starts it.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        command.spawn().map(Self)
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Processor time and wake-ups so far; the difference of two is what was used between them.
#[derive(Clone, Copy, Debug)]
pub struct Usage {
    /// Time on a processor, in user and kernel mode, of all threads there are.
    pub cpu: Duration,
    /// How often one of its threads went to sleep by itself, and so was woken.
    pub wake_ups: u64,
}

impl Usage {
    /// What process `pid` has used so far. Threads that have ended do not count.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        let mut usage = Self {
            cpu: Duration::ZERO,
            wake_ups: 0,
        };
        for thread in fs::read_dir(format!("/proc/{pid}/task")).expect("the process is there") {
            let thread = thread.expect("its threads can be listed").path();
            // A thread may end at any time.
            let read = |file| fs::read_to_string(thread.join(file)).unwrap_or_default();
            let nanoseconds = read("schedstat").split(' ').next().map(str::parse);
            usage.cpu += Duration::from_nanos(nanoseconds.and_then(Result::ok).unwrap_or_default());
            usage.wake_ups += number(&read("status"), "voluntary_ctxt_switches").unwrap_or_default();
        }
        usage
    }
}

impl Sub for Usage {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            wake_ups: self.wake_ups.saturating_sub(before.wake_ups),
        }
    }
}

/// Memory of a process, in KiB.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// In memory now, what it shares with others included.
    pub resident: u64,
    /// Its own alone, written to, and backed by no file.
    pub anonymous: u64,
    /// Its part of what it shares, and its own.
    pub proportional: u64,
}

impl Memory {
    /// That of process `pid` now.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("the process is there");
        let of = |name| number(&rollup, name).unwrap_or_default();
        Self {
            resident: of("Rss"),
            anonymous: of("Anonymous"),
            proportional: of("Pss"),
        }
    }
}

/// The number in the line of this name.
fn number(text: &str, name: &str) -> Option<u64> {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.into_iter().find(|(key, _)| *key == name)?;
    value.split_whitespace().next()?.parse().ok()
}
