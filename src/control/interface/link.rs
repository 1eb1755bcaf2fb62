//! Links: what they are at, why they are there, what went wrong on them.

use serde::{Deserialize, Serialize};

use super::tls::TlsReason;

/// What a link is at, or how far one came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LinkState {
    /// Looking up the name.
    Lookup,
    /// Connecting.
    Connect,
    /// Securing the connection.
    Tls,
    /// Waiting for the challenge.
    Init,
    /// Waiting for lond to take the challenge.
    Challenge,
    /// Waiting for the answer to `sethost`.
    Sethost,
    /// Waiting for lond's version.
    Version,
    /// Waiting for lond's name.
    Pong,
    /// Waiting for the key.
    Ekey,
    /// Open.
    Up,
    /// Open, and to be closed once nothing is in flight on it.
    Retiring,
    /// Backing off before the next try.
    Waiting,
}

/// What ended a link or a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TroubleKind {
    /// The name has no address.
    Lookup,
    /// Nothing listens there.
    Refused,
    /// There is no way to the host.
    Unreachable,
    /// The host does not answer.
    ConnectTimeout,
    /// Another failure to connect.
    Connect,
    /// The connection could not be secured, or is so no longer.
    Tls,
    /// lond closed the connection during the handshake.
    ClosedInHandshake,
    /// lond closed the link.
    Closed,
    /// The connection broke.
    Broken,
    /// A step of the handshake was refused.
    Rejected,
    /// A step of the handshake was not answered in time.
    StepTimeout,
    /// lond broke the protocol.
    Protocol,
    /// No reply in time to a request.
    ReplyTimeout,
    /// No reply in time to the probe of an idle link.
    ProbeTimeout,
    /// Nothing is heard of the host any more while requests wait.
    PathDead,
    /// This instance stops.
    Stopped,
}

/// Why a link ended, or could not be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// Stable, for programs.
    pub kind: TroubleKind,
    /// Where it was for want of TLS: why.
    pub tls: Option<TlsReason>,
    /// In words.
    pub text: String,
    /// How far it had come: up to [`LinkState::Up`].
    pub reached: LinkState,
    /// When.
    pub date_usec: u64,
}

/// Why a link was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// It is one of those that are kept open.
    Kept,
    /// Requests waited, and the other links were busy.
    Demand,
    /// It takes the place of a link to an address that the host has left, or that an operator wants replaced.
    Replacement,
    /// Somebody asked for a try while another one did not get on.
    Asked,
    /// Another try got no answer, and the host has more addresses than the one of that.
    Silence,
}

/// lond would not have one more link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refused {
    /// Why the try ended, in words.
    pub text: String,
    /// When.
    pub date_usec: u64,
    /// So many links were open then.
    pub open: usize,
    /// No other is tried before this.
    pub until_usec: u64,
}

/// One TCP link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Link {
    /// A small number.
    pub index: usize,
    /// What it is at.
    pub state: LinkState,
    /// Since when.
    pub since_usec: u64,
    /// The address it is connected to.
    pub remote: Option<String>,
    /// Requests and probes on it without their reply.
    pub in_flight: usize,
    /// Why it was opened.
    pub cause: Cause,
    /// So many requests are put on it at a time; missing before that is known.
    pub depth: Option<usize>,
    /// What lond takes for a request on it, on average.
    pub service_usec: Option<u64>,
    /// When the oldest in flight was put on it.
    pub oldest_usec: Option<u64>,
    /// The oldest in flight is slow: nothing is put behind it.
    pub stalled: bool,
    /// What whoever answers on it calls itself, if that is not the peer.
    pub other_host: Option<String>,
    /// Round trip.
    pub rtt_usec: Option<u64>,
    /// What went wrong last, also when it is up again.
    pub trouble: Option<Trouble>,
    /// Since when it is not up although it should be.
    pub failing_since_usec: Option<u64>,
    /// Tries that failed since then.
    pub failed_tries: u32,
    /// When the next try begins, if it backs off.
    pub next_try_usec: Option<u64>,
}

impl Link {
    /// True if a request may be in flight on it.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, LinkState::Up | LinkState::Retiring)
    }
}
