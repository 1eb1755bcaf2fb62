//! The remote hosts, each once: what its daemon says of it, or whether its lond can be reached.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Finding;
use super::finding::Weight;
use crate::config::{Address, Peer};
use crate::control::interface::{Status, TroubleKind};
use crate::ctl::ping::Pong;
use crate::ctl::site::Site;
use crate::ctl::words;
use crate::standing::{Seen, Standing, account};
use crate::units;

/// Tries all peers at the same time, each name and each address for `limit` at most.
pub(super) async fn all(site: &Site, all: &[Seen], limit: Duration) -> Vec<Finding> {
    let mut trying = JoinSet::new();
    let mut findings = Vec::new();
    for (index, seen) in all.iter().enumerate() {
        let (peer, socket) = (seen.peer.clone(), site.socket(&seen.peer.id));
        match (seen.status(), seen.standing) {
            (Some(status), Standing::Up) => {
                let text = words::safe(&status.text);
                trying.spawn(async move { (index, ping(&peer, socket, text, limit).await) });
            }
            (Some(status), Standing::Down | Standing::Connecting | Standing::Stuck) => {
                findings.push((index, told(seen, status)));
            }
            // What is displaced, about to end, or off, is told of as this host's.
            (Some(_), Standing::Draining | Standing::Displaced) | (_, Standing::Disabled | Standing::Off) => {
            }
            (Some(_), _) | (None, Standing::NotStarted) if seen.peer.address != Address::unknown() => {
                let word = seen.standing.name();
                trying.spawn(async move { (index, find(&peer, word, limit).await) });
            }
            _ => {}
        }
    }
    findings.extend(trying.join_all().await);
    findings.sort_by_key(|(index, _)| *index);
    let mut findings: Vec<_> = findings.into_iter().map(|(_, finding)| finding).collect();
    findings.extend(none_is_reached(&findings));
    findings
}

/// Where no host can be reached at all it is hardly all of them.
fn none_is_reached(findings: &[Finding]) -> Option<Finding> {
    let is_all = findings.len() > 2 && findings.iter().all(|finding| finding.weight == Weight::Wrong);
    is_all.then(|| {
        Finding::doubt(
            &"network",
            "none of the remote hosts can be reached",
            "Look at this host's network first: ip addr, ip route, the name server, its own firewall",
        )
    })
}

/// What the daemon says that tries all the time.
fn told(seen: &Seen, status: &Status) -> Finding {
    let id = &seen.peer.id;
    let word = seen.standing.name();
    let remedy = format!("loncctl why {id}");
    let error = status.last_error.as_deref().unwrap_or("no link yet");
    if seen.standing == Standing::Stuck {
        let now = status.taken_usec;
        let since = status.silent_since_usec.unwrap_or(now);
        let span = units::between(since, now);
        let text = format!("{word}: the link is up, and lond has answered nothing for {span}");
        return Finding::wrong(id, text, remedy).remote().alike(STUCK);
    }
    let text = format!("{word}: {error}");
    if seen.standing == Standing::Connecting {
        return Finding::doubt(id, text, remedy).remote().alike(word);
    }
    let trouble = account::telling(status).and_then(|link| link.trouble.as_ref());
    let cause = trouble.map_or("no link", |trouble| cause(trouble.kind));
    let finding = Finding::wrong(id, text, remedy);
    finding.remote().alike(&format!("{word}: {cause}"))
}

const STUCK: &str = "stuck: the link is up, and lond answers nothing";

/// Without names and addresses, so that hosts that fail alike can be told of together.
fn cause(kind: TroubleKind) -> &'static str {
    match kind {
        TroubleKind::Lookup => "the name has no address",
        TroubleKind::Refused => "nothing listens at lond's port",
        TroubleKind::Unreachable => "there is no way to the host",
        TroubleKind::ConnectTimeout => "the host does not answer",
        TroubleKind::Connect => "cannot connect",
        TroubleKind::Tls => "the link cannot be secured (TLS)",
        TroubleKind::ClosedInHandshake => "lond closes while the link is opened",
        TroubleKind::Closed | TroubleKind::Broken => "the link was lost",
        TroubleKind::Rejected => "lond does not take us",
        TroubleKind::StepTimeout => "lond does not answer while the link is opened",
        TroubleKind::Protocol => "what answers there breaks the protocol",
        TroubleKind::ReplyTimeout => "lond did not answer a request in time",
        TroubleKind::ProbeTimeout => "lond did not answer a ping in time",
        TroubleKind::PathDead => "nothing is heard of the host any more",
        TroubleKind::Stopped => "stopped",
    }
}

