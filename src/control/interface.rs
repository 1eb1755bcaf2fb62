//! What is said at the control socket: the shapes of `org.loncapa.lonc`, whose text is [`DESCRIPTION`].
//!
//! Fields ending in `_usec` are microseconds: dates count from 1970, all others are spans.

mod configuration;
mod delayed;

use serde::{Deserialize, Serialize};

pub(crate) use self::configuration::RefusedReload;
pub(crate) use self::configuration::{ConfigurationKey, ConfigurationReply};
pub(crate) use self::delayed::{CountsReply, DelayedCount, DelayedSummary};
pub(crate) use self::link::{Cause, Link, LinkState, Refused, Trouble, TroubleKind};
pub(crate) use self::tls::{Certificate, Tls, TlsFailures, TlsReason};
use crate::config::LogLevel;

mod link;
mod tls;

/// The interface's name.
pub(crate) const NAME: &str = "org.loncapa.lonc";
/// The interface in Varlink's own language, with what each field means.
pub(crate) const DESCRIPTION: &str = include_str!("org.loncapa.lonc.varlink");

/// State of the peer, over all its links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum State {
    /// The first try, or the link was just lost: requests wait.
    Connecting,
    /// Requests go through.
    Up,
    /// Requests are answered `con_lost` at once.
    Down,
    /// There is no link, since nobody needs one; the next request opens one.
    Idle,
    /// An administrator wants no link: requests are answered `con_lost` at once.
    Disabled,
}

/// Clients do not reach the instance: what stands at the path of its socket is not its own, or nothing stands there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Displaced {
    /// In words.
    pub text: String,
    /// The process that listens there, if it is known.
    pub pid: Option<i32>,
    /// When that was found.
    pub since_usec: u64,
}

/// An administrator wants no link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Disabled {
    /// Why; empty if nobody said so.
    pub reason: String,
    /// Since when.
    pub since_usec: u64,
    /// Until when; without, until an administrator says so.
    #[serde(default)]
    pub until_usec: Option<u64>,
}

/// Counted since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Request lines of clients.
    pub requests: u64,
    /// Reply lines of lond, those to probes and delayed messages included.
    pub replies: u64,
    /// Answered that there is no reply, and not one byte was written.
    pub never_sent: u64,
    /// Answered so, and the peer may have carried them out.
    pub sent_no_reply: u64,
    /// Encrypted replies that could not be used.
    pub malformed: u64,
    /// Critical requests put on disk.
    pub stored: u64,
    /// Critical requests answered `con_failed`: neither sent nor put on disk.
    #[serde(default)]
    pub not_stored: u64,
    /// Delayed messages answered.
    pub delivered: u64,
    /// Delayed messages that cannot be sent, and went to `failed/`.
    pub set_aside: u64,
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
    /// Bytes written to lond.
    pub bytes_sent: u64,
    /// Bytes of lond's lines.
    pub bytes_received: u64,
    /// Clients cut off because they did not take their answers and memory ran out.
    pub clients_cut: u64,
    /// Records that are missing in the log, for it took none.
    #[serde(default)]
    pub log_lost: u64,
}

/// How an instance stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// Id of the remote host.
    pub peer: String,
    /// Id of this host.
    pub host_id: String,
    /// Host and port of lond, as configured.
    pub address: String,
    /// State of the peer.
    pub state: State,
    /// Since when.
    pub since_usec: u64,
    /// It takes no more clients, and is about to end.
    pub draining: bool,
    /// The line that `systemctl status` shows.
    pub text: String,
    /// Clients do not reach it.
    pub displaced: Option<Displaced>,
    /// There is to be no link.
    #[serde(default)]
    pub disabled: Option<Disabled>,
    /// What the files say is not in force.
    #[serde(default)]
    pub refused_reload: Option<RefusedReload>,
    /// Since when lond has answered nothing, where something is in flight.
    #[serde(default)]
    pub silent_since_usec: Option<u64>,
    /// Why there is no link, if there is none.
    pub last_error: Option<String>,
    /// When the next try begins, if none is under way.
    pub next_try_usec: Option<u64>,
    /// Round trip to lond.
    pub rtt_usec: Option<u64>,
    /// Each link.
    pub links: Vec<Link>,
    /// Most links there may be.
    pub max_links: usize,
    /// What came of the last try to have more of them, if lond would not have it.
    pub refused: Option<Refused>,
    /// Since when the first of those requests waits that any link could take.
    pub waiting_since_usec: Option<u64>,
    /// Clients connected.
    pub clients: usize,
    /// Requests not yet on a link.
    pub queued: usize,
    /// Requests and probes on a link without their reply.
    pub in_flight: usize,
    /// Bytes kept for clients and messages.
    pub held_bytes: usize,
    /// At so many no more is taken in but what completes what is there.
    pub max_held_bytes: usize,
    /// Requests a second, over the last ten.
    pub request_rate: f64,
    /// Delayed messages handed over to the link.
    pub sending: usize,
    /// Delayed messages; missing if the disk does not answer in time.
    pub delayed: Option<DelayedSummary>,
    /// What was counted.
    pub counters: Counters,
    /// How the links are secured, if they are.
    pub tls: Option<Tls>,
    /// lond's version, if it told.
    pub peer_version: Option<String>,
    /// Our own.
    pub version: String,
    /// Our process.
    pub pid: u32,
    /// When we started.
    pub started_usec: u64,
    /// When this was so.
    pub taken_usec: u64,
    /// The least urgent messages that are logged.
    pub log_level: LogLevel,
}

