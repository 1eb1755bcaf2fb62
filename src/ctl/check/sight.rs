//! Whether the daemons can write where the configuration says: with their user, and as they see the file system. What root
//! can says nothing of that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{Group, User, geteuid};

use super::{Finding, systemctl};
use crate::config::{self, Peer};
use crate::ctl::site::Site;
use crate::systemd::is_booted;
use crate::units;

/// To write into a directory: its owner's, group's and others' bits.
const WRITE: [u32; 3] = [0o300, 0o030, 0o003];

pub(super) const HIDDEN: &str = "the units hide it from the daemon";
const READ_ONLY: &str = "the daemon can only read there";

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
    let mut found: BTreeMap<String, Vec<&Peer>> = BTreeMap::new();
    let mut num = 0;
    for (peer, pid) in peers.iter().zip(pids(peers)).filter(|(_, pid)| *pid > 0) {
        num += 1;
        for place in &places {
            if let Some(fault) = fault(pid, &place.path) {
                let text = format!("{}: {fault}: {}", place.path.display(), place.otherwise);
                found.entry(text).or_default().push(peer);
            }
        }
    }
    if num == 0 {
        return unit(peers, &places).unwrap_or_default();
    }
    if found.is_empty() {
        let text = format!(
            "{} can write to spool and permanent log",
            units::count(num, "daemon")
        );
        return vec![Finding::fine(&"daemons", text)];
    }
    let findings = found.into_iter();
    findings.filter_map(|(text, peers)| told(&text, &peers)).collect()
}

/// What one that starts now could not do.
fn unit(peers: &[Peer], places: &[Place]) -> Option<Vec<Finding>> {
    let peer = peers.first()?;
    let unit = Unit::of(&format!("lonc@{}.service", peer.id))?;
    let faults = places.iter().filter_map(|place| {
        let fault = unit.fault(&place.path)?;
        let text = format!("{}: {fault}: {}", place.path.display(), place.otherwise);
        told(&text, &[peer])
    });
    Some(faults.collect())
}

