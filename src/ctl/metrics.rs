//! `loncctl metrics`.

use super::arguments::{Metrics, MetricsFormat};
use super::outcome::{Exit, Fault};
use super::screen;
use super::site::Site;
use crate::metrics::{self, Format};

/// Prints what the daemons tell; one that does not answer is told of there, and no fault here.
pub(super) async fn run(site: &Site, arguments: &Metrics) -> Result<Exit, Fault> {
    let mut peers: Vec<_> = site
        .choose(&arguments.peers)?
        .into_iter()
        .map(|peer| peer.id)
        .collect();
    // No sample may come twice.
    peers.sort();
    peers.dedup();
    let outside = site.outside();
    let limit = arguments.patience.timeout;
    let readings = metrics::ask(&site.peers.control_dir, &outside, peers, limit).await;
    let format = match arguments.format {
        MetricsFormat::OpenMetrics => Format::OpenMetrics,
        MetricsFormat::Prometheus => Format::Prometheus,
    };
    screen::print_bytes(metrics::text(&readings, format).as_bytes())?;
    Ok(Exit::Fine)
}
