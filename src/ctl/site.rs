//! What the configuration says about the peers, and where their sockets are. A faulty one hides no daemon that runs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::outcome::{Exit, Fault, complain};
use crate::config::{self, ConfigError, HostId, Peer, Peers};
use crate::control::client::{self, CallError};
use crate::control::roster::Roster;
use crate::standing::{self, Holder, Outside, Seen, Standing};

/// This host, as it is configured.
pub(super) struct Site {
    pub(super) config: PathBuf,
    pub(super) peers: Peers,
    /// The fault of the configuration, where the peers are those that can be told of all the same.
    pub(super) fault: Option<ConfigError>,
}

impl Site {
    /// For what needs all of the configuration.
    pub(super) fn sound(config: &Path) -> Result<Self, Fault> {
        Ok(Self {
            config: config.to_owned(),
            peers: config::peers(config)?,
            fault: None,
        })
    }

    /// For what can be done with those daemons that run, whatever the configuration says; a fault is told.
    pub(super) fn read(config: &Path) -> Self {
        let (site, notice) = Self::with_notice(config);
        if let Some(notice) = notice {
            complain(&notice);
        }
        site
    }

    /// The same, and what is to be told.
    pub(super) fn with_notice(config: &Path) -> (Self, Option<String>) {
        let Roster { peers, fault, notice } = Roster::read(config);
        let site = Self {
            config: config.to_owned(),
            peers,
            fault,
        };
        (site, notice)
    }

    /// How to end at best: as ever, unless the configuration is faulty.
    pub(super) fn exit(&self) -> Exit {
        match &self.fault {
            None => Exit::Fine,
            // Others may read it.
            Some(fault) if fault.is_denied() => Exit::Fine,
            Some(_) => Exit::Config,
        }
    }

    /// How each of `peers` stands; all are asked at the same time.
    pub(super) async fn look(&self, peers: &[Peer], limit: Duration) -> Vec<Seen> {
        standing::look(&self.config, &self.peers, peers, limit).await
    }

    /// What is seen of the peers whose daemons do not answer: of all of them, at one look.
    pub(super) fn outside(&self) -> Outside {
        Outside::look(&self.config, &self.peers.socket_dir)
    }

    /// What to do about a daemon that did not answer.
    pub(super) fn advice(&self, outside: &Outside, peer: &HostId, fault: &CallError) -> String {
        self.advice_for(outside.silent(peer, fault), peer, fault)
    }

    /// The same for one that is known to stand like this.
    pub(super) fn advice_for(&self, standing: Standing, peer: &HostId, fault: &CallError) -> String {
        standing::about_silent(standing, fault, peer, &self.socket(peer), &self.control(peer))
    }

    /// What to do where nobody listens for the workers of a peer, in a few words.
    pub(super) fn absent(outside: &Outside, peer: &HostId) -> String {
        if outside.holder(peer) == Holder::Foreign {
            return format!("it is not taken over; loncctl takeover {peer} moves it here");
        }
        format!("systemctl start lonc@{peer}.socket, or without systemd: lonc {peer}")
    }

    /// Those of `names`; of none, all there are.
    pub(super) fn choose(&self, names: &[HostId]) -> Result<Vec<Peer>, Fault> {
        if names.is_empty() {
            return self.all();
        }
        names.iter().map(|name| self.peer(name)).collect()
    }

    /// The same, also if nobody knows where it is.
    pub(super) fn peer_or_unlisted(&self, name: &HostId) -> Peer {
        self.peer(name).unwrap_or_else(|_| Peer::unlisted(name))
    }

    pub(super) fn peer(&self, name: &HostId) -> Result<Peer, Fault> {
        match self.peers.peers.iter().find(|peer| peer.id == *name) {
            Some(peer) => Ok(peer.clone()),
            // It may be ourselves, or its line in the table may be broken.
            None => match config::settings_of(&self.config, name) {
                Ok(settings) => Ok(Peer {
                    id: name.clone(),
                    address: settings.address,
                    alias: settings.alias,
                }),
                Err(fault @ ConfigError::UnknownPeer { .. }) => Err(Fault::UnknownPeer(fault)),
                // It may be right; it runs not, or it would be known.
                Err(_) if self.fault.is_some() => Ok(Peer::unlisted(name)),
                Err(fault) => Err(fault.into()),
            },
        }
    }

    fn all(&self) -> Result<Vec<Peer>, Fault> {
        if self.peers.peers.is_empty() && self.fault.is_some() {
            return Err(Fault::Said(
                "no daemon runs whose control socket is there".to_owned(),
                Exit::Config,
            ));
        }
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
