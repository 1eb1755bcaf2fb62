//! A peer's messages on disk, for when no daemon can be asked.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use lonc_proto::spool::{Found, Name};

use super::owner::Owner;
use crate::config::{self, HostId, Settings};
use crate::control::interface::{DelayedReply, Message};
use crate::ctl::outcome::{Exit, Fault};
use crate::ctl::site::Site;
use crate::spool::{Offline, Shelf, Summary, census};

/// The directories, as far as we may look at them; root may what their owner may.
pub(in crate::ctl) struct Store {
    offline: Offline,
    owner: Option<Owner>,
}

impl Store {
    pub(in crate::ctl) fn of(site: &Site, peer: &HostId) -> Result<Self, Fault> {
        Self::with(&config::settings_of(&site.config, peer)?)
    }

    /// For a host that may be in no table.
    pub(super) fn unlisted(site: &Site, peer: &HostId) -> Result<Self, Fault> {
        Self::with(&config::load_unlisted(&site.config, peer)?)
    }

    /// For what is there of all hosts.
    pub(super) fn shared(site: &Site) -> Result<Self, Fault> {
        Self::unlisted(site, &site.peers.host_id)
    }

    fn with(settings: &Settings) -> Result<Self, Fault> {
        let offline = Offline::new(settings);
        let owner = Owner::of(&offline.shelf(Shelf::Queue));
        let owner = owner.map_err(|text| Fault::Said(text, Exit::Broken))?;
        Ok(Self { offline, owner })
    }

    /// Names of what was set aside, and when each was written.
    pub(super) fn set_aside(&self) -> Result<Vec<(String, SystemTime)>, String> {
        self.act(Offline::set_aside)?.map_err(|fault| fault.to_string())
    }

    /// How much there is of each host.
    pub(super) fn census(&self, known: &[HostId]) -> Result<BTreeMap<HostId, Summary>, String> {
        let queue = self.path(Shelf::Queue);
        self.act(|_| census(&queue, known))?
            .map_err(|fault| fault.to_string())
    }

    /// Removes one that was set aside, for good.
    pub(super) fn remove(&self, name: &str) -> Result<(), String> {
        let name = Name::from(name.as_bytes());
        self.act(|offline| offline.remove(&name))?
            .map_err(|fault| fault.to_string())
    }

    fn act<T>(&self, act: impl FnOnce(&Offline) -> T) -> Result<T, String> {
        match &self.owner {
            Some(owner) => owner.act(|| act(&self.offline)),
            None => Ok(act(&self.offline)),
        }
    }

    pub(super) fn path(&self, shelf: Shelf) -> PathBuf {
        self.offline.shelf(shelf)
    }

    pub(super) fn find(&self, name: &str) -> Option<Found> {
        let name = Name::from(name.as_bytes());
        self.act(|offline| offline.find(&name)).ok().flatten()
    }

    /// The first `most` messages, as a daemon would list them.
    pub(super) fn list(&self, most: usize) -> Result<DelayedReply, String> {
        let listing = self.act(|offline| offline.list(most))?;
        let listing = listing.map_err(|fault| fault.to_string())?;
        Ok(DelayedReply {
            messages: listing.messages.iter().map(Message::from).collect(),
            total: listing.total,
        })
    }

    /// True if it goes encrypted, and the command it holds; or why that cannot be told.
    pub(super) fn body(&self, shelf: Shelf, name: &str) -> Result<(bool, Vec<u8>), String> {
        let name = Name::from(name.as_bytes());
        let request = self.act(|offline| offline.read(shelf, &name))?;
        let request = request.map_err(|fault| fault.to_string())?;
        Ok((request.is_encrypted(), request.command().to_vec()))
    }

    /// Puts a message elsewhere; where it is then.
    pub(super) fn put(&self, name: &str, from: Shelf, to: Shelf) -> Result<PathBuf, String> {
        if let Some(owner) = self.owner.as_ref().filter(|_| from != to) {
            let made = owner.make_beside(&self.path(Shelf::Queue), &self.path(to));
            made.map_err(|fault| fault.to_string())?;
        }
        let name = Name::from(name.as_bytes());
        let put = self.act(|offline| offline.put(&name, to))?;
        put.map_err(|fault| fault.to_string())
    }
}
