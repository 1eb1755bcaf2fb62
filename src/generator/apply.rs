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
use crate::config::{HostId, Snapshot, Start, TakenOver};

/// How often to begin anew when the files change meanwhile; what changes afterwards [`recheck`] finds.
const ROUNDS: usize = 5;
/// Between two changes of systemd's units: each keeps systemd busy.
const PACE: Duration = Duration::from_secs(5);
/// So many units at a time,
const BATCH: usize = 6;
/// and so long between two times.
const BREATH: Duration = Duration::from_millis(75);
/// Before we begin: what is watched may change all the time, and each change starts us. Not behind it: systemd tells of no
/// change that comes while we run.
const LEAST: Duration = Duration::from_secs(1);

/// Has the files read.
const READ: [&str; 2] = ["start", "lonc-table.service"];

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

/// Where the set of peers has changed: reloads systemd, which runs the generator; starts what new peers need; has those
/// that are elsewhere now read the table anew, and the sockets' second names follow; stops the units of peers that are
/// gone. Says by `warn` where nobody is removed.
///
/// A peer is gone if the configuration is sound and does not have it. Where a file cannot be read, is broken, or looks
/// as if it were not what it should be, nothing is stopped: a slip in an editor must not cut links. What an
/// administrator has stopped is left stopped, all of it where `lonc.target` is.
pub(super) fn apply(config: &Path, state: &State, warn: impl Fn(&[String])) -> Result<(), ApplyError> {
    thread::sleep(LEAST);
    let (mut stopped, mut told, mut is_meant) = (BTreeSet::new(), Vec::new(), false);
    for round in 0..ROUNDS {
        // What it cannot do it says itself, and then there is nothing of it.
        run(&READ)?;
        let offer = state.offered().ok();
        state.note(offer.as_ref());
        let Some(offer) = offer else {
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
        let mut orders = Orders::new(kept.as_ref(), &decision.next, &units, &ours);
        // As after a boot where the list was on a disk that was not there yet. What did not help once does not help.
        if !orders.sockets.is_empty() && round == 0 {
            orders.change = Change::Units;
        }
        if orders.change == Change::Nothing && gone.is_empty() {
            keep(state, kept.as_ref(), &decision.next)?;
            break;
        }
        pause(state);
        keep(state, kept.as_ref(), &decision.next)?;
        if let Err(fault) = follow(&orders, &gone) {
            // The next run is to see that there is something to be done.
            let _ = state.restore(kept.as_ref());
            return Err(fault);
        }
    }
    Ok(())
}

/// Where the files say something else than what [`apply`] went by: has it all done again. For when that has ended: systemd
/// tells of no change that comes while it runs, and one may come when it has read the files for the last time.
pub(super) fn recheck(state: &State) -> Result<(), ApplyError> {
    run(&READ)?;
    // Where it went by nothing there is nothing to compare with, and to begin again might never end.
    if let Ok(noted) = state.noted()
        && state.offered().ok() != Some(noted)
    {
        systemctl(&["start", "--no-block", "lonc-hosts.service"])?;
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

/// What has changed; each takes what is before it along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    Nothing,
    /// Peers are elsewhere.
    Places,
    /// Other second names of the same sockets.
    Names,
    /// Other paths are watched, or opened for the daemons.
    Watch,
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
        } else if kept.watched != next.watched
            || kept.spool_dir != next.spool_dir
            || kept.sandbox != next.sandbox
        {
            Self::Watch
        } else if kept.peers != next.peers {
            Self::Names
        } else if kept.places != next.places {
            Self::Places
        } else {
            Self::Nothing
        }
    }
}

/// What systemd is to be told beside.
#[derive(Debug)]
struct Orders {
    change: Change,
    /// That are to be started: those of peers that are new.
    sockets: Vec<String>,
    /// As well.
    services: Vec<String>,
    /// That run, and whose peers are elsewhere now.
    moved: Vec<String>,
}

