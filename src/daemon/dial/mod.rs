//! Opens the TCP connection to a peer that may have several addresses. Names are looked up anew each time; the addresses
//! take turns ([`Addresses`]) and are tried staggered, as in RFC 8305, so that one which does not answer costs a moment.

mod addresses;

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use lonc_proto::session::{ConnectFault, LinkError, Others};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub(crate) use self::addresses::Addresses;
use crate::config::Address;

/// The next address is tried so long after the one before, or at once if that fails (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);
/// Most addresses in one try, which so is over in [`STAGGER`] times that many and the patience for the last one.
const MOST_TRIED: usize = 16;

/// What to try, in this order.
pub(crate) struct Route {
    steps: VecDeque<Step>,
    /// The addresses that are, or were, among the steps.
    seen: Vec<SocketAddr>,
    /// A name is still to be looked up.
    is_open: bool,
    addresses: Addresses,
    /// For each step.
    patience: Duration,
}

/// A connection, and what is known of the way to it.
#[derive(Debug)]
pub(crate) struct Dialed {
    pub(crate) stream: TcpStream,
    pub(crate) remote: SocketAddr,
    /// If nothing comes of it, one of these may do better.
    pub(crate) others: Others,
}

enum Step {
    Connect(SocketAddr),
    /// Looks this name up, for more addresses with this port.
    LookUp(String, u16),
}

/// What came of a step.
enum Outcome {
    Connected(TcpStream, SocketAddr),
    Unreachable(SocketAddr, io::Error),
    Found(Vec<SocketAddr>),
    NotFound(LinkError),
}

/// Looks up where a peer is; `patience` is for this, and for each step of what follows from it.
///
/// The alternative name is left to the end of the route, and not looked up where nothing fails; unless all else has
/// failed before.
pub(crate) async fn look_up(
    address: Address,
    addresses: Addresses,
    patience: Duration,
) -> Result<Route, LinkError> {
    let Address {
        host,
        alternative,
        port,
    } = address;
    let mut found = resolve(&host, port, patience).await?;
    let mut later = alternative;
    if found.iter().all(|one| addresses.has_failed(one))
        && let Some(name) = later.take()
    {
        // What is known will do if it has none.
        found.extend(resolve(&name, port, patience).await.unwrap_or_default());
    }
    let mut route = Route {
        steps: VecDeque::new(),
        seen: Vec::new(),
        is_open: later.is_some(),
        addresses,
        patience,
    };
    route.add(&found);
    route.steps.extend(later.map(|name| Step::LookUp(name, port)));
    Ok(route)
}

/// All that a peer's names stand for now; nothing if that cannot be said of each of them.
pub(crate) async fn whereabouts(address: Address, patience: Duration) -> Option<Vec<IpAddr>> {
    let mut found = Vec::new();
    for name in [Some(address.host), address.alternative].into_iter().flatten() {
        found.extend(resolve(&name, address.port, patience).await.ok()?);
    }
    Some(found.iter().map(SocketAddr::ip).collect())
}

impl Route {
    /// Tries all of it, as many addresses at a time as do not answer soon; gives the first that can be connected to.
    pub(crate) async fn connect(mut self) -> Result<Dialed, LinkError> {
        let mut trying = JoinSet::new();
        let mut failures = Failures::default();
        loop {
            if let Some(step) = self.steps.pop_front() {
                trying.spawn(step.take(self.patience));
            }
            let outcome = tokio::select! {
                outcome = trying.join_next() => outcome,
                () = sleep(STAGGER), if !self.steps.is_empty() => continue,
            };
            match outcome {
                Some(Ok(Outcome::Connected(stream, remote))) => {
                    let others = self.others(remote, &failures);
                    return Ok(Dialed {
                        stream,
                        remote,
                        others,
                    });
                }
                Some(Ok(Outcome::Unreachable(address, error))) => failures.add(address, &error),
                Some(Ok(Outcome::Found(found))) => {
                    self.is_open = false;
                    self.add(&found);
                }
                Some(Ok(Outcome::NotFound(error))) => {
                    self.is_open = false;
                    failures.texts.push(error.to_string());
                }
                // A step that panics has nothing to tell.
                Some(Err(_)) => {}
                None => return Err(failures.into_error()),
            }
        }
    }

