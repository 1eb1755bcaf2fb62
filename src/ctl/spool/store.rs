//! A peer's messages on disk, for when no daemon can be asked.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use crate::config::{self, HostId};
use crate::control::interface::{DelayedReply, Message, MessageState};
use crate::ctl::outcome::Fault;
use crate::ctl::site::Site;
use crate::spool::{Directory, Owner, Shelf};
use crate::units;

/// The directories, as far as we may look at them.
pub(in crate::ctl) struct Store {
    peer: HostId,
    owner: Owner,
    longest: usize,
    directory: Directory,
}

impl Store {
    pub(in crate::ctl) fn of(site: &Site, peer: &HostId) -> Result<Self, Fault> {
        let settings = config::load(&site.config, peer)?.settings;
        let owner = Owner::new(peer, &settings.alike);
        let longest = settings.client.max_request_bytes;
        Ok(Self {
            peer: peer.clone(),
            directory: Directory::new(&settings.spool_dir, peer, owner.clone(), longest),
            owner,
            longest,
        })
    }

    pub(super) fn path(&self, shelf: Shelf) -> PathBuf {
        self.directory.shelf(shelf)
    }

    pub(super) fn find(&self, name: &str) -> Option<Shelf> {
        self.directory.find(OsStr::new(name))
    }

    /// The first `most` messages, as a daemon would list them. A spool that is not there yet is empty.
    pub(super) fn list(&self, most: usize) -> io::Result<DelayedReply> {
        let (mut messages, mut total) = (Vec::new(), 0);
        for shelf in [Shelf::Queue, Shelf::Held, Shelf::Failed] {
            let (names, count) = match self.directory.names(shelf, most - messages.len()) {
                Err(fault) if fault.kind() == ErrorKind::NotFound => continue,
                listed => listed?,
            };
            total += count;
            // One that is gone since is no longer there to be listed.
            messages.extend(names.iter().filter_map(|name| self.message(shelf, name).ok()));
        }
        Ok(DelayedReply { messages, total })
    }

    pub(super) fn message(&self, shelf: Shelf, name: &OsStr) -> io::Result<Message> {
        let (size, written) = self.directory.metadata(shelf, name)?;
        Ok(Message {
            name: name.to_string_lossy().into_owned(),
            state: match shelf {
                Shelf::Queue => MessageState::Waiting,
                Shelf::Held => MessageState::Held,
                Shelf::Failed => MessageState::Failed,
            },
            size,
            written_usec: units::micros_since_1970(written),
            attempts: 0,
        })
    }

    /// True if it goes encrypted, and the command it holds; or why that cannot be told.
    pub(super) fn body(&self, shelf: Shelf, name: &str) -> Result<(bool, Vec<u8>), String> {
        let there = Directory::new(&self.path(shelf), &self.peer, self.owner.clone(), self.longest);
        let request = there.read(OsStr::new(name)).map_err(|fault| fault.to_string())?;
        Ok((request.is_encrypted(), request.command().to_vec()))
    }

    /// Puts a message elsewhere; where it is then.
    pub(super) fn put(&self, name: &str, from: Shelf, to: Shelf) -> io::Result<PathBuf> {
        if from == to {
            return Ok(self.path(to).join(name));
        }
        make_like(&self.path(to), &self.path(Shelf::Queue))?;
        self.directory.move_between(OsStr::new(name), from, to)
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
