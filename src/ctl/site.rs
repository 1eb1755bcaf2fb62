//! What the configuration says about the peers, and where their sockets are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::outcome::{Exit, Fault};
use crate::config::{self, ConfigError, HostId, Peer, Peers};
use crate::control::client::{self, CallError};

/// This host, as it is configured.
pub(super) struct Site {
    pub(super) config: PathBuf,
    pub(super) peers: Peers,
}

impl Site {
    pub(super) fn read(config: &Path) -> Result<Self, Fault> {
        Ok(Self {
            config: config.to_owned(),
            peers: config::peers(config)?,
        })
    }

    /// Those of `names`; of none, all there are.
    pub(super) fn choose(&self, names: &[HostId]) -> Result<Vec<Peer>, Fault> {
        if names.is_empty() {
            return self.all();
        }
        names.iter().map(|name| self.peer(name)).collect()
    }

    pub(super) fn peer(&self, name: &HostId) -> Result<Peer, Fault> {
        match self.peers.peers.iter().find(|peer| peer.id == *name) {
            Some(peer) => Ok(peer.clone()),
            // It may be ourselves, or its line in the table may be broken.
            None => match config::load(&self.config, name) {
                Ok(loaded) => Ok(Peer {
                    id: name.clone(),
                    address: loaded.settings.address,
                    alias: loaded.settings.alias,
                }),
                Err(fault @ ConfigError::UnknownPeer { .. }) => Err(Fault::UnknownPeer(fault)),
                Err(fault) => Err(fault.into()),
            },
        }
    }

    fn all(&self) -> Result<Vec<Peer>, Fault> {
        if self.peers.peers.is_empty() {
            let mut lines = self.peers.warnings.clone();
            lines.push(
                "there are no peers: name them in hosts.tab, or as [peer.<id>] in lonc.toml".to_owned(),
            );
            return Err(Fault::Said(lines.join("\nloncctl: "), Exit::Config));
        }
        Ok(self.peers.peers.clone())
    }

    /// The socket at which the peer's daemon is asked and steered.
    pub(super) fn control(&self, peer: &HostId) -> PathBuf {
        self.peers.control_dir.join(peer.as_ref())
    }

    pub(super) fn controls(&self, peers: &[Peer]) -> Vec<PathBuf> {
        peers.iter().map(|peer| self.control(&peer.id)).collect()
    }

    /// Asks the peer's daemon; takes `limit` at most.
    pub(super) async fn ask<R: DeserializeOwned>(
        &self,
        peer: &HostId,
        method: &str,
        parameters: &Value,
        limit: Duration,
    ) -> Result<R, CallError> {
        client::ask(&self.control(peer), method, parameters, limit).await
    }

    /// The socket for requests.
    pub(super) fn socket(&self, peer: &HostId) -> PathBuf {
        self.peers.socket_dir.join(peer.as_ref())
    }
}