impl Orders {
    fn new(kept: Option<&Snapshot>, next: &Snapshot, units: &Units, ours: &TakenOver) -> Self {
        let is_ours = |id: &&HostId| units.is_up && ours.has(id);
        // lonc.target holds all that it wants: what systemd does not have it never wanted.
        let is_unknown = |id: &&HostId| {
            let is_added = kept.is_some_and(|kept| !kept.peers.contains_key(*id));
            is_added && !units.listening.contains(*id) || !units.sockets.contains(*id)
        };
        let is_new = |id: &&HostId| is_ours(id) && is_unknown(id);
        let is_at_boot = next.start == Start::Boot;
        let is_boot_new = is_at_boot && kept.is_some_and(|kept| kept.start != next.start);
        let is_to_run =
            |id: &&HostId| is_at_boot && is_new(id) || is_boot_new && units.listening.contains(*id);
        let is_elsewhere = |id: &&HostId| {
            let is_other = |kept: &Snapshot| match (kept.places.get(*id), next.places.get(*id)) {
                (Some(before), Some(now)) => now.differs(before),
                (before, now) => before.is_some() != now.is_some(),
            };
            units.running.contains(*id) && kept.is_some_and(is_other)
        };
        let ids = next.peers.keys();
        Self {
            change: Change::of(kept, next),
            sockets: names(ids.clone().filter(is_new), "socket"),
            services: names(ids.clone().filter(is_to_run), "service"),
            moved: names(ids.filter(is_elsewhere), "service"),
        }
    }
}

fn names<'a>(ids: impl Iterator<Item = &'a HostId>, kind: &str) -> Vec<String> {
    ids.map(|id| format!("lonc@{id}.{kind}")).collect()
}

fn follow(orders: &Orders, gone: &[HostId]) -> Result<(), ApplyError> {
    if orders.change >= Change::Watch {
        systemctl(&["daemon-reload"])?;
    }
    in_batches(&["start"], &orders.sockets)?;
    if orders.change >= Change::Names {
        systemctl(&["start", "lonc-aliases.service"])?;
    }
    in_batches(&["start", "--no-block"], &orders.services)?;
    in_batches(&["try-reload-or-restart", "--no-block"], &orders.moved)?;
    // A daemon may take its time to finish what is in flight; new peers need not wait for that.
    let units = |id: &HostId| [format!("lonc@{id}.socket"), format!("lonc@{id}.service")];
    in_batches(
        &["stop", "--no-block"],
        &gone.iter().flat_map(units).collect::<Vec<_>>(),
    )
}

/// Some at a time: systemd begins with all that it is told at once, and ends it, before it answers anybody else. What
/// it cannot do to one of them `systemctl` says, and the others are none the worse for it.
fn in_batches(words: &[&str], units: &[String]) -> Result<(), ApplyError> {
    for (number, batch) in units.chunks(BATCH).enumerate() {
        if number > 0 {
            thread::sleep(BREATH);
        }
        let batch = batch.iter().map(String::as_str);
        let arguments: Vec<_> = words.iter().copied().chain(["--"]).chain(batch).collect();
        run(&arguments)?;
    }
    Ok(())
}

/// The instances that systemd has a unit of, and what they are at.
#[derive(Debug, Default)]
struct Units {
    /// `lonc.target` is active.
    is_up: bool,
    all: BTreeSet<HostId>,
    sockets: BTreeSet<HostId>,
    listening: BTreeSet<HostId>,
    running: BTreeSet<HostId>,
}

impl Units {
    fn loaded() -> Result<Self, ApplyError> {
        let output = Command::new("systemctl")
            .args(["list-units", "--all", "--plain", "--no-legend", "--full"])
            .args(["lonc.target", "lonc@*.socket", "lonc@*.service"])
            .output()
            .map_err(ApplyError::Run)?;
        Ok(Self::of(&String::from_utf8_lossy(&output.stdout)))
    }

    /// Of lines "unit load active …".
    fn of(text: &str) -> Self {
        let mut units = Self::default();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let (Some(unit), Some(state)) = (words.next(), words.nth(1)) else {
                continue;
            };
            let is_active = state == "active" || state == "reloading";
            units.is_up |= is_active && unit == "lonc.target";
            let Some(id) = instance(unit) else {
                continue;
            };
            let is_socket = unit.ends_with(".socket");
            if is_socket {
                units.sockets.insert(id.clone());
            }
            if is_active && is_socket {
                units.listening.insert(id.clone());
            } else if is_active {
                units.running.insert(id.clone());
            }
            units.all.insert(id);
        }
        units
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
