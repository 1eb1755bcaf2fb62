//! How far a host has moved over from the Perl lonc.

use super::Finding;
use crate::config::{Peer, TakenOver};
use crate::ctl::site::Site;
use crate::ctl::takeover;
use crate::units;

/// Those of `peers` that are ours, and what is to be told where that is not all of them.
pub(super) fn ours(site: &Site, peers: &[Peer]) -> (Vec<Peer>, Vec<Finding>) {
    let (taken_over, warnings) = TakenOver::read(&site.config);
    let path = TakenOver::path(&site.config);
    let subject = path.display();
    let mend = "It is for loncctl takeover and giveback alone: a directory, and in it an empty file a peer";
    let mut findings: Vec<_> = warnings
        .iter()
        .map(|warning| Finding::wrong(&subject, warning, mend))
        .collect();
    let (ours, others): (Vec<_>, Vec<_>) = peers.iter().cloned().partition(|peer| taken_over.has(&peer.id));
    if !others.is_empty() && warnings.is_empty() {
        let names: Vec<_> = others.iter().map(|peer| peer.id.as_ref()).collect();
        let text = format!(
            "{} not taken over: {}",
            units::count(others.len(), "peer"),
            names.join(" ")
        );
        findings.push(Finding::fine(&subject, text));
    }
    if taken_over != TakenOver::All && !ours.is_empty() && takeover::is_perl_lonc_unruled(site) {
        findings.push(Finding::wrong(
            &"Perl lonc",
            "its program has been replaced, as by an upgrade of LON-CAPA: when it starts, it takes back all peers",
            format!("loncctl takeover {}", ours.iter().map(|peer| peer.id.as_ref()).collect::<Vec<_>>().join(" ")),
        ));
    }
    (ours, findings)
}
