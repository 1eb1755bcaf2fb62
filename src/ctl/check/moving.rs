//! How far a host has moved over from the Perl lonc.

use super::Finding;
use crate::config::TakenOver;
use crate::ctl::site::Site;
use crate::ctl::{takeover, words};
use crate::socket::units;
use crate::standing::{LEFT_ALONE, Seen, Standing};
use crate::units::count;

/// Those that are ours, also where the Perl lonc took them back, and those that are left to it: what is missing for them a
/// takeover makes.
pub(super) fn apart(all: Vec<Seen>) -> (Vec<Seen>, Vec<Seen>) {
    all.into_iter()
        .partition(|seen| seen.standing != Standing::Foreign)
}

/// What is to be told where not all are ours.
pub(super) fn progress(site: &Site, ours: &[Seen], others: &[Seen]) -> Vec<Finding> {
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
        findings.extend(others.iter().filter(|seen| seen.is_left_alone()).map(alone));
    }
    findings.extend(unruled(site, &taken_over, ours));
    findings
}

/// Where all had been taken over, its program is found elsewhere, and only that it took them back is told here.
fn unruled(site: &Site, taken_over: &TakenOver, ours: &[Seen]) -> Option<Finding> {
    let is_taken_back = |seen: &Seen| seen.answer.is_err() && seen.standing == Standing::Displaced;
    let is_classic = !units::is_own(&site.peers.socket_dir);
    let (is_amiss, ids) = match taken_over {
        TakenOver::All => (is_classic && ours.iter().any(is_taken_back), "--all".to_owned()),
        TakenOver::Only(_) => {
            let ids: Vec<_> = ours.iter().map(|seen| seen.peer.id.as_ref()).collect();
            (!ids.is_empty(), ids.join(" "))
        }
    };
    (is_amiss && takeover::is_perl_lonc_unruled(site)).then(|| {
        Finding::wrong(
            &"Perl lonc",
            "its program has been replaced, as by an upgrade of LON-CAPA: when it starts, it takes back all peers",
            format!("loncctl takeover {ids}"),
        )
    })
}

/// Its workers have nobody to ask.
fn alone(seen: &Seen) -> Finding {
    let id = &seen.peer.id;
    let remedy =
        format!("Its log, logs/lonc.log, tells which. loncctl why {id} tells how {id} is moved here");
    Finding::doubt(id, format!("not taken over, and {LEFT_ALONE}"), remedy)
}

/// Nothing is amiss on a host that is on its way; on one that has not begun, somebody may think it has.
fn left(ours: &[Seen], others: &[Seen]) -> Option<Finding> {
    let names: Vec<_> = others.iter().map(|seen| seen.peer.id.as_ref()).collect();
    let first = names.first()?;
    let number = count(others.len(), "peer");
    if !ours.is_empty() {
        let text = format!("{number} not taken over: {}", names.join(" "));
        return Some(Finding::fine(&"Perl lonc", text));
    }
    let text = format!(
        "nothing is taken over yet: {number} as before: {}",
        words::some(&names)
    );
    let remedy = format!(
        "One of them: loncctl takeover {first}; with --dry-run it tells what it would do. What the units lack for that it \
         makes"
    );
    Some(Finding::doubt(&"Perl lonc", text, remedy))
}