/// Whether it is the right lond to which the link is up.
async fn ping(peer: &Peer, socket: PathBuf, text: String, limit: Duration) -> Finding {
    let pong = Pong::get(socket, limit).await;
    let id = &peer.id;
    let why = format!("loncctl why {id}");
    match pong.complaint(id) {
        None => Finding::fine(id, format!("{text}; lond answers by this name"))
            .remote()
            .alike("up, and lond answers by its name"),
        Some(_) if pong.is_denied() => {
            let unseen = Finding::unseen(
                id,
                format!("{text}; lond was not asked: you may not send requests"),
            );
            unseen
                .remote()
                .alike("up; lond was not asked: you may not send requests")
        }
        // The address is written here.
        Some(complaint) if pong.another(id).is_some() => Finding::wrong(id, complaint, why),
        Some(complaint) if pong.is_late() => Finding::wrong(
            id,
            format!("stuck: the link is up, and lond gives {complaint}"),
            why,
        )
        .remote()
        .alike(STUCK),
        Some(complaint) => Finding::doubt(id, complaint, why).remote(),
    }
}

/// Whether anybody listens where the peer's lond should; `word` is how the peer stands.
async fn find(peer: &Peer, word: &str, limit: Duration) -> Finding {
    let (id, host, port) = (&peer.id, peer.address.host.as_str(), peer.address.port);
    let mend = format!(
        "getent hosts {host}; if the name is wrong: hosts.tab, or address in [peer.{id}] of lonc.toml"
    );
    let unknown = |text: String| {
        Finding::wrong(id, text, mend.clone())
            .remote()
            .alike(cause(TroubleKind::Lookup))
    };
    let addresses: Vec<SocketAddr> = match timeout(limit, lookup_host((host, port))).await {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(fault)) => return unknown(format!("name lookup of {host} failed: {fault}")),
        Err(_) => return unknown(format!("name lookup of {host}: no answer in time")),
    };
    let (mut faults, mut kind) = (Vec::new(), TroubleKind::Connect);
    for address in addresses {
        let begun = Instant::now();
        // lond takes note of a caller that goes without a word, and no harm.
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(_)) => {
                let usec = units::micros(begun.elapsed());
                let text = format!(
                    "{word}; {} listens at {address}, {}",
                    peer.address,
                    units::round_trip(usec)
                );
                return Finding::fine(id, text)
                    .remote()
                    .alike(&format!("{word}; its lond listens"));
            }
            Ok(Err(fault)) => {
                kind = kind_of(&fault);
                faults.push(format!("{address}: {fault}"));
            }
            Err(_) => {
                kind = TroubleKind::ConnectTimeout;
                faults.push(format!("{address}: no answer in time"));
            }
        }
    }
    if faults.is_empty() {
        return unknown(format!("{host} has no address"));
    }
    let finding = Finding::wrong(
        id,
        format!(
            "{word}; cannot connect to {}: {}",
            peer.address,
            faults.join("; ")
        ),
        format!("Does lond run on {id}, and does a firewall let us through to port {port}?"),
    );
    finding.remote().alike(&format!("{word}; {}", cause(kind)))
}

fn kind_of(fault: &io::Error) -> TroubleKind {
    let is = |kind| fault.kind() == kind;
    if is(ErrorKind::ConnectionRefused) {
        TroubleKind::Refused
    } else if is(ErrorKind::HostUnreachable) || is(ErrorKind::NetworkUnreachable) {
        TroubleKind::Unreachable
    } else if is(ErrorKind::TimedOut) {
        TroubleKind::ConnectTimeout
    } else {
        TroubleKind::Connect
    }
}
