//! Names and ports of the peers; of those that are up, only whether they are who they should be.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Finding;
use crate::config::Peer;
use crate::control::interface::State;
use crate::ctl::ping::Pong;
use crate::ctl::site::Site;
use crate::standing::Answer;
use crate::units;

/// Tries all peers at the same time, each name and each address for `limit` at most.
pub(super) async fn all(site: &Site, peers: &[Peer], answers: &[Answer], limit: Duration) -> Vec<Finding> {
    let mut trying = JoinSet::new();
    for (index, (peer, answer)) in peers.iter().zip(answers).enumerate() {
        let (peer, socket) = (peer.clone(), site.socket(&peer.id));
        let is_up = answer
            .as_ref()
            .is_ok_and(|status| status.state == State::Up && !status.draining);
        trying.spawn(async move {
            if is_up {
                (index, ping(&peer, socket, limit).await)
            } else {
                (index, find(&peer, limit).await)
            }
        });
    }
    let mut findings = trying.join_all().await;
    findings.sort_by_key(|(index, _)| *index);
    findings.into_iter().map(|(_, finding)| finding).collect()
}

/// Whether it is the right lond to which the link is up.
async fn ping(peer: &Peer, socket: PathBuf, limit: Duration) -> Finding {
    let pong = Pong::get(socket, limit).await;
    let why = format!("loncctl why {}", peer.id);
    match pong.complaint(&peer.id) {
        None => Finding::fine(&peer.id, "lond answers by this name"),
        Some(complaint) if pong.another(&peer.id).is_some() => Finding::wrong(&peer.id, complaint, why),
        Some(complaint) => Finding::doubt(&peer.id, complaint, why),
    }
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
                let usec = units::micros(begun.elapsed());
                return Finding::fine(
                    id,
                    format!("{} listens at {address}, {}", peer.address, units::brief(usec)),
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
