//! What the pages show, asked of the instances.

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::config::{self, ConfigError, HostId, Peer, Peers, TakenOver};
use crate::control::client::{self, CallError};
use crate::control::interface::{DelayedReply, Metrics, MetricsReply, StatusReply};
use crate::standing::Answer;
use crate::units;

/// Most delayed messages that a page lists.
const MOST_MESSAGES: usize = 100;

/// All peers, for the first page.
pub(in crate::metrics) struct Crowd {
    pub(super) host_id: HostId,
    pub(super) peers: Vec<Seen>,
    /// So many things in the configuration were passed over.
    pub(super) num_warnings: usize,
    /// When, in microseconds since 1970.
    pub(super) now: u64,
}

/// A peer, and what its instance told.
pub(super) struct Seen {
    pub(super) peer: Peer,
    pub(super) answer: Answer,
    /// Whether it is served by us, and not by a Perl lonc.
    pub(super) is_ours: bool,
}

/// One peer, for its page.
pub(in crate::metrics) struct Close {
    pub(super) host_id: HostId,
    pub(super) seen: Seen,
    pub(super) control: std::path::PathBuf,
    pub(super) metrics: Result<Metrics, CallError>,
    pub(super) delayed: Result<DelayedReply, CallError>,
    /// When, in microseconds since 1970.
    pub(super) now: u64,
}

/// Asks the instances of all peers, each of which may take `limit`.
pub(in crate::metrics) async fn crowd(config: &Path, limit: Duration) -> Result<Crowd, ConfigError> {
    let Peers {
        host_id,
        control_dir,
        peers,
        warnings,
        ..
    } = config::peers(config)?;
    let (ours, _) = TakenOver::read(config);
    let paths = peers
        .iter()
        .map(|peer| control_dir.join(peer.id.as_ref()))
        .collect();
    let answers = client::ask_all::<_, StatusReply>(paths, "GetStatus", json!({}), limit).await;
    let seen = |(peer, answer): (Peer, Result<StatusReply, CallError>)| Seen {
        is_ours: ours.has(&peer.id),
        peer,
        answer: answer.map(|reply| reply.status),
    };
    Ok(Crowd {
        host_id,
        peers: peers.into_iter().zip(answers).map(seen).collect(),
        num_warnings: warnings.len(),
        now: now(),
    })
}

/// Asks the instance of one peer, which may take `limit`; nothing if there is no such peer.
pub(in crate::metrics) async fn close(
    config: &Path,
    id: &HostId,
    limit: Duration,
) -> Result<Option<Close>, ConfigError> {
    let peers = config::peers(config)?;
    let Some(peer) = peers.peers.into_iter().find(|peer| peer.id == *id) else {
        return Ok(None);
    };
    let control = peers.control_dir.join(id.as_ref());
    let (nothing, most) = (json!({}), json!({ "limit": MOST_MESSAGES }));
    let (status, metrics, delayed) = tokio::join!(
        client::ask::<_, StatusReply>(&control, "GetStatus", &nothing, limit),
        client::ask::<_, MetricsReply>(&control, "GetMetrics", &nothing, limit),
        client::ask::<_, DelayedReply>(&control, "ListDelayed", &most, limit),
    );
    Ok(Some(Close {
        host_id: peers.host_id,
        seen: Seen {
            is_ours: TakenOver::read(config).0.has(id),
            peer,
            answer: status.map(|reply| reply.status),
        },
        control,
        metrics: metrics.map(|reply| reply.metrics),
        delayed,
        now: now(),
    }))
}

fn now() -> u64 {
    units::micros_since_1970(SystemTime::now())
}
