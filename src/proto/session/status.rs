//! How things stand, for readers.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::error::{LinkError, TlsFault};
use super::ids::{ClientId, LinkId, MessageId};
use super::metrics::Histograms;
use super::trouble::Trouble;
use crate::handshake::Step;
use crate::time::Instant;

/// State of the peer, over all its links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The first try, or the link was just lost: requests wait up to `connect_wait`.
    Connecting,
    /// At least one link is open.
    Up,
    /// No link, and requests do not wait for one; tries go on.
    Down,
    /// No link, since nobody needs one; the next request opens one.
    Idle,
    /// No link and no tries, by an administrator's word; requests do not wait.
    Disabled,
}

impl State {
    /// True if requests are answered at once that there is no link.
    pub(super) fn refuses(self) -> bool {
        matches!(self, Self::Down | Self::Disabled)
    }
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Connecting => "connecting",
            Self::Up => "up",
            Self::Down => "down",
            Self::Idle => "idle",
            Self::Disabled => "disabled",
        })
    }
}

/// The addresses of the host besides the one that a try is connected to, without those that failed during this try.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Others {
    /// How many they are; a name that was not looked up yet is one.
    pub num: usize,
    /// Neither this address failed in its last opening nor did all of them: a failure is no reason to wait yet.
    pub any_untried: bool,
}

/// Why a link was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// How often each failure of TLS ended a try or a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TlsFailures([u64; TlsFault::ALL.len()]);

impl TlsFailures {
    pub(super) fn add(&mut self, fault: TlsFault) {
        if let Some(count) = self.0.get_mut(fault as usize) {
            *count += 1;
        }
    }

    /// Each of them and its count.
    pub fn iter(&self) -> impl Iterator<Item = (TlsFault, u64)> + '_ {
        TlsFault::ALL.into_iter().zip(self.0)
    }
}

/// What was counted since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Request lines of clients.
    pub requests: u64,
    /// Reply lines of lond, those to probes included.
    pub replies: u64,
    /// Requests answered `con_lost` or `con_failed` of which nothing was written.
    pub never_sent: u64,
    /// Requests answered so that were written.
    pub sent_no_reply: u64,
    /// Critical requests stored for later.
    pub delayed: u64,
    /// Critical requests answered `con_failed`: neither sent nor stored.
    pub not_stored: u64,
    /// Delayed messages answered.
    pub delivered: u64,
    /// Encrypted replies that could not be used.
    pub malformed: u64,
    /// Handshakes finished.
    pub links_opened: u64,
    /// Of these, those opened because requests waited.
    pub links_on_demand: u64,
    /// Of these, those opened to take another's place.
    pub links_replacing: u64,
    /// Links closed because they were not needed.
    pub links_retired: u64,
    /// Links that lond would not have beside those that were open.
    pub links_refused: u64,
    /// Tries that failed, those not counted.
    pub tries_failed: u64,
    /// Tries and links that ended for want of TLS, by reason.
    pub tls_failures: TlsFailures,
    /// Bytes written to lond.
    pub bytes_sent: u64,
    /// Bytes of lond's complete lines.
    pub bytes_received: u64,
}

/// How far the opening of a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The name is being looked up.
    Lookup,
    /// The addresses are being connected to.
    Connect,
}

/// What a link is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkState {
    /// Getting a connection.
    Opening(Stage),
    /// Waiting for lond's answer to this step of the handshake.
    Handshake(Step),
    /// Open.
    Up,
    /// Open, and to be closed once nothing is in flight on it.
    Retiring,
    /// Backing off before the next try.
    Waiting,
}

impl fmt::Display for LinkState {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opening(Stage::Lookup) => out.write_str("looking up the name"),
            Self::Opening(Stage::Connect) => out.write_str("connecting"),
            Self::Handshake(step) => write!(out, "in its handshake, asked {step}"),
            Self::Up => out.write_str("up"),
            Self::Retiring => out.write_str("retiring"),
            Self::Waiting => out.write_str("backing off"),
        }
    }
}

/// How one link stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkStatus {
    /// Which one.
    pub link: LinkId,
    /// What it is at.
    pub state: LinkState,
    /// Since when.
    pub since: Instant,
    /// Why it was opened.
    pub cause: Cause,
    /// What whoever answers on it calls itself, if that is not the peer; safe to log.
    pub other_host: Option<String>,
    /// Requests and probes on it without their reply.
    pub in_flight: usize,
    /// So many requests are put on it at a time; nothing before that is known.
    pub depth: Option<usize>,
    /// What lond takes for a request on it, on average.
    pub service: Option<Duration>,
    /// When the oldest in flight was put on it.
    pub oldest: Option<Instant>,
    /// The oldest in flight is slow: nothing is put behind it.
    pub stalled: bool,
    /// Round trip, as in [`Status::rtt`].
    pub rtt: Option<Duration>,
    /// What went wrong last, whether or not it is up now.
    pub trouble: Option<Trouble>,
    /// Since when it is not up although it should be; nothing if it is up, or in its first try.
    pub failing_since: Option<Instant>,
    /// Tries that failed since it was last up, or since the start.
    pub failed_tries: u32,
    /// When the next try begins, if it backs off.
    pub next_try: Option<Instant>,
}

/// lond would not have one more link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why the try ended.
    pub why: LinkError,
    /// When.
    pub at: Instant,
    /// So many links were open then.
    pub open: usize,
    /// No other is tried before this.
    pub until: Instant,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// State of the peer.
    pub state: State,
    /// Since when.
    pub since: Instant,
    /// Why the last try or link ended, until one is up again.
    pub last_error: Option<String>,
    /// When the next try begins, if none is under way.
    pub next_try: Option<Instant>,
    /// Clients connected.
    pub clients: usize,
    /// Requests read from clients and not yet put on a link.
    pub queued: usize,
    /// Requests and probes on a link without their reply.
    pub in_flight: usize,
    /// Delayed messages handed in and not yet answered.
    pub delayed: usize,
    /// Each of the links.
    pub links: Vec<LinkStatus>,
    /// Most links there may be.
    pub max_links: usize,
    /// What came of the last try to have more links, if lond would not have it.
    pub refused: Option<Refused>,
    /// Since when the first of those waits that wait for any link.
    pub waiting_since: Option<Instant>,
    /// Round trip to lond: the shortest seen in the handshake, or the last probe's.
    pub rtt: Option<Duration>,
    /// lond's version, if it told.
    pub peer_version: Option<String>,
    /// The delayed message that broke its link, alone on it, and how often in a row.
    pub failing: Option<(MessageId, u32)>,
    /// What was counted.
    pub counters: Counters,
    /// What was measured.
    pub histograms: Histograms,
}

/// What one client has to do with the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientStatus {
    /// Which one.
    pub client: ClientId,
    /// Requests it has sent so far.
    pub requests: u64,
    /// Those not yet put on a link.
    pub queued: usize,
    /// Those on a link without their reply.
    pub in_flight: usize,
}
