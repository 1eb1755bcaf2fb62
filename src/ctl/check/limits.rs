//! Limits of the system that many peers could reach.

use std::fs;

use super::{Finding, systemctl};
use crate::config::{self, Peer};
use crate::ctl::site::Site;

/// Directories on the way to the spool that each daemon watches, about.
const WATCHES: u64 = 16;
/// Descriptors of a daemon beside those of its clients: links, messages, the log.
const OWN_FILES: u64 = 128;

/// All of them; those that cannot be read are no limits.
pub(super) fn all(site: &Site, peers: &[Peer]) -> Vec<Finding> {
    let num_peers = peers.len() as u64;
    let needed = [
        ("max_user_instances", num_peers),
        ("max_user_watches", WATCHES * num_peers),
    ];
    let mut findings: Vec<_> = needed
        .into_iter()
        .filter_map(|(name, needed)| inotify(name, needed))
        .collect();
    findings.extend(files(site, peers));
    findings
}

/// Each daemon has one instance, all of the same user.
fn inotify(name: &str, needed: u64) -> Option<Finding> {
    let limit = number(&format!("fs/inotify/{name}"))?;
    let key = format!("fs.inotify.{name}");
    (limit < needed).then(|| {
        let text = format!(
            "is {limit}, and the daemons of all peers need {needed}: without, what workers leave in the spool is found late"
        );
        let remedy = format!(
            "sysctl -w {key}={needed}, and the same line in /etc/sysctl.d; what the package has is set by systemctl restart \
             systemd-sysctl"
        );
        Finding::doubt(&key, text, remedy)
    })
}

/// Whether a daemon may open as many files as it may have clients, and the system as many as all of them.
fn files(site: &Site, peers: &[Peer]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let Some(first) = peers.first() else {
        return findings;
    };
    let Ok(settings) = config::settings_of(&site.config, &first.id) else {
        return findings;
    };
    let needed = settings.client.max_clients as u64 + OWN_FILES;
    let unit = format!("lonc@{}.service", first.id);
    let limit = systemctl::property(&unit, "LimitNOFILE").and_then(|limit| limit.parse::<u64>().ok());
    if let Some(limit) = limit.filter(|limit| *limit < needed) {
        findings.push(Finding::doubt(
            &unit,
            format!("may open {limit} files, and client.max_clients asks for {needed}"),
            "LimitNOFILE= in a drop-in of lonc@.service, or a lower client.max_clients",
        ));
    }
    if let Some(limit) = number("fs/file-max").filter(|limit| *limit < needed) {
        findings.push(Finding::doubt(
            &"fs.file-max",
            format!("is {limit}, and client.max_clients of one daemon asks for {needed}"),
            format!("sysctl -w fs.file-max={}", needed.saturating_mul(2)),
        ));
    }
    findings
}

fn number(file: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/sys/{file}")).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_too_low_is_told_with_what_is_needed() {
        assert!(inotify("max_user_instances", 1).is_none());
        assert!(inotify("no_such_limit", u64::MAX).is_none());
        assert!(inotify("max_user_instances", u64::MAX).is_some());
    }
}
