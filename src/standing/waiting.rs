//! What waits in the spool, also for peers whose daemon does not run, and for hosts that are in no table.

use std::time::Duration;

use serde_json::json;

use super::{Seen, Standing};
use crate::config::{HostId, Peer, Peers};
use crate::control::client::{self, CallError};
use crate::control::interface::{CountsReply, DelayedCount, DelayedSummary};

/// Whoever looks at one peer waits for so many daemons at most.
const MOST_ASKED: usize = 3;

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

/// The same, counted by one of those whose control sockets are there; nothing if none of the first few answers.
pub(crate) async fn asked(peers: &Peers, limit: Duration) -> Option<Vec<Waiting>> {
    let is_there = |peer: &&Peer| peers.control_dir.join(peer.id.as_ref()).exists();
    for peer in peers.peers.iter().filter(is_there).take(MOST_ASKED) {
        let counts = waiting(peers, &peer.id, limit).await;
        if counts.is_some() {
            return counts;
        }
    }
    None
}

/// The same, counted by the first that answered of those seen; nothing if none did.
pub(crate) async fn counted(peers: &Peers, all: &[Seen], limit: Duration) -> Option<Vec<Waiting>> {
    let answering = all.iter().find(|seen| seen.answer.is_ok())?;
    waiting(peers, &answering.peer.id, limit).await
}

/// Says of those whose daemon tells nothing what waits for them.
pub(crate) fn add_waiting(all: &mut [Seen], counts: &[Waiting]) {
    for seen in all.iter_mut().filter(|seen| seen.answer.is_err()) {
        let its = counts.iter().find(|one| one.peer == seen.peer.id);
        seen.waiting = its.map(|one| one.delayed);
    }
}

/// The host of this id, if it is in no table and there are messages for it.
pub(crate) fn find_unlisted(peer: &HostId, counts: &[Waiting]) -> Option<Seen> {
    let its = counts.iter().find(|one| one.peer == *peer && !one.is_listed);
    its.map(unlisted)
}

fn unlisted(one: &Waiting) -> Seen {
    Seen {
        peer: Peer::unlisted(&one.peer),
        answer: Err(CallError::NotStarted),
        standing: Standing::Unlisted,
        disabled: None,
        is_ours: true,
        is_heard: None,
        waiting: Some(one.delayed),
    }
}

/// Adds the hosts that are in no table, and for which there are messages.
pub(crate) fn add_unlisted(all: &mut Vec<Seen>, counts: &[Waiting]) {
    let known: Vec<_> = all.iter().map(|seen| seen.peer.id.clone()).collect();
    let is_new = |one: &&Waiting| !one.is_listed && !known.contains(&one.peer);
    all.extend(counts.iter().filter(is_new).map(unlisted));
}