impl Status {
    /// How many requests were answered that there is no reply.
    pub(crate) fn num_lost(&self) -> u64 {
        self.counters
            .never_sent
            .saturating_add(self.counters.sent_no_reply)
    }

    /// How many links are open.
    pub(crate) fn num_open(&self) -> usize {
        self.links.iter().filter(|link| link.is_open()).count()
    }
}

/// A connected client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Client {
    /// Its process.
    pub pid: i32,
    /// Its user; others than root and our own may show as 65534.
    pub uid: u32,
    /// When it connected.
    pub since_usec: u64,
    /// Requests so far.
    pub requests: u64,
    /// Those not yet on a link.
    pub queued: usize,
    /// Those on a link without their reply.
    pub in_flight: usize,
    /// Bytes of requests not answered and of answers not taken.
    pub bytes_held: usize,
}

/// What a delayed message is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum MessageState {
    /// Its turn comes.
    Waiting,
    /// Handed over to the link.
    Sending,
    /// Answered, and cannot be removed.
    Answered,
    /// Without the newline at its end.
    Unfinished,
    /// Left alone: no message, unreadable, or it cannot be set aside.
    Unusable,
    /// Held by an operator.
    Held,
    /// Set aside.
    Failed,
}

impl MessageState {
    /// For a person.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sending => "sending",
            Self::Answered => "answered",
            Self::Unfinished => "unfinished",
            Self::Unusable => "unusable",
            Self::Held => "held",
            Self::Failed => "failed",
        }
    }
}

/// A delayed message, without its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    /// Name of its file.
    pub name: String,
    /// What it is at.
    pub state: MessageState,
    /// Bytes of its file.
    pub size: u64,
    /// When it was written.
    pub written_usec: u64,
    /// How often in a row it broke the link, alone on it.
    pub attempts: u32,
}

/// How many spans were not longer than a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bucket {
    /// The bound.
    pub le_usec: u64,
    /// How many.
    pub count: u64,
}

/// How long things took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Histogram {
    /// Each holds those before it.
    pub buckets: Vec<Bucket>,
    /// How many there were in all.
    pub count: u64,
    /// How long they were together.
    pub sum_usec: u64,
}

/// For a monitoring system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    /// Id of the remote host.
    pub peer: String,
    /// State of the peer.
    pub state: State,
    /// Open links.
    pub up: usize,
    /// Links, open or not.
    pub links: usize,
    /// Most links there may be.
    pub max_links: usize,
    /// Requests that are put on the open links at a time, in all; those links are left out of which that is not known.
    pub depth: usize,
    /// When the oldest of those in flight was put on its link.
    pub oldest_usec: Option<u64>,
    /// Since when the peer has answered nothing, where something is in flight.
    #[serde(default)]
    pub silent_since_usec: Option<u64>,
    /// Clients connected.
    pub clients: usize,
    /// Requests not yet on a link.
    pub queued: usize,
    /// Requests and probes on a link without their reply.
    pub in_flight: usize,
    /// Bytes kept for clients and messages.
    pub held_bytes: usize,
    /// At so many no more is taken in but what completes what is there.
    pub max_held_bytes: usize,
    /// Delayed messages handed over to the link.
    pub sending: usize,
    /// Delayed messages; missing if the disk does not answer in time.
    pub delayed: Option<DelayedSummary>,
    /// The instance is about to end.
    pub draining: bool,
    /// Whether clients do not reach it by the path of its socket; missing if that cannot be seen.
    pub displaced: Option<bool>,
    /// Round trip to lond.
    pub rtt_usec: Option<u64>,
    /// How the links are secured, if they are.
    pub tls: Option<Tls>,
    /// What was counted.
    pub counters: Counters,
    /// From when a client's request is put on a link to its reply.
    pub reply_time: Histogram,
    /// Round trips: the shortest of each handshake, and those of probes.
    pub link_rtt: Histogram,
    /// When the instance started, and began to count.
    pub started_usec: u64,
    /// When this was so.
    pub taken_usec: u64,
}

/// Answer to `GetStatus` and `Monitor`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusReply {
    /// How the instance stands.
    pub status: Status,
}

/// Answer to `GetMetrics`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricsReply {
    /// What was counted and measured.
    pub metrics: Metrics,
}

/// Answer to `ListClients`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientsReply {
    /// The busiest first.
    pub clients: Vec<Client>,
    /// How many there are.
    pub total: usize,
}

/// Answer to `ListDelayed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DelayedReply {
    /// In the order in which they are sent, then those held, then those set aside.
    pub messages: Vec<Message>,
    /// How many there are.
    pub total: usize,
}

/// Answer to `Reload`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ReloadReply {
    /// What was passed over, one line each.
    pub warnings: Vec<String>,
}

/// Answer to `HoldDelayed` and `DropDelayed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MovedReply {
    /// Where the message is now.
    pub path: String,
}

#[cfg(test)]
mod tests;
