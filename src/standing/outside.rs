//! What is seen of a peer from outside, when its daemon does not answer.

use std::collections::BTreeMap;
use std::path::Path;

use super::Standing;
use crate::config::{Disabled, HostId};
use crate::control::client::CallError;
use crate::socket::listening::Listening;

/// The sockets for requests and the word of the administrator, as they were at one moment.
pub(crate) struct Outside {
    listening: Listening,
    disabled: BTreeMap<HostId, Disabled>,
}

impl Outside {
    /// Those of the configuration `config`, whose sockets for requests are in `socket_dir`.
    pub(crate) fn look(config: &Path, socket_dir: &Path) -> Self {
        Self {
            listening: Listening::now(socket_dir),
            disabled: Disabled::all(config),
        }
    }

    /// How a peer stands whose daemon did not answer.
    pub(crate) fn silent(&self, peer: &HostId, fault: &CallError) -> Standing {
        Standing::silent(fault, self.listens(peer), self.disabled.contains_key(peer))
    }

    /// Whether somebody listens where the peer's clients ask; none if that cannot be told.
    pub(crate) fn listens(&self, peer: &HostId) -> Option<bool> {
        self.listening.at(peer.as_ref())
    }

    /// The word of the administrator, if the peer is disabled.
    pub(crate) fn disabled(&self, peer: &HostId) -> Option<&Disabled> {
        self.disabled.get(peer)
    }
}
