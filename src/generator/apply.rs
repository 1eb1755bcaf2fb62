//! Has a running systemd follow a changed configuration.
//!
//! We act as root, and read nothing that others can write: lonc-table.service does, as a user who may do nothing else, and
//! leaves what it found.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::decide::{Decision, decide};
use super::state::State;
use crate::config::{HostId, Snapshot, TakenOver};

/// How often to begin anew when the files change meanwhile; the next change starts us again anyway.
const ROUNDS: usize = 5;
/// Between two changes of systemd's units: each keeps systemd busy.
const PACE: Duration = Duration::from_secs(5);
/// So many units at a time,
const BATCH: usize = 20;
/// and so long between two times.
const BREATH: Duration = Duration::from_millis(300);
/// Before we begin: what is watched may change all the time, and each change starts us. Not behind it: systemd tells of no
/// change that comes while we run.
const LEAST: Duration = Duration::from_secs(1);

/// Why systemd could not be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// `systemctl` could not be run.
    #[error("systemctl: {0}")]
    Run(io::Error),
    /// The list of peers could not be written.
    #[error("{}: {fault}", .path.display())]
    Keep {
        /// Where it is kept.
        path: std::path::PathBuf,
        /// What the system said.
        fault: io::Error,
    },
    /// `systemctl` failed; it has said why.
    #[error("systemctl {arguments}: {status}")]
    Failed {
        /// What it was asked to do.
        arguments: String,
        /// How it ended.
        status: ExitStatus,
    },
}

/// Where the set of peers has changed: reloads systemd, which runs the generator; starts what is wanted now; has the
/// sockets' second names follow; stops the units of peers that are gone. Says by `warn` where nobody is removed.
///
/// A peer is gone if the configuration is sound and does not have it. Where a file cannot be read, is broken, or looks
/// as if it were not what it should be, nothing is stopped: a slip in an editor must not cut links.
pub(super) fn apply(config: &Path, state: &State, warn: impl Fn(&[String])) -> Result<(), ApplyError> {
    thread::sleep(LEAST);
    let (mut stopped, mut told, mut is_meant) = (BTreeSet::new(), Vec::new(), false);
    for round in 0..ROUNDS {
        // What it cannot do it says itself, and then there is nothing of it.
        run(&["start", "lonc-table.service"])?;
        let Ok(offer) = state.offered() else {
            warn(&[
                "the list of peers cannot be read: nothing changes; see journalctl -u lonc-table".to_owned(),
            ]);
            break;
        };
        is_meant |= state.take_meant();
        let kept = state.kept();
        let decision = decide(kept.as_ref(), &offer, is_meant, now());
        let lines = lines(&decision, state);
        if lines != told {
            warn(&lines);
            told = lines;
        }
        let units = Units::loaded()?;
        let is_held = decision.held.is_some();
        let is_gone = |id: &&HostId| {
            !is_held && !decision.next.peers.contains_key(*id) && !offer.mentioned.contains(*id)
        };
        let gone: Vec<_> = units.all.iter().filter(is_gone).cloned().collect();
        let gone: Vec<_> = gone.into_iter().filter(|id| stopped.insert(id.clone())).collect();
        let (ours, _) = TakenOver::read(config);
        let new = new(&decision.next, &units, &ours);
        // As after a boot where the list was on a disk that was not there yet. What did not help once does not help.
        let is_missing = !new.is_empty() && round == 0;
        let change = Change::of(kept.as_ref().filter(|_| !is_missing), &decision.next);
        if change == Change::Nothing && gone.is_empty() {
            keep(state, kept.as_ref(), &decision.next)?;
            break;
        }
        pause(state);
        keep(state, kept.as_ref(), &decision.next)?;
        if let Err(fault) = follow(change, &new, &gone) {
            // The next run is to see that there is something to be done.
            let _ = state.restore(kept.as_ref());
            return Err(fault);
        }
    }
    Ok(())
}

/// What there is to say.
fn lines(decision: &Decision, state: &State) -> Vec<String> {
    let mut lines = Vec::new();
    if let Err(fault) = state.hold(decision.held.as_deref()) {
        lines.push(format!("{}: {fault}", state.run.display()));
    }
    lines.extend(decision.held.clone().filter(|_| !decision.is_told));
    if decision.num_beyond > 0 {
        lines.push(format!(
            "{} new peers are more than a host serves, and are left out",
            decision.num_beyond
        ));
    }
    lines
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap_or_default().as_secs()
}

fn pause(state: &State) {
    let age = state.age().unwrap_or(PACE);
    thread::sleep(PACE.saturating_sub(age));
}

