//! Which file is that of a socket of systemd's, and by which second name it can be reached.
//!
//! systemd tells nobody which file it bound. `lonc-socket` looks right after that and writes it down, where the daemon,
//! `loncctl` and its own later runs read it; systemd removes the directory when the socket has stopped.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::place::Identity;
use crate::config::HostId;
use crate::reader::{self, Links};

/// Holds a directory for each socket: of its peer's id, `RuntimeDirectory=` of lonc@.socket.
pub(crate) const DIRECTORY: &str = "/run/lonc-sockets";
/// The name of the record there.
const FILE: &str = "record";
/// A record is shorter, in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// What is known of a socket of systemd's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Where it was bound.
    pub(crate) path: PathBuf,
    /// What stood there right after.
    pub(crate) file: Identity,
    /// The directory of that, by which one knows whether one sees the same.
    pub(crate) directory: Identity,
    /// The second name that it is to have; there, unless something was in the way.
    pub(crate) alias: Option<String>,
}

/// The records of one socket, kept from others who would change them at the same time.
pub(crate) struct Desk {
    directory: PathBuf,
    _lock: File,
}

impl Desk {
    /// That of the socket of `peer` below `records`; waits for whoever is there.
    pub(crate) fn open(records: &Path, peer: &HostId) -> io::Result<Self> {
        let directory = records.join(peer.as_ref());
        let lock = File::open(&directory)?;
        lock.lock()?;
        Ok(Self {
            directory,
            _lock: lock,
        })
    }

    /// What is written there.
    pub(crate) fn record(&self) -> io::Result<Record> {
        read_in(&self.directory)
    }

    pub(crate) fn write(&self, record: &Record) -> io::Result<()> {
        let new = self.directory.join("new");
        fs::write(&new, serde_json::to_vec(record)?)?;
        fs::rename(&new, self.directory.join(FILE))
    }

    pub(crate) fn remove(&self) -> io::Result<()> {
        fs::remove_file(self.directory.join(FILE))
    }
}

/// What is written of the socket of `peer`.
pub(crate) fn read(records: &Path, peer: &HostId) -> io::Result<Record> {
    read_in(&records.join(peer.as_ref()))
}

/// All that is written.
pub(crate) fn all(records: &Path) -> Vec<Record> {
    let entries = fs::read_dir(records).into_iter().flatten().flatten();
    entries.filter_map(|entry| read_in(&entry.path()).ok()).collect()
}

/// A short regular file: the directory may be of another user.
fn read_in(directory: &Path) -> io::Result<Record> {
    let bytes = reader::whole(&directory.join(FILE), MAX_BYTES, Links::Refuse)?;
    Ok(serde_json::from_slice(&bytes)?)
}
