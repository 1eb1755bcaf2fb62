//! `loncctl check`: what is wrong on this host, and what to do about it.

mod daemons;
mod files;
mod finding;
mod limits;
mod loncron;
mod moving;
mod names;
mod network;
mod sight;

use std::path::Path;

use self::finding::{Finding, Report};
use super::outcome::{Exit, Fault};
use super::screen::{self, Screen};
use super::site::Site;
use super::{arguments, peers, systemctl};
use crate::config::{self, ConfigError, DoubtKind, Peer};
use crate::standing::{Seen, Standing};
use crate::units;

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
        Some(fault) => faulty(fault),
        None => configuration(&site, &peers),
    });
    let (peers, findings) = moving::ours(&site, &peers);
    report.add(findings);
    let all = site.look(&peers, arguments.timeout).await;
    report.add(files::sockets(&site, &all));
    report.add(names::aliases(&site, &peers));
    report.add(files::spool(&site, &peers));
    report.add(sight::daemons(&site, &peers));
    report.add(limits::all(&site, &peers));
    report.add(daemons::units(&site, &all));
    report.add(loncron::all(&site));
    report.add(daemons::answers(&site, &all));
    report.add(network::all(&site, &all, arguments.timeout).await);
    let summary = summary(&all);
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

fn faulty(fault: &ConfigError) -> Vec<Finding> {
    let remedy = "Mend it there; lonc.toml(5) has all keys. Daemons that run go on with what they have";
    let finding = |fault: &ConfigError| {
        if fault.is_denied() {
            Finding::unseen(&"configuration", fault.to_string())
        } else {
            Finding::wrong(&"configuration", fault.to_string(), remedy)
        }
    };
    fault.each().iter().map(finding).collect()
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
    findings.extend(
        peers::held().map(|why| Finding::wrong(&"peers", why, "loncctl peers; peers accept in loncctl(8)")),
    );
    // Sections of other peers matter only if all are looked at.
    let checked = match peers {
        [only] => config::check(&site.config, Some(&only.id)),
        _ => config::check(&site.config, None),
    };
    let subject = site.config.display();
    if let Err(fault) = &checked {
        let wrong = |fault: &ConfigError| Finding::wrong(&subject, fault.to_string(), mend);
        findings.extend(fault.each().iter().map(wrong));
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