    /// The addresses besides this one that have not failed now, be it only that they are slow.
    fn others(&self, reached: SocketAddr, failures: &Failures) -> Others {
        let is_other = |one: &&SocketAddr| **one != reached && !failures.addresses.contains(one);
        let is_untried = |one: &SocketAddr| !self.addresses.has_failed(one);
        let others = || self.seen.iter().filter(is_other);
        Others {
            num: others().count() + usize::from(self.is_open),
            // Each address is the reason for this once.
            any_untried: is_untried(&reached) && (self.is_open || others().any(is_untried)),
        }
    }

    /// Adds what of these is not there yet.
    fn add(&mut self, found: &[SocketAddr]) {
        for address in self.addresses.order(found) {
            let is_there = self.seen.contains(&address);
            if !is_there && self.seen.len() < MOST_TRIED {
                self.seen.push(address);
                self.steps.push_back(Step::Connect(address));
            }
        }
    }
}

impl Step {
    async fn take(self, patience: Duration) -> Outcome {
        match self {
            Self::Connect(address) => {
                let late = || io::Error::new(ErrorKind::TimedOut, "no answer in time");
                let connected = timeout(patience, TcpStream::connect(address)).await;
                match connected.unwrap_or_else(|_| Err(late())) {
                    Ok(stream) => Outcome::Connected(stream, address),
                    Err(error) => Outcome::Unreachable(address, error),
                }
            }
            Self::LookUp(name, port) => {
                let found = resolve(&name, port, patience).await;
                found.map_or_else(Outcome::NotFound, Outcome::Found)
            }
        }
    }
}

/// The addresses of a name, at least one. One that is an address already costs nothing.
async fn resolve(name: &str, port: u16, patience: Duration) -> Result<Vec<SocketAddr>, LinkError> {
    let fault = |error: String| LinkError::Lookup {
        name: name.to_owned(),
        error,
    };
    match timeout(patience, lookup_host((name, port))).await {
        Ok(Ok(found)) => {
            let found: Vec<_> = found.collect();
            if found.is_empty() {
                Err(fault("no address".to_owned()))
            } else {
                Ok(found)
            }
        }
        Ok(Err(error)) => Err(fault(error.to_string())),
        Err(_) => Err(fault("no answer in time".to_owned())),
    }
}

/// What the system said of each address.
#[derive(Default)]
struct Failures {
    addresses: Vec<SocketAddr>,
    texts: Vec<String>,
    fault: Option<ConnectFault>,
}

impl Failures {
    fn add(&mut self, address: SocketAddr, error: &io::Error) {
        self.addresses.push(address);
        self.texts.push(format!("{address}: {error}"));
        self.fault = self.fault.max(Some(connect_fault(error)));
    }

    fn into_error(self) -> LinkError {
        LinkError::Connect {
            fault: self.fault.unwrap_or(ConnectFault::Other),
            error: self.texts.join("; "),
        }
    }
}

fn connect_fault(error: &io::Error) -> ConnectFault {
    let faults = [
        (ErrorKind::ConnectionRefused, ConnectFault::Refused),
        (ErrorKind::HostUnreachable, ConnectFault::Unreachable),
        (ErrorKind::NetworkUnreachable, ConnectFault::Unreachable),
        (ErrorKind::TimedOut, ConnectFault::TimedOut),
    ];
    let known = faults.iter().find(|(kind, _)| *kind == error.kind());
    known.map_or(ConnectFault::Other, |(_, fault)| *fault)
}

#[cfg(test)]
mod tests;
