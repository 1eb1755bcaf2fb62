//! The units, and what the daemons say.

use std::collections::HashSet;
use std::path::Path;

use super::{Finding, systemctl};
use crate::config::{HostId, Peer};
use crate::control::interface::Status;
use crate::ctl::site::Site;
use crate::ctl::{spool, words};
use crate::journal::message;
use crate::socket::place::{self, Identity, Listener, Occupant};
use crate::socket::record;
use crate::standing::{self, Seen, Standing};
use crate::systemd;
use crate::units;

/// What systemd says, where it runs.
pub(super) fn units(site: &Site, all: &[Seen]) -> Vec<Finding> {
    if !systemd::is_booted() {
        return vec![Finding::fine(
            &"systemd",
            "does not run here: the daemons are started by hand",
        )];
    }
    let target = ["lonc.target".to_owned()];
    let mut findings = Vec::new();
    let is = |verb, word: &str| {
        systemctl::states(verb, &target)
            .first()
            .is_some_and(|state| state == word)
    };
    if !is("is-active", "active") {
        let remedy = "systemctl start lonc.target";
        findings.push(Finding::wrong(
            &"lonc.target",
            "is not active: there are no sockets",
            remedy,
        ));
    } else if !is("is-enabled", "enabled") {
        let remedy = "systemctl enable lonc.target";
        findings.push(Finding::doubt(
            &"lonc.target",
            "is not enabled: nothing starts at boot",
            remedy,
        ));
    } else {
        findings.push(Finding::fine(&"lonc.target", "active, enabled"));
    }
    findings.extend(unit_of_each(site, all, "socket"));
    findings.extend(unit_of_each(site, all, "service"));
    findings
}

fn unit_of_each(site: &Site, all: &[Seen], kind: &str) -> Vec<Finding> {
    let peers: Vec<_> = all
        .iter()
        // Who listens, or that nobody does, is told of these.
        .filter(|seen| {
            let is_told =
                seen.answer.is_err() && matches!(seen.standing, Standing::Off | Standing::Displaced);
            kind != "socket" || !is_told
        })
        .map(|seen| &seen.peer)
        .collect();
    let names: Vec<_> = peers
        .iter()
        .map(|peer| format!("lonc@{}.{kind}", peer.id))
        .collect();
    let states = systemctl::states("is-active", &names);
    let amiss = names
        .iter()
        .zip(&peers)
        .zip(&states)
        .filter_map(|((name, peer), state)| {
            let other = (kind == "socket" && state != "active").then(|| another(site, peer));
            if let Some(who) = other.flatten() {
                let text = format!("does not listen, as {who}");
                let remedy = format!(
                    "Nothing while that is to serve {}; else end it, then: systemctl start {name}",
                    peer.id
                );
                return Some(Finding::wrong(name, text, remedy));
            }
            let (text, remedy) = match (kind, state.as_str()) {
                (_, "failed") => (
                    "has failed".to_owned(),
                    format!("journalctl -xu {name} tells why; then: systemctl restart {name}"),
                ),
                ("socket", "inactive") => ("does not listen".to_owned(), format!("systemctl start {name}")),
                _ => return None,
            };
            Some(Finding::wrong(name, text, remedy))
        });
    amiss.collect()
}

/// Who listens in the place of a socket that does not.
fn another(site: &Site, peer: &Peer) -> Option<Occupant> {
    let found = place::occupant(&site.socket(&peer.id)).ok()?;
    found.listens().then_some(found)
}

/// How each peer stands, as far as that is this host's.
pub(super) fn answers(site: &Site, all: &[Seen]) -> Vec<Finding> {
    // Looking for those of each peer by itself takes a second for some hundred.
    let counts = spool::on_disk(site).unwrap_or_default();
    let queued = counts.iter().filter(|one| one.delayed.queued > 0);
    let queued = queued.map(|one| &one.peer).collect();
    let here = |seen| here(site, seen, &queued);
    all.iter().flat_map(here).collect()
}

/// `queued` are those for whom something on disk is to be sent, as the names tell.
fn here(site: &Site, seen: &Seen, queued: &HashSet<&HostId>) -> Vec<Finding> {
    let id = &seen.peer.id;
    match (&seen.answer, seen.standing) {
        (Ok(status), _) => told(site, seen, status),
        (Err(_), Standing::Disabled) => vec![disabled(seen)],
        (Err(fault), Standing::Off) => {
            let remedy = site.advice_for(Standing::Off, id, fault);
            vec![Finding::wrong(
                id,
                "off: nobody listens where its workers ask",
                remedy,
            )]
        }
        (Err(fault), Standing::Displaced) => {
            let remedy = site.advice_for(Standing::Displaced, id, fault);
            vec![usurped(id, &site.socket(id), remedy)]
        }
        (Err(_), Standing::NotStarted) => not_started(site, &seen.peer, queued),
        (Err(fault), standing) => {
            if let Some(fault) = systemctl::fault_of_start(id) {
                let text = format!("cannot begin: {fault}");
                return vec![Finding::wrong(id, text, systemctl::MEND_START)];
            }
            let remedy = site.advice_for(standing, id, fault);
            let text = format!("{}: {fault}", standing.name());
            vec![if standing == Standing::Denied {
                Finding::doubt(id, text, remedy)
            } else {
                Finding::wrong(id, text, remedy)
            }]
        }
    }
}

