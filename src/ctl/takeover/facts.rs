//! What there is on this host, looked at.

use std::net::IpAddr;

use super::hands::Hands;
use super::plan::{Facts, Found, Wish};
use super::sockets::Who;
use super::step::Unit;
use crate::config::{HostId, Peer, TakenOver};
use crate::ctl::systemctl;

/// Looks at all that matters for `wish`. Who listens is asked only of those: to ask is to start the daemon.
pub(super) fn gather(hands: &Hands<'_>, wish: &Wish) -> Result<Facts, String> {
    let (taken_over, warnings) = TakenOver::read(&hands.site.config);
    if let Some(warning) = warnings.into_iter().next() {
        return Err(warning);
    }
    let all = &hands.site.peers.peers;
    let active = active(all)?;
    let wished = |id: &HostId| wish.peers.as_ref().is_none_or(|peers| peers.contains(id));
    let wished_hosts: Vec<_> = all
        .iter()
        .filter(|peer| wished(&peer.id))
        .filter_map(host)
        .collect();
    let mut peers = Vec::new();
    for peer in all {
        let mut found = named(peer, &peers, all);
        let is_with_them = found
            .host
            .as_ref()
            .is_some_and(|host| wished_hosts.contains(host));
        let may_be_ours = taken_over == TakenOver::All && active.contains(&peer.id);
        if wished(&peer.id) || is_with_them || may_be_ours {
            look(hands, &mut found)?;
        }
        peers.push(found);
    }
    Ok(Facts {
        taken_over,
        peers,
        active,
        missing_drop_ins: hands.drop_ins.missing(),
        program: hands.perl.program(),
        is_original_kept: hands.perl.is_original_kept(),
        is_perl_running: hands.perl.process().is_some(),
        has_stand_in: hands.perl.has_stand_in(),
        target: unit("lonc.target")?,
        usr1: unit("lonc-usr1.service")?,
    })
}

/// The names of its sockets; `before` are those peers that come first.
fn named(peer: &Peer, before: &[Found], all: &[Peer]) -> Found {
    let host = host(peer);
    let is_id = |name: &String| all.iter().any(|other| other.id.as_ref() == name);
    let is_first = before.iter().all(|other| other.host != host);
    let second = host.clone().filter(|name| is_first && !is_id(name));
    Found {
        id: peer.id.clone(),
        names: std::iter::once(peer.id.to_string()).chain(second).collect(),
        host,
        is_ours: false,
        is_theirs: false,
        is_kept: false,
    }
}

/// The name of the peer's host, which is that of its socket for workers of today.
fn host(peer: &Peer) -> Option<String> {
    let name = peer.address.alternative.as_ref().unwrap_or(&peer.address.host);
    let is_name = name.parse::<IpAddr>().is_err() && !name.starts_with('.') && !name.contains('/');
    is_name.then(|| name.clone())
}

fn look(hands: &Hands<'_>, found: &mut Found) -> Result<(), String> {
    for (index, name) in found.names.iter().enumerate() {
        let who = hands.sockets.who(name)?;
        found.is_ours |= index == 0 && who == Who::Ours;
        found.is_theirs |= who == Who::Other;
        found.is_kept |= hands.sockets.is_kept(name)?;
    }
    Ok(())
}

fn active(peers: &[Peer]) -> Result<Vec<HostId>, String> {
    if peers.is_empty() {
        return Ok(Vec::new());
    }
    let units: Vec<_> = peers
        .iter()
        .map(|peer| format!("lonc@{}.socket", peer.id))
        .collect();
    let states = systemctl::ask("is-active", &units)?;
    let pairs = peers.iter().zip(states.lines());
    let active = pairs.filter(|(_, state)| *state == "active");
    Ok(active.map(|(peer, _)| peer.id.clone()).collect())
}

fn unit(name: &'static str) -> Result<Unit, String> {
    let is = |verb, word: &str| systemctl::ask(verb, &[name.to_owned()]).map(|said| said.trim() == word);
    Ok(Unit {
        name,
        is_active: is("is-active", "active")?,
        is_enabled: is("is-enabled", "enabled")?,
    })
}
