//! `loncctl peers`: which peers systemd listens for, why one that the table does not have any more is among them, and the
//! word of an administrator that the table is meant as it is.

use std::fmt;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::outcome::{Exit, Fault};
use super::{arguments, screen, systemctl, words};
use crate::config::{self, KEPT, Snapshot};
use crate::generator::{RUN, state};
use crate::reader::{self, Links};
use crate::units;

/// More than is written of it, in bytes.
const MAX_HELD: u64 = 4096;
/// How many runs of lonc-hosts.service are waited for to hear that a table is meant: one that is past asking, one that asks,
/// and one more where the list could not be read.
const TRIES: u32 = 3;
/// Why none of them asked.
const CANNOT_BE_READ: &str =
    "the list of peers cannot be read, and nothing was accepted; see journalctl -u lonc-table";

/// Does what the arguments say.
pub(super) fn run(config: &Path, arguments: &arguments::Peers) -> Result<Exit, Fault> {
    if let Some(arguments::PeersAction::Accept) = arguments.action {
        accept(Path::new(RUN))?;
    }
    show(Path::new(KEPT), held(config))
}

/// Why nobody is removed, as lonc-hosts.service found when it looked last.
#[derive(Debug)]
pub(super) struct Held {
    why: String,
    /// When it looked.
    looked: SystemTime,
    /// When the files were changed that it looked at, if that was later.
    pub(super) changed: Option<SystemTime>,
}

impl fmt::Display for Held {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} (as of {}", self.why, units::date_of(self.looked))?;
        if let Some(changed) = self.changed {
            write!(out, "; the files were changed at {}", units::date_of(changed))?;
        }
        out.write_str(")")
    }
}

/// What keeps anybody whom the table does not have, if anything does.
pub(super) fn held(config: &Path) -> Option<Held> {
    held_in(Path::new(RUN), config)
}

fn held_in(run: &Path, config: &Path) -> Option<Held> {
    let path = run.join(state::HELD);
    let bytes = reader::start(&path, MAX_HELD, Links::Refuse).ok()?;
    let looked = fs::metadata(&path).and_then(|file| file.modified()).ok()?;
    let sources = config::sources(config);
    let files = sources.iter().map(PathBuf::as_path).chain([config]);
    let changed = files
        .filter_map(changed)
        .max()
        .filter(|changed| *changed > looked);
    Some(Held {
        why: words::safe(String::from_utf8_lossy(&bytes).trim()),
        looked,
        changed,
    })
}

/// When that was noted of the file, which nobody can set.
fn changed(file: &Path) -> Option<SystemTime> {
    let file = fs::metadata(file).ok()?;
    let seconds = Duration::from_secs(file.ctime().try_into().ok()?);
    Some(UNIX_EPOCH + seconds + Duration::from_nanos(file.ctime_nsec().try_into().ok()?))
}

/// Has lonc-hosts.service follow what it is offered, and waits until it has. One that runs already may be past where it
/// asks whether that is meant, and then the next one does.
fn accept(run: &Path) -> Result<(), Fault> {
    let word = run.join(state::MEANT);
    File::create(&word).map_err(|fault| {
        let what = if fault.kind() == ErrorKind::PermissionDenied {
            "root alone may say that"
        } else {
            "lonc-hosts.service has not run yet"
        };
        Fault::Said(format!("{}: {fault}: {what}", word.display()), Exit::Amiss)
    })?;
    let unit = ["lonc-hosts.service".to_owned()];
    let order = || systemctl::order("start", &unit);
    let said = |text| Fault::Said(text, Exit::Amiss);
    let mut failed = None;
    for _ in 0..TRIES {
        let ordered = order();
        if !word.exists() {
            return ordered.map_err(said);
        }
        failed = ordered.err();
    }
    // Said in vain, it is not to count for another table.
    match fs::remove_file(&word) {
        // Taken just now; that run is waited for as well.
        Err(fault) if fault.kind() == ErrorKind::NotFound => order().map_err(said),
        _ => Err(said(failed.unwrap_or_else(|| CANNOT_BE_READ.to_owned()))),
    }
}

fn show(kept: &Path, held: Option<Held>) -> Result<Exit, Fault> {
    let snapshot = Snapshot::read(kept).map_err(|fault| {
        let text = format!(
            "{}: {fault}: systemctl start lonc-hosts.service makes it",
            kept.display()
        );
        Fault::Said(text, Exit::Amiss)
    })?;
    for (id, alias) in &snapshot.peers {
        let name = alias.name().unwrap_or_default();
        screen::print(format!("{id} {name}").trim_end())?;
        screen::print("\n")?;
    }
    let count = units::count(snapshot.peers.len(), "peer");
    let Some(held) = held else {
        screen::print(&format!(
            "{count}; nothing keeps a peer that the table does not have\n"
        ))?;
        return Ok(Exit::Fine);
    };
    screen::print(&format!("{count}\n{held}\n"))?;
    Ok(Exit::Amiss)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_left_where_it_is_looked_for_and_not_where_nobody_looks() {
        let dir = tempfile::tempdir().unwrap();
        let fault = accept(&dir.path().join("none")).unwrap_err();
        assert!(fault.to_string().contains("has not run yet"), "{fault}");
    }

    #[test]
    fn what_keeps_a_peer_is_amiss() {
        let dir = tempfile::tempdir().unwrap();
        let kept = dir.path().join("peers.json");
        assert!(show(&kept, None).is_err());
        fs::write(&kept, serde_json::to_vec(&Snapshot::default()).unwrap()).unwrap();
        assert_eq!(show(&kept, None).unwrap(), Exit::Fine);
        let config = dir.path().join("lonc.toml");
        assert!(held_in(dir.path(), &config).is_none());
        fs::write(dir.path().join(state::HELD), "why\n").unwrap();
        let held = held_in(dir.path(), &config).unwrap();
        assert!(held.to_string().starts_with("why (as of ") && held.changed.is_none());
        fs::write(&config, "").unwrap();
        let verdict = File::options()
            .write(true)
            .open(dir.path().join(state::HELD))
            .unwrap();
        verdict
            .set_modified(SystemTime::now() - Duration::from_secs(60))
            .unwrap();
        let mended = held_in(dir.path(), &config).unwrap();
        assert!(mended.to_string().contains("; the files were changed at ") && mended.changed.is_some());
        assert_eq!(show(&kept, Some(held)).unwrap(), Exit::Amiss);
    }
}
