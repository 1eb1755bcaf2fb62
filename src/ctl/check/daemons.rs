//! The units, and what the daemons say.

use std::path::Path;

use super::{Finding, systemctl};
use crate::config::Peer;
use crate::control::client::CallError;
use crate::control::interface::{State, Status};
use crate::ctl::site::Site;
use crate::ctl::{spool, words};
use crate::socket::place::{self, Identity, Occupant};
use crate::socket::record;
use crate::standing::{self, Answer, Standing};
use crate::systemd;
use crate::units;

/// What systemd says, where it runs.
pub(super) fn units(site: &Site, peers: &[Peer]) -> Vec<Finding> {
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
    findings.extend(unit_of_each(site, peers, "socket"));
    findings.extend(unit_of_each(site, peers, "service"));
    findings
}

fn unit_of_each(site: &Site, peers: &[Peer], kind: &str) -> Vec<Finding> {
    let names: Vec<_> = peers
        .iter()
        .map(|peer| format!("lonc@{}.{kind}", peer.id))
        .collect();
    let states = systemctl::states("is-active", &names);
    let amiss = names
        .iter()
        .zip(peers)
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

/// What each daemon answers.
pub(super) fn answers(site: &Site, peers: &[Peer], answers: &[Answer]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let waiting = spool::Waiting::read(site, peers);
    for (peer, answer) in peers.iter().zip(answers) {
        match answer {
            Ok(status) => findings.extend(told(site, peer, status)),
            Err(CallError::NotStarted) => findings.push(not_started(site, peer, waiting.as_ref())),
            Err(fault) => {
                let remedy = standing::about(fault, &peer.id, &site.control(&peer.id));
                findings.push(if Standing::silent(fault) == Standing::Denied {
                    Finding::doubt(&peer.id, fault.to_string(), remedy)
                } else {
                    Finding::wrong(&peer.id, fault.to_string(), remedy)
                });
            }
        }
    }
    findings
}

fn told(site: &Site, peer: &Peer, status: &Status) -> Vec<Finding> {
    let id = &peer.id;
    let why = format!("loncctl why {id}");
    let error = status.last_error.as_deref().unwrap_or("no link yet");
    let mut findings = vec![match status.state {
        State::Up | State::Idle => Finding::fine(id, words::safe(&status.text)),
        State::Connecting => Finding::doubt(id, format!("connecting: {error}"), why.clone()),
        State::Down => Finding::wrong(id, format!("down: {error}"), why.clone()),
    }];
    // A daemon in a sandbox of old may not see the directory.
    findings.extend(match &status.displaced {
        Some(displaced) => Some(Finding::wrong(id, words::safe(&displaced.text), why.clone())),
        None => displaced(site, peer),
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
            format!("loncctl spool list {id}; then spool show, spool retry"),
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

/// Whether another's socket, or nothing, stands where systemd listens for a daemon that does not say so itself.
fn displaced(site: &Site, peer: &Peer) -> Option<Finding> {
    let path = site.socket(&peer.id);
    let record = record::read(Path::new(record::DIRECTORY), &peer.id).ok()?;
    if record.path != path || Identity::at(&path).is_ok_and(|now| now == record.file) {
        return None;
    }
    let who = place::occupant(&path).map_or_else(|fault| fault.to_string(), |found| found.to_string());
    Some(Finding::wrong(
        &peer.id,
        format!("{} is not our socket any more: {who}", path.display()),
        standing::about_displaced(&peer.id),
    ))
}

fn not_started(site: &Site, peer: &Peer, waiting: Option<&spool::Waiting>) -> Finding {
    if let Some(finding) = displaced(site, peer) {
        return finding;
    }
    let may_wait = waiting.is_some_and(|waiting| waiting.has(&peer.id));
    match may_wait.then(|| spool::waiting(site, peer)).flatten() {
        Some(count @ 1..) => Finding::doubt(
            &peer.id,
            format!(
                "not started, and {} to be sent",
                units::count(count, "delayed message")
            ),
            format!("loncctl ping {} starts it", peer.id),
        ),
        Some(0) | None => Finding::fine(&peer.id, "not started: nobody has asked for it yet"),
    }
}
