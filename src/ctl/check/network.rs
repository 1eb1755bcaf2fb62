//! Names and ports of the peers. Those that are up need no trying.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Finding;
use crate::config::Peer;
use crate::control::interface::State;
use crate::ctl::standing::Answer;
use crate::ctl::words;

/// Tries all peers at the same time, each name and each address for `limit` at most.
pub(super) async fn all(peers: &[Peer], answers: &[Answer], limit: Duration) -> Vec<Finding> {
    let is_up = |answer: &Answer| answer.as_ref().is_ok_and(|status| status.state == State::Up);
    let mut trying = JoinSet::new();
    for (index, (peer, _)) in peers
        .iter()
        .zip(answers)
        .filter(|(_, answer)| !is_up(answer))
        .enumerate()
    {
        let peer = peer.clone();
        trying.spawn(async move { (index, find(&peer, limit).await) });
    }
    let mut findings = trying.join_all().await;
    findings.sort_by_key(|(index, _)| *index);
    findings.into_iter().map(|(_, finding)| finding).collect()
}

async fn find(peer: &Peer, limit: Duration) -> Finding {
    let (id, host, port) = (&peer.id, peer.address.host.as_str(), peer.address.port);
    let mend = format!(
        "getent hosts {host}; if the name is wrong: hosts.tab, or address in [peer.{id}] of lonc.toml"
    );
    let addresses: Vec<SocketAddr> = match timeout(limit, lookup_host((host, port))).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(fault)) => return Finding::wrong(id, format!("name lookup of {host} failed: {fault}"), mend),
        Err(_) => return Finding::wrong(id, format!("name lookup of {host}: no answer in time"), mend),
    };
    let mut faults = Vec::new();
    for address in addresses {
        let begun = Instant::now();
        // lond takes note of a caller that goes without a word, and no harm.
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(_)) => {
                let usec = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
                return Finding::fine(
                    id,
                    format!("{} listens at {address}, {}", peer.address, words::brief(usec)),
                );
            }
            Ok(Err(fault)) => faults.push(format!("{address}: {fault}")),
            Err(_) => faults.push(format!("{address}: no answer in time")),
        }
    }
    if faults.is_empty() {
        return Finding::wrong(id, format!("{host} has no address"), mend);
    }
    Finding::wrong(
        id,
        format!("cannot connect to {}: {}", peer.address, faults.join("; ")),
        format!("Does lond run on {id}, and does a firewall let us through to port {port}?"),
    )
}
