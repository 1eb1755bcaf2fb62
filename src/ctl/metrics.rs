//! `loncctl metrics`.

use super::arguments::{Metrics, MetricsFormat};
use super::outcome::{Exit, Fault};
use super::screen;
use super::site::Site;
use crate::config::HostId;
use crate::metrics::{self, Format, Told};

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
    let readings = metrics::ask(&site.peers.control_dir, &outside, peers.clone(), limit).await;
    let counts = metrics::count(&site.peers, &readings, limit).await;
    let is_asked = |id: &HostId| arguments.peers.is_empty() || peers.contains(id);
    let counts = counts.map(|all| all.into_iter().filter(|one| is_asked(&one.peer)).collect());
    let told = Told {
        readings,
        counts,
        is_sound: site.fault.is_none(),
    };
    let format = match arguments.format {
        MetricsFormat::OpenMetrics => Format::OpenMetrics,
        MetricsFormat::Prometheus => Format::Prometheus,
    };
    screen::print_bytes(metrics::text(&told, format).as_bytes())?;
    Ok(Exit::Fine)
}
