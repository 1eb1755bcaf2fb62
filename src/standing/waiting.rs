//! What waits in the spool, also for peers whose daemon does not run, and for hosts that are in no table.

use std::time::Duration;

use serde_json::json;

use crate::config::{HostId, Peers};
use crate::control::client;
use crate::control::interface::{CountsReply, DelayedCount, DelayedSummary};

/// Messages of one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Waiting {
    pub(crate) peer: HostId,
    pub(crate) delayed: DelayedSummary,
    /// It is among the peers.
    pub(crate) is_listed: bool,
}

impl Waiting {
    pub(crate) fn new(peers: &Peers, peer: HostId, delayed: DelayedSummary) -> Self {
        Self {
            is_listed: peers.peers.iter().any(|one| one.id == peer) || peers.mentioned.contains(&peer),
            peer,
            delayed,
        }
    }
}

/// What the daemon of `counter` counts for all of `peers`, which share its spool; nothing if it does not answer within
/// `limit`.
pub(crate) async fn waiting(peers: &Peers, counter: &HostId, limit: Duration) -> Option<Vec<Waiting>> {
    let known: Vec<_> = peers.peers.iter().map(|peer| peer.id.as_ref()).collect();
    let control = peers.control_dir.join(counter.as_ref());
    let parameters = json!({ "peers": known });
    let asked = client::ask::<_, CountsReply>(&control, "CountDelayed", &parameters, limit);
    let counts = asked.await.ok()?.counts;
    let of =
        |DelayedCount { peer, delayed }: DelayedCount| Some(Waiting::new(peers, peer.parse().ok()?, delayed));
    Some(counts.into_iter().filter_map(of).collect())
}
