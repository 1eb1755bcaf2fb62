//! What those who act as root need to know of the configuration: an unprivileged step reads the files, which others can
//! write, and offers it; what of that is followed is kept in a file that only root can write.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::alias::Alias;
use super::doubt::{Doubt, DoubtKind};
use super::host_id::HostId;
use super::sandbox::Sandbox;
use super::settings::Start;
use super::{ConfigError, DEFAULT_PATH, Peer, Peers};
use crate::reader::{self, Links};

/// Where the kept one is.
pub(crate) const KEPT: &str = "/var/lib/lonc-hosts/peers.json";
/// More than the largest table makes of it, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// The kept one that belongs to the configuration `config`: [`KEPT`], and for one elsewhere a file beside it.
pub(super) fn kept_for(config: &Path) -> PathBuf {
    let kept = Path::new(KEPT);
    if config == Path::new(DEFAULT_PATH) {
        return kept.to_owned();
    }
    config.with_file_name(kept.file_name().unwrap_or_default())
}

/// Where a peer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Place {
    pub(super) host: String,
    pub(super) alternative: Option<String>,
    /// Missing in a list of an older version.
    #[serde(default)]
    pub(super) port: Option<u16>,
}

impl Place {
    /// Whether whoever went by `before` has to learn of this one.
    pub(crate) fn differs(&self, before: &Self) -> bool {
        let is_other_port = before.port.is_some() && self.port != before.port;
        is_other_port || (&self.host, &self.alternative) != (&before.host, &before.alternative)
    }
}

/// The peers, and what systemd needs to know of the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Snapshot {
    /// Paths whose change means that the configuration may have changed.
    pub(crate) watched: Vec<PathBuf>,
    /// The directory of the sockets; nothing if it is not known.
    pub(crate) socket_dir: Option<PathBuf>,
    /// That of the delayed messages; nothing if it is not known.
    #[serde(default)]
    pub(crate) spool_dir: Option<PathBuf>,
    /// What the units are to open for that, and for the rest.
    #[serde(default)]
    pub(crate) sandbox: Sandbox,
    pub(crate) start: Start,
    /// With the second names of their sockets.
    pub(crate) peers: BTreeMap<HostId, Alias>,
    /// Where they were when that was last known: for a daemon that starts while the table is not to be believed.
    #[serde(default)]
    pub(crate) places: BTreeMap<HostId, Place>,
    /// Those that were removed a short while ago, with the time, in seconds since 1970.
    #[serde(default)]
    pub(crate) removed: BTreeMap<HostId, u64>,
    /// Those among the peers that came a short while ago.
    #[serde(default)]
    pub(crate) added: BTreeMap<HostId, u64>,
}

/// What the files say now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Offer {
    pub(crate) snapshot: Snapshot,
    /// Ids that the table has, but no place to connect to for, and our own if it has that: not gone.
    pub(crate) mentioned: BTreeSet<HostId>,
    pub(crate) doubt: Option<Doubt>,
}

impl Snapshot {
    /// Reads a kept one.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        read(path)
    }
}

impl Offer {
    /// Reads one that was left there.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        read(path)
    }

    /// Of what was read, and the files that were.
    pub(super) fn of(peers: Peers, watched: Vec<PathBuf>) -> Self {
        let place = |peer: &Peer| Place {
            host: peer.address.host.clone(),
            alternative: peer.address.alternative.clone(),
            port: Some(peer.address.port),
        };
        let places = peers
            .peers
            .iter()
            .map(|peer| (peer.id.clone(), place(peer)))
            .collect();
        let of = |peer: Peer| (peer.id, peer.alias);
        Self {
            snapshot: Snapshot {
                watched,
                socket_dir: Some(peers.socket_dir),
                spool_dir: None,
                sandbox: Sandbox::default(),
                start: peers.start,
                peers: peers.peers.into_iter().map(of).collect(),
                places,
                removed: BTreeMap::new(),
                added: BTreeMap::new(),
            },
            mentioned: peers.mentioned,
            doubt: peers.doubt,
        }
    }

    /// Where nothing of it is to be followed.
    pub(crate) fn nothing(kind: DoubtKind, why: String, watched: Vec<PathBuf>) -> Self {
        Self {
            snapshot: Snapshot {
                watched,
                ..Snapshot::default()
            },
            doubt: Some(Doubt { kind, why }),
            ..Self::default()
        }
    }

    pub(super) fn of_fault(fault: &ConfigError, watched: Vec<PathBuf>) -> Self {
        Self::nothing(DoubtKind::Fault, fault.brief(), watched)
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    let bytes = reader::whole(path, MAX_BYTES, Links::Refuse)?;
    Ok(serde_json::from_slice(&bytes)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_written_is_read_again_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("peers");
        let id = |text: &str| text.parse::<HostId>().unwrap();
        let snapshot = Snapshot {
            watched: vec!["/a b".into()],
            socket_dir: Some("/run/lonc".into()),
            spool_dir: Some("/var/spool/lonc/delayed".into()),
            sandbox: Sandbox::default(),
            start: Start::Boot,
            peers: [
                (id("a"), Alias::None),
                (id("b"), Alias::Unknown),
                (id("c"), Alias::Name("c.example.edu".into())),
            ]
            .into(),
            places: [(
                id("b"),
                Place {
                    host: "::1".into(),
                    alternative: None,
                    port: None,
                },
            )]
            .into(),
            removed: [(id("d"), 7)].into(),
            added: [(id("a"), 8)].into(),
        };
        let text = serde_json::to_string(&snapshot).unwrap();
        fs::write(&path, &text).unwrap();
        assert_eq!(Snapshot::read(&path).unwrap(), snapshot);
        for odd in [
            "",
            "{}",
            text.strip_suffix('}').unwrap(),
            &text.replace("c.example.edu", "../x"),
            &text.replace("c.example.edu", ".x"),
            &text.replace("c.example.edu", "x.lock"),
            &text.replace("\"a\"", "\"a/b\""),
            &text.replace("boot", "never"),
            &text.replacen('{', "{\"more\":1,", 1),
        ] {
            fs::write(&path, odd).unwrap();
            assert!(Snapshot::read(&path).is_err(), "{odd}");
        }
    }
}
