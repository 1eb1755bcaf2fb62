//! Metrics of all instances, for Prometheus and whoever else reads its formats: `loncctl metrics`, and over HTTP
//! `lonc-metrics`.
//!
//! ```text
//!   Prometheus ─ HTTP ─ lonc-metrics.socket ─► lonc-metrics (listeners ─► http ─► desk ─► negotiation)
//!   a browser  ─┘                                   ├─► collect ═ control sockets ═ each instance
//!                                                   │      └─► families ─► exposition ─► text
//!                                                   └─► page (facts ═ control sockets ═ each instance)
//! ```
//!
//! Nothing is kept but for a second, and no process runs when nobody asks: instances count by themselves.
//!
//! The text is written here. The crate `prometheus-client` was looked at: what it is made for, counters that the
//! program itself keeps, is not wanted here, and it writes `OpenMetrics` alone, while the older format is what whoever
//! does not ask for one is to get, and what `promtool check metrics` reads.

pub(crate) mod command;
mod desk;
mod exposition;
mod families;
mod fresh;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod http;
mod listeners;
mod negotiation;
mod page;

use std::convert::Infallible;
use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

pub(crate) use self::exposition::Format;
use crate::cli;
use crate::config::{HostId, Peers};
use crate::control::client::{self, CallError};
use crate::control::interface::{Metrics, MetricsReply};
use crate::control::roster::Roster;
use crate::standing::{self, Holder, Outside, Standing, Waiting};

/// How long an instance may take to answer, unless another span is asked for: below Prometheus' usual ten seconds for
/// a scrape.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// What one instance told, or why it did not.
#[derive(Debug)]
pub(crate) struct Reading {
    /// Its peer.
    pub peer: HostId,
    /// How the peer stands.
    pub standing: Standing,
    /// What it told.
    pub outcome: Result<Metrics, CallError>,
    /// Who has the socket at which its clients ask.
    holder: Holder,
}

impl Reading {
    /// Why its instance does not answer, if it does not.
    fn instance(&self) -> Option<Standing> {
        let fault = self.outcome.as_ref().err()?;
        Some(Standing::silent(fault, self.holder, false))
    }
}

/// All that is told in metrics.
#[derive(Debug)]
pub(crate) struct Told {
    /// What each instance told.
    pub(crate) readings: Vec<Reading>,
    /// Messages of peers whose instance did not answer, and of hosts that are in no table; nothing if nobody could count.
    pub(crate) counts: Option<Vec<Waiting>>,
    /// Whether the configuration is sound.
    pub(crate) is_sound: bool,
}

/// Asks the instances of all peers that the configuration knows, or where that is faulty those that run; each may take
/// `limit`.
pub(crate) async fn collect(config: &Path, limit: Duration) -> Result<Told, Infallible> {
    let Roster { peers, fault, .. } = Roster::read(config);
    if let Some(fault) = &fault {
        say(&fault.brief());
    }
    let ids = peers.peers.iter().map(|peer| peer.id.clone()).collect();
    let outside = Outside::look(config, &peers.socket_dir);
    let readings = ask(&peers.control_dir, &outside, ids, limit).await;
    Ok(Told {
        counts: count(&peers, &readings, limit).await,
        readings,
        is_sound: fault.is_none(),
    })
}

/// Has one of the instances that answer count what no instance tells of.
pub(crate) async fn count(peers: &Peers, readings: &[Reading], limit: Duration) -> Option<Vec<Waiting>> {
    let answering = readings.iter().find(|reading| reading.outcome.is_ok())?;
    let silent = |id: &HostId| !readings.iter().any(|one| one.peer == *id && one.outcome.is_ok());
    let waiting = standing::waiting(peers, &answering.peer, limit).await?;
    Some(waiting.into_iter().filter(|one| silent(&one.peer)).collect())
}

/// Asks the instances of `peers`, whose control sockets are in `control_dir`.
pub(crate) async fn ask(
    control_dir: &Path,
    outside: &Outside,
    peers: Vec<HostId>,
    limit: Duration,
) -> Vec<Reading> {
    let paths = peers.iter().map(|peer| control_dir.join(peer.as_ref())).collect();
    let answers = client::ask_all::<_, MetricsReply>(paths, "GetMetrics", json!({}), limit).await;
    let reading = |(peer, answer): (HostId, Result<MetricsReply, CallError>)| {
        let outcome = answer.map(|reply| reply.metrics);
        let standing = match &outcome {
            Ok(metrics) => Standing::of_metrics(metrics),
            Err(fault) => outside.silent(&peer, fault),
        };
        Reading {
            holder: outside.holder(&peer),
            peer,
            standing,
            outcome,
        }
    };
    peers.into_iter().zip(answers).map(reading).collect()
}

/// The readings as text.
#[must_use]
pub(crate) fn text(told: &Told, format: Format) -> String {
    families::write(told, format)
}

fn say(fault: &dyn Display) {
    cli::say("lonc-metrics", fault);
}
