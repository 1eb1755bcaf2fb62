//! Starts the instances of peers for which messages wait, as a worker would: by coming to their sockets.
//!
//! So nobody is started whose socket does not listen, and whatever stands in the spool, only peers in the list are.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use lonc_proto::spool::{Shelf, addressee};

use super::place::{self, Identity};
use super::{record, units};
use crate::config::{HostId, Snapshot, TakenOver};

/// Before we look: messages may appear all the time, and each starts us. Not behind it: systemd tells of none that appears
/// while we run.
const LEAST: Duration = Duration::from_secs(3);
/// Between two instances.
const PACE: Duration = Duration::from_millis(100);
/// So often we look again, where something appeared meanwhile; the next that does starts us anyway.
const ROUNDS: usize = 3;
/// So many names are looked at; more are no spool that a host could ever send.
const MAX_NAMES: usize = 1_000_000;
/// That of lonc-control@.socket.
const CONTROLS: &str = "/run/lonc-control";
/// Where a unit is that an administrator has masked.
const MASKS: [&str; 2] = ["/etc/systemd/system", "/run/systemd/system"];

/// Goes to the sockets of those in the list `kept` who have messages in its spool; the peers that are ours are those that
/// the configuration `config` says.
pub(super) fn wake(kept: &Snapshot, config: &Path, records: &Path) -> io::Result<()> {
    let Some(spool) = &kept.spool_dir else {
        return Ok(());
    };
    let (ours, _) = TakenOver::read(config);
    for _ in 0..ROUNDS {
        thread::sleep(LEAST);
        let before = changed(spool)?;
        let peers = waited_for(spool, kept)?;
        let sleeps = |peer: &&HostId| ours.has(peer) && !is_running(peer) && !is_masked(peer);
        for peer in peers.into_iter().filter(sleeps) {
            if let Some(path) = socket(records, peer) {
                // It is not for us to say what is wrong there.
                let _ = place::occupant(&path);
                thread::sleep(PACE);
            }
        }
        if changed(spool)? == before {
            break;
        }
    }
    Ok(())
}

/// When a name came or went last.
fn changed(spool: &Path) -> io::Result<SystemTime> {
    fs::metadata(spool)?.modified()
}

/// The peers in the list for whom there are messages. Of what is in the spool the names are read, and nothing else.
fn waited_for<'a>(spool: &Path, kept: &'a Snapshot) -> io::Result<BTreeSet<&'a HostId>> {
    let peer = |id: &str| kept.peers.get_key_value(&id.parse::<HostId>().ok()?);
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(spool)?.take(MAX_NAMES) {
        let name = entry?.file_name();
        let id = addressee(Shelf::Queue, name.as_bytes(), |id| peer(id).is_some()).and_then(peer);
        found.extend(id.map(|(id, _)| id));
        if found.len() == kept.peers.len() {
            break;
        }
    }
    Ok(found)
}

/// Where systemd listens for the peer, if it does and it is still its socket that stands there. Where the configuration
/// has another place than the unit nothing is written down; in the unit's own nobody but root puts anything.
fn socket(records: &Path, peer: &HostId) -> Option<PathBuf> {
    let Ok(record) = record::read(records, peer) else {
        return Some(Path::new(units::OWN).join(peer.as_ref()));
    };
    let is_there = Identity::at(&record.path).is_ok_and(|now| now == record.file);
    is_there.then_some(record.path)
}

/// The control socket is there as long as the daemon is; whoever runs needs no visit.
fn is_running(peer: &HostId) -> bool {
    Path::new(CONTROLS).join(peer.as_ref()).exists()
}

/// A client of a service that cannot be started takes its socket down.
fn is_masked(peer: &HostId) -> bool {
    let unit = format!("lonc@{peer}.service");
    let mut ends = MASKS
        .iter()
        .filter_map(|directory| fs::read_link(Path::new(directory).join(&unit)).ok());
    ends.any(|end| end == Path::new("/dev/null"))
}
