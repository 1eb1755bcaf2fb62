//! What the pages show, asked of the instances.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::config::{ConfigError, HostId, Peers};
use crate::control::client::{self, CallError};
use crate::control::interface::{DelayedReply, Metrics, MetricsReply};
use crate::control::roster::Roster;
use crate::standing::{self, Seen};
use crate::units;

/// Most delayed messages that a page lists.
const MOST_MESSAGES: usize = 100;

/// All peers, for the first page.
pub(in crate::metrics) struct Crowd {
    pub(super) host_id: HostId,
    pub(super) peers: Vec<Seen>,
    /// So many things in the configuration were passed over.
    pub(super) num_warnings: usize,
    /// What is wrong with the configuration, and what these peers are.
    pub(super) notice: Option<String>,
    /// When, in microseconds since 1970.
    pub(super) now: u64,
}

/// One peer, for its page.
pub(in crate::metrics) struct Close {
    pub(super) host_id: HostId,
    pub(super) seen: Seen,
    pub(super) control: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) metrics: Result<Metrics, CallError>,
    pub(super) delayed: Result<DelayedReply, CallError>,
    /// When, in microseconds since 1970.
    pub(super) now: u64,
}

/// Asks the instances of all peers, each of which may take `limit`.
pub(in crate::metrics) async fn crowd(config: &Path, limit: Duration) -> Result<Crowd, ConfigError> {
    let (all, notice) = known(config)?;
    let mut peers = standing::look(config, &all, &all.peers, limit).await;
    if let Some(counts) = standing::counted(&all, &peers, limit).await {
        standing::add_waiting(&mut peers, &counts);
        standing::add_unlisted(&mut peers, &counts);
    }
    Ok(Crowd {
        peers,
        num_warnings: all.warnings.len(),
        notice,
        host_id: all.host_id,
        now: now(),
    })
}

/// Asks the instance of one peer, which may take `limit`; nothing if there is no such peer.
pub(in crate::metrics) async fn close(
    config: &Path,
    id: &HostId,
    limit: Duration,
) -> Result<Option<Close>, ConfigError> {
    let (peers, _) = known(config)?;
    let peer = peers.peers.iter().find(|peer| peer.id == *id);
    let peer: Vec<_> = peer.cloned().into_iter().collect();
    let control = peers.control_dir.join(id.as_ref());
    let (nothing, most) = (json!({}), json!({ "limit": MOST_MESSAGES }));
    let (mut seen, metrics, delayed) = tokio::join!(
        standing::look(config, &peers, &peer, limit),
        client::ask::<_, MetricsReply>(&control, "GetMetrics", &nothing, limit),
        client::ask::<_, DelayedReply>(&control, "ListDelayed", &most, limit),
    );
    if seen.first().is_none_or(|seen| seen.answer.is_err()) {
        let counts = standing::asked(&peers, limit).await.unwrap_or_default();
        standing::add_waiting(&mut seen, &counts);
        let unlisted = standing::find_unlisted(id, &counts);
        seen.extend(unlisted.filter(|_| peer.is_empty()));
    }
    let Some(seen) = seen.pop() else {
        return Ok(None);
    };
    Ok(Some(Close {
        host_id: peers.host_id,
        seen,
        control,
        socket: peers.socket_dir.join(id.as_ref()),
        metrics: metrics.map(|reply| reply.metrics),
        delayed,
        now: now(),
    }))
}

/// The peers, by the control sockets where the configuration is faulty, and what is to be told then; the fault if nothing
/// runs.
fn known(config: &Path) -> Result<(Peers, Option<String>), ConfigError> {
    let Roster { peers, fault, notice } = Roster::read(config);
    match fault {
        Some(fault) if peers.peers.is_empty() => Err(fault),
        Some(_) | None => Ok((peers, notice)),
    }
}

fn now() -> u64 {
    units::micros_since_1970(SystemTime::now())
}
