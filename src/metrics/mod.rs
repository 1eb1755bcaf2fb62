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
mod http;
mod listeners;
mod negotiation;
mod page;

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use serde_json::json;

pub(crate) use self::exposition::Format;
use crate::cli;
use crate::config::{self, ConfigError, HostId};
use crate::control::client::{self, CallError};
use crate::control::interface::{Metrics, MetricsReply};
use crate::standing::{Outside, Standing};

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
    /// Whether somebody listens where its clients ask.
    listens: Option<bool>,
}

impl Reading {
    /// Why its instance does not answer, if it does not.
    fn instance(&self) -> Option<Standing> {
        let fault = self.outcome.as_ref().err()?;
        Some(Standing::silent(fault, self.listens, false))
    }
}

/// Asks the instances of all peers that the configuration knows; each may take `limit`.
pub(crate) async fn collect(config: &Path, limit: Duration) -> Result<Vec<Reading>, ConfigError> {
    let peers = config::peers(config)?;
    let ids = peers.peers.into_iter().map(|peer| peer.id).collect();
    let outside = Outside::look(config, &peers.socket_dir);
    Ok(ask(&peers.control_dir, &outside, ids, limit).await)
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
            listens: outside.listens(&peer),
            peer,
            standing,
            outcome,
        }
    };
    peers.into_iter().zip(answers).map(reading).collect()
}

/// The readings as text.
#[must_use]
pub(crate) fn text(readings: &[Reading], format: Format) -> String {
    families::write(readings, format)
}

fn say(fault: &dyn Display) {
    cli::say("lonc-metrics", fault);
}
