//! `loncctl check`: what is wrong on this host, and what to do about it.

mod daemons;
mod files;
mod loncron;
mod moving;
mod names;
mod network;
mod sight;

use std::path::Path;

use super::outcome::{Exit, Fault};
use super::screen::{self, Paint, Screen};
use super::site::Site;
use super::{arguments, peers, status, systemctl, words};
use crate::config::{self, DoubtKind, Peer};
use crate::units;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Fine,
    /// It may be meant to be so.
    Doubt,
    Wrong,
}

/// Something that was looked at.
struct Finding {
    weight: Weight,
    /// What was looked at; a peer or a file.
    subject: String,
    text: String,
    /// What to do.
    remedy: Option<String>,
}

impl Finding {
    fn fine(subject: &impl ToString, text: impl Into<String>) -> Self {
        Self {
            weight: Weight::Fine,
            subject: subject.to_string(),
            text: text.into(),
            remedy: None,
        }
    }

    fn doubt(subject: &impl ToString, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            weight: Weight::Doubt,
            remedy: Some(remedy.into()),
            ..Self::fine(subject, text)
        }
    }

    fn wrong(subject: &impl ToString, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            weight: Weight::Wrong,
            ..Self::doubt(subject, text, remedy)
        }
    }

    fn render(&self, screen: Screen) -> String {
        let (word, paint) = match self.weight {
            Weight::Fine => ("ok   ", Paint::Good),
            Weight::Doubt => ("doubt", Paint::Warning),
            Weight::Wrong => ("WRONG", Paint::Bad),
        };
        let (word, subject) = (screen.paint(word, paint), words::safe(&self.subject));
        let remedy = self
            .remedy
            .as_ref()
            .map(|remedy| format!("       -> {}\n", words::safe(remedy)));
        let text = words::safe(&self.text);
        format!("{word}  {subject}: {text}\n{}", remedy.unwrap_or_default())
    }
}

/// Prints each finding as it comes; ends by the worst. Unlike other commands it goes on, as far as it makes sense,
/// where the configuration has a fault.
pub(super) async fn run(file: &Path, arguments: &arguments::Check, screen: Screen) -> Result<Exit, Fault> {
    let mut report = Report {
        screen,
        worst: Weight::Fine,
    };
    let site = match Site::read(file) {
        Ok(site) => site,
        Err(Fault::Config(fault)) => {
            let remedy =
                "Mend it there; lonc.toml(5) has all keys. Daemons that run go on with what they have";
            report.add(&[Finding::wrong(&"configuration", fault.to_string(), remedy)])?;
            return Ok(Exit::Config);
        }
        Err(fault) => return Err(fault),
    };
    let peers = match &arguments.peer {
        Some(peer) => vec![site.peer(peer)?],
        None => site.peers.peers.clone(),
    };
    report.add(&configuration(&site, &peers))?;
    let (peers, findings) = moving::ours(&site, &peers);
    report.add(&findings)?;
    report.add(&files::sockets(&site, &peers))?;
    report.add(&names::aliases(&site, &peers))?;
    report.add(&files::spool(&site, &peers))?;
    report.add(&sight::daemons(&site, &peers))?;
    report.add(&daemons::units(&site, &peers))?;
    report.add(&loncron::all(&site))?;
    let answers = status::ask(&site, &peers, arguments.timeout).await;
    report.add(&daemons::answers(&site, &peers, &answers))?;
    report.add(&network::all(&site, &peers, &answers, arguments.timeout).await)?;
    Ok(match report.worst {
        Weight::Fine => Exit::Fine,
        Weight::Doubt => Exit::Amiss,
        Weight::Wrong => Exit::Broken,
    })
}

struct Report {
    screen: Screen,
    worst: Weight,
}

impl Report {
    fn add(&mut self, findings: &[Finding]) -> Result<(), Fault> {
        for finding in findings {
            self.worst = self.worst.max(finding.weight);
            screen::print(&finding.render(self.screen))?;
        }
        Ok(())
    }
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
    findings.push(match checked {
        Err(fault) => Finding::wrong(&subject, fault.to_string(), mend),
        Ok(_) if peers.is_empty() => Finding::wrong(
            &subject,
            "there are no peers",
            "Name them in hosts.tab, or as [peer.<id>] in lonc.toml",
        ),
        Ok(_) => Finding::fine(
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