fn keep(state: &State, kept: Option<&Snapshot>, next: &Snapshot) -> Result<(), ApplyError> {
    if kept == Some(next) {
        return Ok(());
    }
    state.keep(next).map_err(|fault| ApplyError::Keep {
        path: state.kept.clone(),
        fault,
    })
}

/// What systemd has to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    Nothing,
    /// Other paths are watched; perhaps there are other names as well.
    Watch,
    /// Other second names of the same sockets.
    Names,
    /// Other units.
    Units,
}

impl Change {
    fn of(kept: Option<&Snapshot>, next: &Snapshot) -> Self {
        let Some(kept) = kept else {
            return Self::Units;
        };
        if kept.start != next.start || !kept.peers.keys().eq(next.peers.keys()) {
            Self::Units
        } else if kept.watched != next.watched {
            Self::Watch
        } else if kept.peers != next.peers {
            Self::Names
        } else {
            Self::Nothing
        }
    }
}

fn follow(change: Change, new: &[String], gone: &[HostId]) -> Result<(), ApplyError> {
    if matches!(change, Change::Watch | Change::Units) {
        systemctl(&["daemon-reload"])?;
    }
    if change == Change::Units {
        if new.len() > BATCH {
            in_batches(&["start"], new)?;
        }
        systemctl(&["start", "lonc.target"])?;
    }
    if change != Change::Nothing {
        systemctl(&["start", "lonc-aliases.service"])?;
    }
    let units = |id: &HostId| [format!("lonc@{id}.socket"), format!("lonc@{id}.service")];
    // A daemon may take its time to finish what is in flight; new peers need not wait for that.
    in_batches(
        &["stop", "--no-block"],
        &gone.iter().flat_map(units).collect::<Vec<_>>(),
    )
}

/// The sockets that lonc.target is to start and that systemd does not have yet.
fn new(next: &Snapshot, units: &Units, ours: &TakenOver) -> Vec<String> {
    let is_new = |id: &&HostId| ours.has(id) && !units.sockets.contains(*id);
    let ids = next.peers.keys().filter(is_new);
    ids.map(|id| format!("lonc@{id}.socket")).collect()
}

/// Some at a time: systemd begins with all that it is told at once, and ends it, before it answers anybody else.
fn in_batches(words: &[&str], units: &[String]) -> Result<(), ApplyError> {
    for (number, batch) in units.chunks(BATCH).enumerate() {
        if number > 0 {
            thread::sleep(BREATH);
        }
        let batch = batch.iter().map(String::as_str);
        let arguments: Vec<_> = words.iter().copied().chain(["--"]).chain(batch).collect();
        systemctl(&arguments)?;
    }
    Ok(())
}

/// The instances that systemd has a unit of.
struct Units {
    all: BTreeSet<HostId>,
    sockets: BTreeSet<HostId>,
}

impl Units {
    fn loaded() -> Result<Self, ApplyError> {
        let output = Command::new("systemctl")
            .args(["list-units", "--all", "--plain", "--no-legend", "--full"])
            .args(["lonc@*.socket", "lonc@*.service"])
            .output()
            .map_err(ApplyError::Run)?;
        let text = String::from_utf8_lossy(&output.stdout);
        let units = || text.lines().filter_map(|line| line.split_whitespace().next());
        Ok(Self {
            all: units().filter_map(instance).collect(),
            sockets: units()
                .filter(|unit| unit.ends_with(".socket"))
                .filter_map(instance)
                .collect(),
        })
    }
}

/// The instance in the name of one of our units.
fn instance(unit: &str) -> Option<HostId> {
    let name = unit.strip_prefix("lonc@")?;
    let id = name
        .strip_suffix(".socket")
        .or_else(|| name.strip_suffix(".service"))?;
    id.parse().ok()
}

fn systemctl(arguments: &[&str]) -> Result<(), ApplyError> {
    let status = run(arguments)?;
    if status.success() {
        return Ok(());
    }
    Err(ApplyError::Failed {
        arguments: arguments.join(" "),
        status,
    })
}

fn run(arguments: &[&str]) -> Result<ExitStatus, ApplyError> {
    Command::new("systemctl")
        .args(arguments)
        .status()
        .map_err(ApplyError::Run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_of_our_units() {
        let id = |unit| instance(unit).map(|id| id.to_string());
        assert_eq!(id("lonc@a-b.c.socket").as_deref(), Some("a-b.c"));
        assert_eq!(id("lonc@-.service").as_deref(), Some("-"));
        assert_eq!(id("lonc@.socket"), None);
        assert_eq!(id("lonc@a\\x2fb.socket"), None);
        assert_eq!(id("active"), None);
    }
}
