//! `loncctl check`: what is wrong on this host, and what to do about it.

mod daemons;
mod files;
mod finding;
mod limits;
mod loncron;
mod moving;
mod names;
mod network;
mod secured;
mod settings;
mod sight;
mod unit;

use std::path::Path;
use std::time::Duration;

use self::finding::{Finding, Report};
pub(super) use self::loncron::Unnamed;
use super::outcome::{Exit, Fault};
use super::screen::{self, Screen};
use super::site::Site;
use super::{arguments, peers, systemctl};
use crate::config::{self, ConfigError, DoubtKind, Peer};
use crate::standing::{Seen, Standing};
use crate::units;

/// Changed files are looked at after a few seconds; later where they change all the time.
const SOON: Duration = Duration::from_secs(60);

/// A summary, then what was found. Unlike other commands it goes on, as far as it makes sense, where the configuration has
/// a fault.
pub(super) async fn run(file: &Path, arguments: &arguments::Check, screen: Screen) -> Result<Exit, Fault> {
    let (site, _) = Site::with_notice(file);
    let peers = match &arguments.peer {
        Some(peer) => vec![site.peer(peer)?],
        None => site.peers.peers.clone(),
    };
    let mut report = Report::default();
    report.add(match &site.fault {
        Some(fault) => {
            let remedy =
                "Mend it there; lonc.toml(5) has all keys. Daemons that run go on with what they have";
            faulty(&"configuration", fault, remedy).collect()
        }
        None => configuration(&site, &peers),
    });
    let seen = site.look(&peers, arguments.timeout).await;
    let summary = summary(&seen);
    let (mut all, others) = moving::apart(seen);
    report.add(moving::progress(&site, &all, &others));
    let unnamed = Unnamed::find(&site);
    let is_ready = unnamed.is_none() && !site.peers.host_id.is_nobody();
    if !is_ready {
        // Nobody is to listen for them yet; and without its own id this host is one of them.
        all.retain(|seen| seen.standing != Standing::Off);
    }
    let peers: Vec<_> = all.iter().map(|seen| seen.peer.clone()).collect();
    if is_ready {
        report.add(files::sockets(&site, &all));
    }
    // A takeover starts what is missing, and nobody is to before that.
    if is_ready && (!all.is_empty() || others.is_empty()) {
        report.add(daemons::units(&site, &all));
    }
    report.add(names::aliases(&site, &peers));
    report.add(files::spool(&site, &peers));
    report.add(sight::daemons(&site, &peers));
    report.add(secured::all(&site, &peers));
    report.add(limits::all(&site, &peers));
    report.add(unnamed.map_or_else(
        || loncron::all(&site, !others.is_empty()),
        |first| vec![first.finding()],
    ));
    report.add(daemons::answers(&site, &all));
    report.add(settings::all(&site, &all, arguments.timeout).await);
    report.add(network::all(&site, &all, arguments.timeout).await);
    if arguments.json {
        screen::print_json(&report.json(&summary))?;
    } else {
        report.print(&summary, screen)?;
    }
    Ok(report.exit().max(site.exit()))
}

/// How many peers stand how.
fn summary(all: &[Seen]) -> String {
    let count = |standing: Standing| all.iter().filter(|seen| seen.standing == standing).count();
    let counts = Standing::ALL
        .into_iter()
        .map(|standing| (count(standing), standing.name()));
    let counts: Vec<_> = counts
        .filter(|(count, _)| *count > 0)
        .map(|(count, name)| format!("{count} {name}"))
        .collect();
    let number = units::count(all.len(), "peer");
    if counts.is_empty() {
        number
    } else {
        format!("{number}: {}", counts.join(", "))
    }
}

/// What lonc-hosts.service found when it looked last. Files that were changed since it is about to look at.
fn held(site: &Site) -> Option<Finding> {
    let held = peers::held(&site.config)?;
    match held.changed.map(|changed| changed.elapsed()) {
        None => Some(Finding::wrong(
            &"peers",
            held.to_string(),
            "loncctl peers; peers accept in loncctl(8)",
        )),
        Some(Ok(since)) if since > SOON => Some(Finding::doubt(
            &"peers",
            held.to_string(),
            "systemctl start lonc-hosts.service looks at them; else nothing of them is followed",
        )),
        Some(_) => None,
    }
}

fn faulty(subject: &impl ToString, fault: &ConfigError, remedy: &str) -> impl Iterator<Item = Finding> {
    fault.each().iter().map(move |fault| {
        if fault.is_denied() {
            Finding::unseen(subject, fault.to_string())
        } else {
            Finding::wrong(subject, fault.to_string(), remedy)
        }
    })
}

fn configuration(site: &Site, peers: &[Peer]) -> Vec<Finding> {
    let mend = "Mend it there, or name another table by hosts_tab; lonc.toml(5) has all keys";
    let warning = |warning: &String| Finding::doubt(&"hosts.tab", warning, mend);
    let mut findings: Vec<_> = site.peers.warnings.iter().map(warning).collect();
    if let Some(doubt) = site
        .peers
        .doubt
        .as_ref()
        .filter(|doubt| doubt.kind != DoubtKind::Unread)
    {
        let remedy = "Mend it: until then no peer is removed, and none goes to another address";
        findings.push(Finding::doubt(&"hosts.tab", doubt.why.clone(), remedy));
    }
    findings.extend(held(site));
    // Sections of other peers matter only if all are looked at.
    let checked = match peers {
        [only] => config::check(&site.config, Some(&only.id)),
        _ => config::check(&site.config, None),
    };
    let subject = site.config.display();
    if let Err(fault) = &checked {
        findings.extend(faulty(&subject, fault, mend));
        return findings;
    }
    findings.push(match () {
        () if peers.is_empty() => Finding::wrong(
            &subject,
            "there are no peers",
            "Name them in hosts.tab, or as [peer.<id>] in lonc.toml",
        ),
        () => Finding::fine(
            &subject,
            format!(
                "sound; this host is {}, with {}",
                site.peers.host_id,
                units::count(peers.len(), "peer")
            ),
        ),
    });
    findings
}
