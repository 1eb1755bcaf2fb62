//! A peer's messages on disk, for when no daemon can be asked.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use lonc_proto::spool::{Found, Name};

use crate::config::{self, HostId};
use crate::control::interface::{DelayedReply, Message};
use crate::ctl::outcome::Fault;
use crate::ctl::site::Site;
use crate::spool::{Offline, Shelf};

/// The directories, as far as we may look at them.
pub(in crate::ctl) struct Store(Offline);

impl Store {
    pub(in crate::ctl) fn of(site: &Site, peer: &HostId) -> Result<Self, Fault> {
        let settings = config::load(&site.config, peer)?.settings;
        Ok(Self(Offline::new(&settings)))
    }

    pub(super) fn path(&self, shelf: Shelf) -> PathBuf {
        self.0.shelf(shelf)
    }

    pub(super) fn find(&self, name: &str) -> Option<Found> {
        self.0.find(&Name::from(name.as_bytes()))
    }

    /// The first `most` messages, as a daemon would list them.
    pub(super) fn list(&self, most: usize) -> Result<DelayedReply, String> {
        let listing = self.0.list(most).map_err(|fault| fault.to_string())?;
        Ok(DelayedReply {
            messages: listing.messages.iter().map(Message::from).collect(),
            total: listing.total,
        })
    }

    /// True if it goes encrypted, and the command it holds; or why that cannot be told.
    pub(super) fn body(&self, shelf: Shelf, name: &str) -> Result<(bool, Vec<u8>), String> {
        let request = self.0.read(shelf, &Name::from(name.as_bytes()));
        let request = request.map_err(|fault| fault.to_string())?;
        Ok((request.is_encrypted(), request.command().to_vec()))
    }

    /// Puts a message elsewhere; where it is then.
    pub(super) fn put(&self, name: &str, from: Shelf, to: Shelf) -> Result<PathBuf, String> {
        if from != to {
            make_like(&self.path(to), &self.path(Shelf::Queue)).map_err(|fault| fault.to_string())?;
        }
        let put = self.0.put(&Name::from(name.as_bytes()), to);
        put.map_err(|fault| fault.to_string())
    }
}

/// Makes a directory that belongs to whom `model` does, for root may be making it for the daemon.
fn make_like(path: &Path, model: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o770).create(path) {
        Err(fault) if fault.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(fault) => Err(fault),
        Ok(()) => {
            let model = fs::metadata(model)?;
            chown(path, Some(model.uid()), Some(model.gid()))
        }
    }
}
