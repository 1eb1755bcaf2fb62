//! Has a running systemd follow a changed configuration.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, ExitStatus};

use crate::config::{self, ConfigError, HostId};

/// How often to begin anew when the files change meanwhile; the next change starts us again anyway.
const ROUNDS: usize = 5;

/// Why systemd could not be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    /// `systemctl` could not be run.
    #[error("systemctl: {0}")]
    Run(#[from] io::Error),
    /// `systemctl` failed; it has said why.
    #[error("systemctl {arguments}: {status}")]
    Failed {
        /// What it was asked to do.
        arguments: String,
        /// How it ended.
        status: ExitStatus,
    },
}

/// Reloads systemd, which runs the generator; starts what is wanted now; has the sockets' second names follow; stops the units of peers that are gone.
///
/// A peer is gone if the configuration is sound and does not have it. Where a file cannot be read or is broken,
/// nothing is stopped: a slip in an editor must not cut links. Faults of the configuration go to `warn`.
pub(crate) fn apply(config: &Path, warn: impl Fn(&[String])) -> Result<(), ApplyError> {
    let mut seen = fingerprint(config);
    for _ in 0..ROUNDS {
        systemctl(&["daemon-reload"])?;
        systemctl(&["start", "lonc.target"])?;
        systemctl(&["start", "lonc-aliases.service"])?;
        let (gone, warnings) = removed(config, &loaded()?);
        warn(&warnings);
        stop(&gone)?;
        let now = fingerprint(config);
        if now == seen {
            break;
        }
        seen = now;
    }
    Ok(())
}

/// Which files there are and when they changed. systemd tells of no change that comes while we run.
fn fingerprint(config: &Path) -> Vec<Option<(u64, u64, i64, i64)>> {
    let mut files = config::sources(config);
    files.push(config.to_owned());
    let state = |file: &fs::Metadata| (file.ino(), file.size(), file.mtime(), file.mtime_nsec());
    files
        .iter()
        .map(|file| fs::metadata(file).ok().as_ref().map(state))
        .collect()
}

/// The instances that systemd has a unit of.
fn loaded() -> Result<BTreeSet<HostId>, ApplyError> {
    let output = Command::new("systemctl")
        .args(["list-units", "--plain", "--no-legend", "--full"])
        .args(["lonc@*.socket", "lonc@*.service"])
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split_whitespace().filter_map(instance).collect())
}

/// The instance in the name of one of our units.
fn instance(unit: &str) -> Option<HostId> {
    let name = unit.strip_prefix("lonc@")?;
    let id = name
        .strip_suffix(".socket")
        .or_else(|| name.strip_suffix(".service"))?;
    id.parse().ok()
}

/// Those of `loaded` that the configuration does not have any more, and what is wrong with it.
fn removed(config: &Path, loaded: &BTreeSet<HostId>) -> (Vec<HostId>, Vec<String>) {
    let peers = match config::peers(config) {
        Ok(peers) => peers,
        Err(fault) => return (Vec::new(), vec![fault.to_string()]),
    };
    let unknown = |id: &HostId| matches!(config::load(config, id), Err(ConfigError::UnknownPeer { .. }));
    let known: BTreeSet<_> = peers.peers.iter().map(|peer| &peer.id).collect();
    let gone: Vec<_> = loaded
        .iter()
        .filter(|id| !known.contains(id) && unknown(id))
        .cloned()
        .collect();
    let mut warnings = peers.warnings;
    if known.is_empty() && !gone.is_empty() && unknown(&peers.host_id) {
        warnings.push("the table of servers names nobody, not even this host: nothing is stopped".to_owned());
        return (Vec::new(), warnings);
    }
    (gone, warnings)
}

fn stop(gone: &[HostId]) -> Result<(), ApplyError> {
    if gone.is_empty() {
        return Ok(());
    }
    let units: Vec<_> = gone
        .iter()
        .flat_map(|id| [format!("lonc@{id}.socket"), format!("lonc@{id}.service")])
        .collect();
    // A daemon may take its time to finish what is in flight; new peers need not wait for that.
    let mut arguments = vec!["stop", "--no-block", "--"];
    arguments.extend(units.iter().map(String::as_str));
    systemctl(&arguments)
}

fn systemctl(arguments: &[&str]) -> Result<(), ApplyError> {
    let status = Command::new("systemctl").args(arguments).status()?;
    if status.success() {
        return Ok(());
    }
    Err(ApplyError::Failed {
        arguments: arguments.join(" "),
        status,
    })
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