/// Another program listens where systemd is to, or nobody.
fn usurped(id: &HostId, path: &Path, remedy: String) -> Finding {
    let found = place::occupant(path);
    let listener = found.as_ref().ok().and_then(Occupant::listener);
    let is_perl_lonc = listener.is_some_and(Listener::is_perl_lonc);
    let who = found.map_or_else(|fault| fault.to_string(), |found| found.to_string());
    let finding = Finding::wrong(
        id,
        format!("{} is not our socket any more: {who}", path.display()),
        remedy,
    );
    if is_perl_lonc {
        // Each by a child of its own.
        finding.alike("the Perl lonc listens in the place of PEER")
    } else {
        finding
    }
}

/// Somebody wants it so.
fn disabled(seen: &Seen) -> Finding {
    let words = seen.disabled.as_ref().map(standing::disabled_words);
    let until = seen.disabled.as_ref().and_then(|disabled| disabled.until);
    let until = until.map(|until| format!(" until {}", units::date_of(until)));
    Finding::fine(&seen.peer.id, words.unwrap_or_else(|| "disabled".to_owned())).alike(&format!(
        "disabled by an administrator{}",
        until.unwrap_or_default()
    ))
}

fn told(site: &Site, seen: &Seen, status: &Status) -> Vec<Finding> {
    let id = &seen.peer.id;
    let why = format!("loncctl why {id}");
    let mut findings = Vec::new();
    if status.disabled.is_some() {
        findings.push(disabled(seen));
    }
    findings.extend(seen.not_yet().map(|notice| {
        Finding::doubt(id, notice, format!("loncctl reload {id}")).alike("goes by what was said before")
    }));
    findings.extend(refused_reload(id, status));
    // A daemon in a sandbox of old may not see the directory.
    findings.extend(match &status.displaced {
        Some(displaced) => Some(Finding::wrong(id, words::safe(&displaced.text), why.clone())),
        None => displaced(site, &seen.peer),
    });
    if let Some(delayed) = status
        .delayed
        .filter(|delayed| delayed.failed.max(delayed.held) > 0)
    {
        let text = format!(
            "{} in failed/, {} held",
            units::count(delayed.failed, "message"),
            delayed.held
        );
        findings.push(Finding::doubt(
            id,
            text,
            format!("loncctl spool list {id}; then spool show, and spool retry or spool delete"),
        ));
    }
    if status.counters.not_stored > 0 {
        let count = units::count(status.counters.not_stored, "critical request");
        findings.push(Finding::doubt(
            id,
            format!("{count} answered con_failed since its start: neither sent nor stored"),
            format!(
                "The disk of the spool, its rights: journalctl -u lonc@{id} MESSAGE_ID={}",
                message::NOT_STORED
            ),
        ));
    }
    if status.version != env!("CARGO_PKG_VERSION") {
        let text = format!(
            "its daemon is version {}, installed is {}",
            status.version,
            env!("CARGO_PKG_VERSION")
        );
        findings.push(Finding::doubt(id, text, format!("systemctl restart lonc@{id}")));
    }
    findings
}

fn refused_reload(id: &HostId, status: &Status) -> Option<Finding> {
    let refused = status.refused_reload.as_ref()?;
    let (date, why) = (units::date(refused.date_usec), words::safe(&refused.text));
    let remedy =
        format!("Mend it there, then: loncctl reload {id}. Until then it goes by what was said before");
    let finding = Finding::doubt(id, format!("a reload was refused at {date}: {why}"), remedy);
    Some(finding.alike(&format!("a reload was refused: {why}")))
}

/// Whether another's socket, or nothing, stands where systemd listens for a daemon that does not say so itself.
fn displaced(site: &Site, peer: &Peer) -> Option<Finding> {
    let path = site.socket(&peer.id);
    let record = record::read(Path::new(record::DIRECTORY), &peer.id).ok()?;
    if record.path != path || Identity::at(&path).is_ok_and(|now| now == record.file) {
        return None;
    }
    Some(usurped(&peer.id, &path, standing::about_displaced(&peer.id)))
}

fn not_started(site: &Site, peer: &Peer, queued: &HashSet<&HostId>) -> Vec<Finding> {
    if let Some(finding) = displaced(site, peer) {
        return vec![finding];
    }
    let may_wait = queued.contains(&peer.id);
    let waiting = may_wait.then(|| spool::waiting(site, peer)).flatten();
    let waiting = waiting.filter(|count| *count > 0);
    let doubt = waiting.map(|count| {
        Finding::doubt(
            &peer.id,
            format!(
                "not started, and {} to be sent",
                units::count(count, "delayed message")
            ),
            format!("loncctl ping {} starts it", peer.id),
        )
    });
    doubt.into_iter().collect()
}