fn told(text: &str, peers: &[&Peer]) -> Option<Finding> {
    let first = &peers.first()?.id;
    let subject = match peers.len() {
        1 => first.to_string(),
        more => format!("{first} and {} more", more - 1),
    };
    let remedy = format!(
        "If it belongs to the daemon's user: systemctl start lonc-hosts.service, which opens it, then systemctl \
         restart lonc@{first}. Else give it to that user, or see FILES in lonc.toml(5)"
    );
    Some(Finding::wrong(&subject, text, remedy))
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

/// The processes of the instances; 0 for one that does not run.
pub(super) fn pids(peers: &[Peer]) -> Vec<u32> {
    let units = peers.iter().map(|peer| format!("lonc@{}.service", peer.id));
    let options = ["--property=MainPID", "--value", "--"].map(str::to_owned);
    let arguments: Vec<_> = options.into_iter().chain(units).collect();
    let said = systemctl::ask("show", &arguments).unwrap_or_default();
    let pids: Vec<_> = said.lines().filter_map(|line| line.parse().ok()).collect();
    // An answer that is none says nothing.
    if pids.len() == peers.len() {
        pids
    } else {
        Vec::new()
    }
}

/// Why the process cannot write into the directory, if so.
fn fault(pid: u32, directory: &Path) -> Option<String> {
    let inside = directory.strip_prefix("/").ok()?;
    let seen = Path::new("/proc").join(pid.to_string()).join("root").join(inside);
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

/// What the unit of a daemon says.
pub(super) struct Unit {
    pub(super) ids: Ids,
    /// Where it may write.
    open: Vec<PathBuf>,
    /// What it sees of what is hidden from it.
    pub(super) seen: Vec<PathBuf>,
}

impl Unit {
    /// By the lines of `systemctl show`; `Key=-path`, and for what is bound `path:path:options`.
    pub(super) fn of(name: &str) -> Option<Self> {
        let properties = "--property=User,Group,BindPaths,BindReadOnlyPaths,ReadWritePaths";
        let arguments = [properties, "--", name].map(str::to_owned);
        Self::read(&systemctl::ask("show", &arguments).ok()?)
    }

    fn read(text: &str) -> Option<Self> {
        let value = |key: &str| {
            let mut pairs = text.lines().filter_map(|line| line.split_once('='));
            pairs.find_map(|(known, value)| (known == key).then_some(value))
        };
        let user = User::from_name(value("User")?).ok()??;
        let group = Group::from_name(value("Group")?).ok()??;
        let path = |word: &str| word.trim_start_matches('-').split(':').next().map(PathBuf::from);
        let paths = |keys: [&str; 2]| {
            let words = keys.into_iter().filter_map(value).flat_map(str::split_whitespace);
            words.filter_map(path).collect()
        };
        Some(Self {
            open: paths(["BindPaths", "ReadWritePaths"]),
            seen: paths(["BindPaths", "BindReadOnlyPaths"]),
            ids: Ids {
                user: user.uid.as_raw(),
                groups: [user.gid.as_raw(), group.gid.as_raw()].into(),
            },
        })
    }

    fn fault(&self, directory: &Path) -> Option<String> {
        let metadata = match fs::metadata(directory) {
            Ok(metadata) => metadata,
            Err(fault) if fault.kind() == ErrorKind::NotFound => return Some("is not there".to_owned()),
            Err(_) => return None,
        };
        if !self.open.iter().any(|open| directory.starts_with(open)) {
            let why = if directory.starts_with("/home") {
                HIDDEN
            } else {
                READ_ONLY
            };
            return Some(why.to_owned());
        }
        self.ids.fault(&metadata)
    }
}

/// As whom a process runs.
pub(super) struct Ids {
    user: u32,
    groups: BTreeSet<u32>,
}

impl Ids {
    /// By the lines of `proc_pid_status(5)`; the second number of a line is the one in force.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = |name: &str| -> Option<Vec<u32>> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.split_whitespace().filter_map(|id| id.parse().ok()).collect())
        };
        let mut groups: BTreeSet<_> = line("Groups:")?.into_iter().collect();
        groups.extend(line("Gid:")?.get(1));
        Some(Self {
            user: *line("Uid:")?.get(1)?,
            groups,
        })
    }

    /// Why who has these may not write into the directory, if so.
    fn fault(&self, directory: &Metadata) -> Option<String> {
        if !directory.is_dir() {
            return Some("is no directory".to_owned());
        }
        (!self.may(directory, WRITE)).then(|| self.denied("write there", directory))
    }

    /// Whether who has these may; by the bits of the owner, of the group and of others.
    pub(super) fn may(&self, file: &Metadata, [owner, group, others]: [u32; 3]) -> bool {
        let needed = if self.user == file.uid() {
            owner
        } else if self.groups.contains(&file.gid()) {
            group
        } else {
            others
        };
        file.mode() & needed == needed
    }

    /// That it may not, in words.
    pub(super) fn denied(&self, what: &str, file: &Metadata) -> String {
        format!(
            "user {} of the daemon may not {what}; it is user {}'s, mode {:04o}",
            self.user,
            file.uid(),
            file.mode() & 0o7777
        )
    }
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
        let unit = |user: &str, paths: &str| {
            let text = format!("User={user}\nGroup={user}\nBindPaths=/x:/x:rbind\nReadWritePaths={paths}\n");
            Unit::read(&text).unwrap().fault(&path)
        };
        let open = format!("-/y -{}", dir.path().display());
        assert_eq!(unit("root", "-/y").as_deref(), Some(READ_ONLY));
        assert!(unit("daemon", &open).is_some_and(|why| why.contains("may not write there")));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(unit("daemon", &open), None);
        assert_eq!(Ids::of(pid).map(|ids| ids.user), Some(geteuid().as_raw()));
    }
}
