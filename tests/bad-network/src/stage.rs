//! Two hosts, what is between them, a lonc and its peer.

use std::net::SocketAddr;

use test_harness::{Lonc, Peer, Site};
use test_network::{Bridge, Network};

/// All that a run needs; its network is its own.
pub(crate) struct Stage {
    pub(crate) lonc: Lonc,
    pub(crate) peer: Peer,
    pub(crate) network: Network,
    pub(crate) bridge: Bridge,
}

/// A network with a good way across.
pub(crate) fn network() -> (Network, Bridge) {
    Network::lay_across_bridge().expect("namespaces, bridges and netem")
}

impl Stage {
    /// With a way of this kind, and these sections of lonc's configuration.
    pub(crate) fn set(lay: impl FnOnce(&Bridge), toml: &str) -> Self {
        let (network, bridge) = network();
        lay(&bridge);
        let address = SocketAddr::from((network.far.v4, 0));
        let peer = network.far.enter(|| Peer::on(address));
        let site = Site::office(&peer, toml);
        let lonc = network.near.enter(|| site.start());
        lonc.await_link();
        Self {
            lonc,
            peer,
            network,
            bridge,
        }
    }
}
