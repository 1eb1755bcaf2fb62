//! The peers of this host: those of the configuration, or where that is faulty those whose control sockets are there.

use std::fs;
use std::path::Path;

use crate::config::{self, ConfigError, DoubtKind, HostId, Peer, Peers, text};
use crate::units;

/// Most control sockets that are looked at.
const MOST: usize = config::MAX_PEERS;

/// The peers, and what is to be told where the configuration does not name them.
pub(crate) struct Roster {
    pub(crate) peers: Peers,
    /// The fault of `lonc.toml`, or of a file that it names.
    pub(crate) fault: Option<ConfigError>,
    /// In words: what is wrong, and what these peers are.
    pub(crate) notice: Option<String>,
}

impl Roster {
    /// As the configuration `config` has them. A faulty one, and a table of servers that cannot be read, hide no daemon
    /// that runs.
    pub(crate) fn read(config: &Path) -> Self {
        let (mut peers, fault) = match config::peers(config) {
            Ok(peers) => (peers, None),
            Err(fault) => (config::salvage(config), Some(fault)),
        };
        let unread = peers
            .doubt
            .as_ref()
            .filter(|doubt| doubt.kind == DoubtKind::Unread)
            .map(|doubt| doubt.why.clone());
        let is_by_default = |why: &String| why.ends_with("by default)");
        let why = fault.as_ref().map(ToString::to_string).or(unread);
        let notice = why.and_then(|why| {
            let added = add_running(&mut peers);
            if fault.is_none() && added == 0 && is_by_default(&why) && !peers.peers.is_empty() {
                // It may be a host without a table, whose peers are all in lonc.toml.
                return None;
            }
            let dir = text::path(&peers.control_dir);
            Some(format!(
                "{why}\nso not all peers may be known; {} told of by the control sockets in {dir} alone",
                units::count(added, "peer")
            ))
        });
        Self { peers, fault, notice }
    }
}

/// Adds the peers whose control sockets are there; how many are known by that alone.
fn add_running(peers: &mut Peers) -> usize {
    let entries = fs::read_dir(&peers.control_dir).into_iter().flatten().flatten();
    let ids = entries
        .take(MOST)
        .filter_map(|entry| entry.file_name().to_str()?.parse::<HostId>().ok());
    let known = peers.peers.len();
    for id in ids {
        if !peers.peers.iter().any(|peer| peer.id == id) {
            peers.peers.push(Peer::unlisted(&id));
        }
    }
    peers.peers.sort_by(|one, other| one.id.cmp(&other.id));
    peers.peers.len() - known
}
