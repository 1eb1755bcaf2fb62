//! How far a host has moved over from the Perl lonc.

use super::Finding;
use crate::config::{Peer, TakenOver};
use crate::ctl::site::Site;
use crate::ctl::{takeover, words};
use crate::standing::{Seen, Standing};
use crate::units;

/// Those that are ours, and those that are left to the Perl lonc: what is missing for them a takeover makes.
pub(super) fn apart(all: Vec<Seen>) -> (Vec<Seen>, Vec<Peer>) {
    let (others, ours): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|seen| seen.standing == Standing::Foreign);
    (ours, others.into_iter().map(|seen| seen.peer).collect())
}

/// What is to be told where not all are ours.
pub(super) fn progress(site: &Site, ours: &[Seen], others: &[Peer]) -> Vec<Finding> {
    let (taken_over, warnings) = TakenOver::read(&site.config);
    let path = TakenOver::path(&site.config);
    let subject = path.display();
    let mend = "It is for loncctl takeover and giveback alone: a directory, and in it an empty file a peer";
    let mut findings: Vec<_> = warnings
        .iter()
        .map(|warning| Finding::wrong(&subject, warning, mend))
        .collect();
    if warnings.is_empty() {
        findings.extend(left(ours, others));
    }
    if taken_over != TakenOver::All && !ours.is_empty() && takeover::is_perl_lonc_unruled(site) {
        findings.push(Finding::wrong(
            &"Perl lonc",
            "its program has been replaced, as by an upgrade of LON-CAPA: when it starts, it takes back all peers",
            format!("loncctl takeover {}", ours.iter().map(|seen| seen.peer.id.as_ref()).collect::<Vec<_>>().join(" ")),
        ));
    }
    findings
}

/// Nothing is amiss on a host that is on its way; on one that has not begun, somebody may think it has.
fn left(ours: &[Seen], others: &[Peer]) -> Option<Finding> {
    let names: Vec<_> = others.iter().map(|peer| peer.id.as_ref()).collect();
    let first = names.first()?;
    let count = units::count(others.len(), "peer");
    if !ours.is_empty() {
        let text = format!("{count} not taken over: {}", names.join(" "));
        return Some(Finding::fine(&"Perl lonc", text));
    }
    let text = format!(
        "nothing is taken over yet: {count} as before: {}",
        words::some(&names)
    );
    let remedy = format!(
        "One of them: loncctl takeover {first}; with --dry-run it tells what it would do. What the units lack for that it \
         makes"
    );
    Some(Finding::doubt(&"Perl lonc", text, remedy))
}
