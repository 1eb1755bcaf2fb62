//! Sockets and spool: are they there, and who may do what with them?

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use nix::sys::statvfs::statvfs;
use nix::unistd::{Gid, Group, User};

use super::Finding;
use crate::config::{self, Peer};
use crate::ctl::site::Site;
use crate::standing::{Seen, Standing};
use crate::systemd;
use crate::units;

/// Names of the users that web servers run as.
const WEB_USERS: [&str; 3] = ["www-data", "www", "apache"];
/// Less free space than this is a fault soon, in bytes.
const SPARE: u64 = 64 << 20;

/// The sockets for requests. The control sockets are looked at by asking there.
pub(super) fn sockets(site: &Site, all: &[Seen]) -> Vec<Finding> {
    let dir = &site.peers.socket_dir;
    if let Err(fault) = fs::read_dir(dir) {
        return vec![unreadable(
            dir,
            &fault,
            "systemctl start lonc.target makes it and the sockets there",
        )];
    }
    let mut findings = Vec::new();
    let mut sound = 0;
    for Seen { peer, standing, .. } in all {
        let path = site.socket(&peer.id);
        match fs::symlink_metadata(&path) {
            Ok(metadata) => match wrong_with_socket(&path, &metadata) {
                Some(finding) => findings.push(finding),
                None => sound += 1,
            },
            // That nobody listens is told of these.
            Err(_) if *standing == Standing::Off => {}
            Err(_) => findings.push(Finding::doubt(
                &path.display(),
                "there is no socket: workers cannot ask this peer",
                no_socket(peer),
            )),
        }
    }
    if sound > 0 {
        findings.push(Finding::fine(&dir.display(), units::count(sound, "socket")));
    }
    findings.extend(web_user(site, all));
    findings
}

fn no_socket(peer: &Peer) -> String {
    if systemd::is_booted() {
        format!(
            "systemctl start lonc@{}.socket; if it knows none: systemctl daemon-reload",
            peer.id
        )
    } else {
        format!("Start the daemon, which makes it: lonc {}", peer.id)
    }
}

fn wrong_with_socket(path: &Path, metadata: &Metadata) -> Option<Finding> {
    if !metadata.file_type().is_socket() {
        return Some(Finding::wrong(
            &path.display(),
            "is no socket",
            "Remove it, and restart the socket: systemctl restart lonc-sockets.target",
        ));
    }
    (metadata.mode() & 0o002 != 0).then(|| {
        Finding::doubt(
            &path.display(),
            "all users of this host may send requests",
            "SocketMode=0660 in a drop-in of lonc@.socket, with the web server's user in its group",
        )
    })
}

/// Whether the web server's user, if there is one, may use the sockets.
fn web_user(site: &Site, all: &[Seen]) -> Option<Finding> {
    let path = all
        .iter()
        .map(|seen| site.socket(&seen.peer.id))
        .find(|path| path.exists())?;
    let metadata = fs::metadata(&path).ok()?;
    if metadata.mode() & 0o002 != 0 {
        return None;
    }
    let group = Group::from_gid(Gid::from_raw(metadata.gid())).ok()??;
    let users: Vec<User> = WEB_USERS
        .iter()
        .filter_map(|name| User::from_name(name).ok()?)
        .collect();
    let may = |user: &User| {
        user.uid.as_raw() == metadata.uid() || user.gid == group.gid || group.mem.contains(&user.name)
    };
    let first = users.first()?;
    // Nobody is to become a member of root's group for that.
    let remedy = if group.gid.as_raw() == 0 {
        format!(
            "SocketGroup={} in a drop-in of lonc@.socket, and restart lonc-sockets.target",
            first.name
        )
    } else {
        format!(
            "usermod -aG {} {}, and restart the web server",
            group.name, first.name
        )
    };
    (!users.iter().any(may)).then(|| {
        Finding::doubt(
            &path.display(),
            format!("the web server's user {} may not send requests", first.name),
            remedy,
        )
    })
}

/// The directory of delayed messages, the same for all peers.
pub(super) fn spool(site: &Site, peers: &[Peer]) -> Vec<Finding> {
    let Some(settings) = peers
        .first()
        .and_then(|peer| config::settings_of(&site.config, &peer.id).ok())
    else {
        return Vec::new();
    };
    let dir = settings.spool_dir;
    let metadata = match fs::metadata(&dir) {
        Ok(metadata) => metadata,
        Err(fault) => {
            return vec![unreadable(
                &dir,
                &fault,
                "systemd-tmpfiles --create lonc.conf makes it",
            )];
        }
    };
    let mut findings = vec![rights(&dir, &metadata)];
    findings.extend(space(&dir));
    findings
}

fn rights(dir: &Path, metadata: &Metadata) -> Finding {
    let mode = metadata.mode() & 0o7777;
    let subject = dir.display();
    if !metadata.is_dir() {
        return Finding::wrong(
            &subject,
            "is no directory",
            "Remove it; systemd-tmpfiles --create lonc.conf makes it",
        );
    }
    if mode & 0o002 != 0 {
        let remedy = format!("chmod o-w {subject}; the workers write there by its group");
        return Finding::doubt(
            &subject,
            "all users of this host may leave messages there",
            remedy,
        );
    }
    if mode & 0o020 != 0 && mode & 0o2000 == 0 {
        let remedy =
            format!("chmod g+s {subject}: else the daemon may not be able to read what workers leave there");
        return Finding::doubt(&subject, "files do not take its group", remedy);
    }
    let name = |id: u32, found: Option<String>| found.unwrap_or_else(|| id.to_string());
    let user = User::from_uid(metadata.uid().into())
        .ok()
        .flatten()
        .map(|user| user.name);
    let group = Group::from_gid(metadata.gid().into())
        .ok()
        .flatten()
        .map(|group| group.name);
    let (user, group) = (name(metadata.uid(), user), name(metadata.gid(), group));
    Finding::fine(&subject, format!("{user}:{group}, mode {mode:04o}"))
}

fn space(dir: &Path) -> Option<Finding> {
    let disk = statvfs(dir).ok()?;
    let free = disk.blocks_available().saturating_mul(disk.fragment_size());
    // File systems without a fixed number of files show none at all.
    let is_out_of_files = disk.files() > 0 && disk.files_available() < 1000;
    (free < SPARE || is_out_of_files).then(|| {
        Finding::wrong(
            &dir.display(),
            format!(
                "{} and {} files are free",
                units::size(free),
                disk.files_available()
            ),
            "Make room: what cannot be stored is answered con_failed",
        )
    })
}

fn unreadable(path: &Path, fault: &io::Error, missing: &str) -> Finding {
    if fault.kind() == ErrorKind::NotFound {
        Finding::doubt(&path.display(), "is not there", missing)
    } else {
        Finding::unseen(&path.display(), fault.to_string())
    }
}
