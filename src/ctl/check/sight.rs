//! Whether the daemons can write where the configuration says: with their user, and as they see the file system. What root
//! can says nothing of that.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::geteuid;

use super::Finding;
use super::unit::{HIDDEN, Ids, READ_ONLY, Unit};
use crate::config::{self, HostId, Peer};
use crate::ctl::site::Site;
use crate::systemd::is_booted;
use crate::units;

/// Of a process that was there a moment ago.
pub(super) const ENDED: &str = "its process has ended meanwhile";
/// What to do then.
pub(super) const AGAIN: &str = "Look again: loncctl check";

/// A directory that daemons write to, and what comes of it if they cannot.
struct Place {
    path: PathBuf,
    otherwise: &'static str,
}

/// Of the daemons that run; only root may look through their eyes. Where none does, what the unit says.
pub(super) fn daemons(site: &Site, peers: &[Peer]) -> Vec<Finding> {
    let Some(places) = places(site, peers).filter(|_| is_booted() && geteuid().is_root()) else {
        return Vec::new();
    };
    let units = Unit::of_each(peers.iter().map(|peer| &peer.id));
    let pid = |unit: &Option<Unit>| unit.as_ref().map_or(0, |unit| unit.pid);
    let (mut found, mut gone) = (BTreeMap::<String, Vec<&HostId>>::new(), Vec::new());
    let mut num = 0;
    for (peer, pid) in peers
        .iter()
        .zip(units.iter().map(pid))
        .filter(|(_, pid)| *pid > 0)
    {
        let faults: Vec<_> = places
            .iter()
            .map(|place| (place, fault(pid, &place.path)))
            .collect();
        // What is not seen of a process that has ended says nothing.
        if is_gone(pid) {
            gone.push(peer);
            continue;
        }
        num += 1;
        for (place, fault) in faults {
            if let Some(fault) = fault {
                let text = format!("{}: {fault}: {}", place.path.display(), place.otherwise);
                found.entry(text).or_default().push(&peer.id);
            }
        }
    }
    if num == 0 && gone.is_empty() {
        return unit(peers, &units, &places).unwrap_or_default();
    }
    let mut findings: Vec<_> = found
        .into_iter()
        .filter_map(|(text, peers)| told(&text, &peers))
        .collect();
    if findings.is_empty() && num > 0 {
        let text = format!(
            "{} can write to spool and permanent log",
            units::count(num, "daemon")
        );
        findings.push(Finding::fine(&"daemons", text));
    }
    findings.extend(gone.into_iter().map(|peer| {
        let text = format!("where its daemon can write was not seen: {ENDED}");
        Finding::doubt(&peer.id, text, AGAIN)
    }));
    findings
}

/// What one that starts now could not do.
fn unit(peers: &[Peer], units: &[Option<Unit>], places: &[Place]) -> Option<Vec<Finding>> {
    let (peer, unit) = (peers.first()?, units.first()?.as_ref()?);
    let faults = places.iter().filter_map(|place| {
        let fault = unit.fault(&place.path)?;
        let text = format!("{}: {fault}: {}", place.path.display(), place.otherwise);
        told(&text, &[&peer.id])
    });
    Some(faults.collect())
}

/// Whom it is told of.
pub(super) fn subject(peers: &[&HostId]) -> String {
    match peers {
        [] => String::new(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

fn told(text: &str, peers: &[&HostId]) -> Option<Finding> {
    let first = peers.first()?;
    let remedy = format!(
        "If it belongs to the daemon's user: systemctl start lonc-hosts.service, which opens it, then systemctl \
         restart lonc@{first}. Else give it to that user, or see FILES in lonc.toml(5)"
    );
    Some(Finding::wrong(&subject(peers), text, remedy))
}

fn places(site: &Site, peers: &[Peer]) -> Option<Vec<Place>> {
    let settings = config::settings_of(&site.config, &peers.first()?.id).ok()?;
    let place = |path: &Path, otherwise| Place {
        path: path.to_owned(),
        otherwise,
    };
    let mut places = vec![place(
        &settings.spool_dir,
        "critical requests are answered con_failed, and delayed messages stay",
    )];
    places.extend(
        settings
            .permanent_log
            .parent()
            .map(|log| place(log, "what becomes of delayed messages is not written down")),
    );
    let shelves = ["held", "failed"].map(|shelf| settings.spool_dir.with_file_name(shelf));
    let around = settings.spool_dir.parent();
    let missing = if shelves.iter().all(|shelf| shelf.is_dir()) {
        None
    } else {
        around
    };
    let shelves = shelves
        .iter()
        .map(PathBuf::as_path)
        .filter(|shelf| shelf.is_dir());
    places.extend(
        shelves
            .chain(missing)
            .map(|shelf| place(shelf, "no message can be held, dropped or set aside")),
    );
    Some(places)
}

/// Whether the process has ended: nothing is seen through it then.
pub(super) fn is_gone(pid: u32) -> bool {
    fs::metadata(root_of(pid)).is_err()
}

/// Where the process has its root directory.
pub(super) fn root_of(pid: u32) -> PathBuf {
    Path::new("/proc").join(pid.to_string()).join("root")
}

/// Why the process cannot write into the directory, if so.
fn fault(pid: u32, directory: &Path) -> Option<String> {
    let inside = directory.strip_prefix("/").ok()?;
    let seen = root_of(pid).join(inside);
    let metadata = match fs::metadata(&seen) {
        Ok(metadata) => metadata,
        Err(fault) if fault.kind() == ErrorKind::NotFound => {
            let is_there = directory.exists();
            let why = if is_there { HIDDEN } else { "is not there" };
            return Some(why.to_owned());
        }
        Err(_) => return None,
    };
    if statvfs(&seen).is_ok_and(|disk| disk.flags().contains(FsFlags::ST_RDONLY)) {
        return Some(READ_ONLY.to_owned());
    }
    Ids::of(pid)?.fault(&metadata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::process;

    #[test]
    fn what_a_process_can_write_to_is_what_it_sees_and_may() {
        let pid = process::id();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spool");
        assert_eq!(fault(pid, &path).as_deref(), Some("is not there"));
        fs::write(&path, "").unwrap();
        assert_eq!(fault(pid, &path).as_deref(), Some("is no directory"));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(fault(pid, &path), None);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o500)).unwrap();
        assert!(fault(pid, &path).is_some_and(|why| why.contains("may not write there")));
        assert!(!is_gone(pid));
    }
}
