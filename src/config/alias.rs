//! The second name of a peer's socket: that of its host, by which workers since release 2.4 look for it.
//!
//! One socket serves all ids of a host: that of the first of them in `hosts.tab` which is a peer. The names are written
//! by others; what becomes the name of a file is checked here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::address;
use super::host_id::{HostId, LOCK};
use super::hosts_tab::{HostsTab, Row};
use super::text;

/// Longest path of a socket, in bytes.
const MAX_PATH: usize = 107;

/// The second name of a socket, beside the id of its peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Alias {
    /// The table cannot be read just now.
    Unknown,
    /// It has none.
    #[default]
    None,
    /// The name of a file: no `/`, no dot at its beginning, and no id of a peer.
    Name(String),
}

impl Alias {
    /// The name, if there is one.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Name(name) => Some(name),
            Self::Unknown | Self::None => None,
        }
    }
}

/// How [`Alias::Unknown`] is written down; nothing is for [`Alias::None`].
const UNKNOWN: &str = "?";

impl From<Alias> for String {
    fn from(alias: Alias) -> Self {
        match alias {
            Alias::Unknown => UNKNOWN.to_owned(),
            Alias::None => Self::new(),
            Alias::Name(name) => name,
        }
    }
}

impl TryFrom<String> for Alias {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_str() {
            UNKNOWN => Ok(Self::Unknown),
            "" => Ok(Self::None),
            name if address::is_file_name(name) && !name.ends_with(LOCK) => Ok(Self::Name(text)),
            _ => Err("not the name of a host's socket"),
        }
    }
}

/// The second names of all sockets of a directory.
#[derive(Debug, Default)]
pub(super) struct Aliases {
    names: BTreeMap<HostId, String>,
    /// What is wrong with the name of a host, naming file and line.
    faults: BTreeMap<HostId, String>,
}

impl Aliases {
    /// The names in `table`, which is at `path`, for sockets of `peers` in `dir`; `own` is the id of this host.
    pub(super) fn new(table: &HostsTab, path: &Path, peers: &[&HostId], own: &HostId, dir: &Path) -> Self {
        let mut ids: BTreeSet<&str> = peers.iter().copied().map(AsRef::as_ref).collect();
        let is_peer = |id: &HostId| ids.contains(id.as_ref());
        let mut rows: Vec<_> = table.rows.iter().filter(|(id, _)| is_peer(id)).collect();
        rows.sort_by_key(|(_, row)| row.line);
        ids.insert(own.as_ref());
        let (mut aliases, mut seen) = (Self::default(), BTreeSet::new());
        for (id, Row { line, hostname, .. }) in rows {
            let Some(name) = hostname.as_deref().filter(|name| seen.insert(*name)) else {
                continue;
            };
            if name == id.as_ref() {
                continue;
            }
            match unfit(name, &ids, dir) {
                None => drop(aliases.names.insert(id.clone(), name.to_owned())),
                Some(why) => {
                    let place = format!("{}:{line}", text::path(path));
                    let fault =
                        format!("{place}: peer {id} has no socket by the name of its host {name}: {why}");
                    aliases.faults.insert(id.clone(), fault);
                }
            }
        }
        aliases
    }

    /// That of one peer.
    pub(super) fn of(&self, peer: &HostId) -> Alias {
        self.names.get(peer).cloned().map_or(Alias::None, Alias::Name)
    }

    /// What is wrong with the names, one line each: with that of `peer`, or with all.
    pub(super) fn warnings(&self, peer: Option<&HostId>) -> Vec<String> {
        let of = |(id, fault): (&HostId, &String)| peer.is_none_or(|peer| id == peer).then(|| fault.clone());
        self.faults.iter().filter_map(of).collect()
    }
}

/// Why no socket can have this name beside those of `ids`.
fn unfit(name: &str, ids: &BTreeSet<&str>, dir: &Path) -> Option<&'static str> {
    if ids.contains(name) {
        return Some("another host has that id");
    }
    if name.ends_with(LOCK) {
        return Some("workers wait for such a file to go");
    }
    let is_long = dir.join(name).as_os_str().len() > MAX_PATH;
    is_long.then_some("too long for the path of a socket")
}
