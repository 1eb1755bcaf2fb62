//! The second names of the sockets, and files for which workers wait.

use std::fs;
use std::path::Path;

use super::Finding;
use crate::config::{Alias, HostId, LOCK, Peer};
use crate::ctl::site::Site;
use crate::socket::alias::{self, Standing};
use crate::systemd;
use crate::units;

/// Whether those sockets that are there can be reached by the names of their hosts.
pub(super) fn aliases(site: &Site, peers: &[Peer]) -> Vec<Finding> {
    let dir = &site.peers.socket_dir;
    let mut findings = Vec::new();
    let mut sound = 0;
    for peer in peers.iter().filter(|peer| site.socket(&peer.id).exists()) {
        let Alias::Name(name) = &peer.alias else {
            continue;
        };
        match alias::look(dir, name, &peer.id) {
            Ok(Standing::Ours) => sound += 1,
            Ok(standing) => findings.push(amiss(&dir.join(name), &peer.id, &standing)),
            Err(fault) => findings.push(Finding::unseen(&dir.join(name).display(), fault.to_string())),
        }
    }
    if sound > 0 {
        let text = format!("{} by the names of their hosts", units::count(sound, "socket"));
        findings.push(Finding::fine(&dir.display(), text));
    }
    findings.extend(leftovers(site, peers));
    findings.extend(locks(site, peers));
    findings
}

fn amiss(path: &Path, peer: &HostId, standing: &Standing) -> Finding {
    let make = if systemd::is_booted() {
        "systemctl start lonc-aliases.service".to_owned()
    } else {
        format!("loncctl reload {peer}")
    };
    let text = format!("workers look here for {peer}, and {standing}");
    match standing {
        Standing::To(_) => Finding::wrong(&path.display(), text, make),
        Standing::Ours | Standing::Missing => Finding::doubt(&path.display(), text, make),
        Standing::Elsewhere(_) | Standing::Other(_) => {
            let remedy = format!(
                "Where nobody needs it any more: rm {}; then: {make}",
                path.display()
            );
            Finding::doubt(&path.display(), text, remedy)
        }
    }
}

/// Links of ours by names that the table does not have for their peers.
fn leftovers(site: &Site, peers: &[Peer]) -> Vec<Finding> {
    let dir = &site.peers.socket_dir;
    let leftover = |entry: fs::DirEntry| {
        let target = fs::read_link(entry.path()).ok()?;
        let peer = peers.iter().find(|peer| target.as_os_str() == peer.id.as_ref())?;
        let is_right = entry.file_name().to_str() == peer.alias.name();
        (peer.alias != Alias::Unknown && !is_right).then(|| {
            let path = entry.path().display().to_string();
            let text = format!(
                "leads to {}, whose host has another name, or is another's",
                peer.id
            );
            let remedy = format!("rm {path}");
            Finding::doubt(&path, text, remedy)
        })
    };
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(leftover).collect()
}

fn locks(site: &Site, peers: &[Peer]) -> Vec<Finding> {
    let dir = &site.peers.socket_dir;
    let names = |peer: &'_ Peer| [Some(peer.id.to_string()), peer.alias.name().map(str::to_owned)];
    let locks = peers.iter().flat_map(names).flatten();
    let lock = |name: String| {
        let path = dir.join(name + LOCK);
        path.symlink_metadata().is_ok().then(|| {
            let remedy = format!(
                "rm {}; a Perl lonc that ended badly may have left it",
                path.display()
            );
            Finding::wrong(&path.display(), "workers wait for this file to go", remedy)
        })
    };
    locks.filter_map(lock).collect()
}
