//! The checked settings of one daemon.

use std::path::PathBuf;
use std::time::Duration;

use lonc_proto::backoff::Bounds;
use serde::{Deserialize, Serialize};

use super::address::{Address, Host};
use super::alias::Alias;
use super::checks::{
    choice, duration, duration_or_zero, flag, host_id, path, path_or_none, size, socket_dir_of, whole,
};
use super::disabled::Disabled;
use super::error::ConfigError;
use super::host_id::HostId;
use super::keys;
use super::layers::View;
use super::tls;
use crate::tls::TlsSettings;

/// Smallest limit on the bytes of a request, of a reply, or of what is queued: room for any greeting.
const MIN_BYTES: usize = 64;
/// Most links to a peer.
const MAX_LINKS: usize = 64;

/// All that one `lonc <peer>` is told.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The server to carry requests to.
    pub peer: HostId,
    /// Our own id, `lonHostID`.
    pub host_id: HostId,
    /// Where the peer's lond listens.
    pub address: Address,
    /// Directory of the socket `<peer>` for clients, used when systemd passes none.
    pub socket_dir: PathBuf,
    /// The second name of the socket for clients; none with `hostname_sockets = false`.
    pub alias: Alias,
    /// Directory of the socket `<peer>` for operators, used when systemd passes no sockets.
    pub control_dir: PathBuf,
    /// Directory of the delayed messages.
    pub spool_dir: PathBuf,
    /// Other hosts whose ids end in `.<peer>`: the names of their delayed messages end as the peer's do.
    pub alike: Vec<HostId>,
    /// That there is to be no link, by an administrator's word.
    pub disabled: Option<Disabled>,
    /// Log of the delayed messages and their fate, kept for good.
    pub permanent_log: PathBuf,
    /// Log of the process that loncron shows, if there is to be one.
    pub loncron_log: Option<PathBuf>,
    /// The link to the peer.
    pub link: LinkSettings,
    /// The clients on this machine.
    pub client: ClientSettings,
    /// Delayed messages.
    pub spool: SpoolSettings,
    /// The process.
    pub daemon: DaemonSettings,
}

/// The TCP links to the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkSettings {
    /// How many links are kept open, 0 to 64; with none the first request opens one.
    pub connections: usize,
    /// Most links, 1 to 64; at least `connections`.
    pub max_connections: usize,
    /// A link beyond `connections` is closed when it was not needed for so long; more than zero.
    pub idle_timeout: Duration,
    /// Most requests in flight on a link, 1 to 65536; 1 is lock-step.
    pub pipeline: usize,
    /// Longest wait for a TCP connection to one address; more than zero.
    pub connect_timeout: Duration,
    /// Longest wait for each step of the handshake; more than zero.
    pub handshake_timeout: Duration,
    /// Longest wait for all steps of the handshake together; at least `handshake_timeout`.
    pub opening_timeout: Duration,
    /// Whether `pong` is one of the steps.
    pub pong: bool,
    /// Longest wait for a reply; more than zero.
    pub request_timeout: Duration,
    /// How long a request waits for a link being made; zero: not at all.
    pub connect_wait: Duration,
    /// Silence after which a link is probed with `ping`; zero: never.
    pub probe_interval: Duration,
    /// Bounds of the pause between tries to connect.
    pub backoff: Bounds,
    /// Longest reply taken, in bytes; at least 64.
    pub max_reply_bytes: usize,
    /// How they are secured.
    pub tls: TlsSettings,
}

/// The clients' side.
#[expect(clippy::struct_field_names, reason = "so the keys are called")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSettings {
    /// Most clients at a time, 1 to 65536.
    pub max_clients: usize,
    /// Longest request line taken, in bytes; at least 64.
    pub max_request_bytes: usize,
    /// What one client may have queued, requests and unread replies together, before it is not read any
    /// further; in bytes, at least 64.
    pub max_client_bytes: usize,
    /// What may be kept in memory for all clients and messages, in bytes; at least `max_client_bytes`.
    pub max_queued_bytes: usize,
}

/// Delayed messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Longest wait for the reply to a delayed message; more than zero.
    pub message_timeout: Duration,
    /// How often in a row a message may make the link fail before it is set aside, 1 to 1000.
    pub max_attempts: u32,
    /// A message that a worker wrote is left alone for so long after that; zero: not at all.
    pub settle: Duration,
}

/// The process itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonSettings {
    /// How long a stop waits for requests in flight; zero: not at all.
    pub drain_timeout: Duration,
    /// The least urgent messages to log.
    pub log_level: LogLevel,
    /// When systemd starts the daemon.
    pub start: Start,
    /// The process ends after so long without a client, a delayed message and a request in flight; zero: never.
    pub idle_exit: Duration,
}

/// How much is logged; each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Faults only.
    Error,
    /// And what may become one.
    Warn,
    /// And what changes.
    Info,
    /// And each step.
    Debug,
    /// And whatever the libraries below tell. Bodies of requests are not logged at any level.
    Trace,
}

impl LogLevel {
    const WORDS: [(&str, Self); 5] = [
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];

    /// The word in the configuration, which is also the one `tracing` knows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// When systemd starts the daemon of a peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// With the first client, by its socket.
    #[default]
    Demand,
    /// At boot.
    Boot,
}

impl Start {
    const WORDS: [(&str, Self); 2] = [("demand", Self::Demand), ("boot", Self::Boot)];
}

impl Settings {
    /// Keeps what is in use by `old` and cannot change without a restart; the names of the keys that would change it.
    pub(crate) fn keep_what_is_in_use(&mut self, old: &Self) -> Vec<&'static str> {
        let mut changed = Vec::new();
        for (key, now, before) in [
            (keys::SOCKET_DIR, &mut self.socket_dir, &old.socket_dir),
            (keys::CONTROL_DIR, &mut self.control_dir, &old.control_dir),
            (keys::SPOOL_DIR, &mut self.spool_dir, &old.spool_dir),
        ] {
            if now != before {
                changed.push(key.name);
                now.clone_from(before);
            }
        }
        // A table that cannot be read just now must not make other hosts' messages ours, nor take a name away.
        for host in &old.alike {
            if !self.alike.contains(host) {
                self.alike.push(host.clone());
            }
        }
        if self.alias == Alias::Unknown {
            self.alias.clone_from(&old.alias);
        }
        changed
    }
}

/// Checks all that holds for `peer`, which is found at `host`.
pub(super) fn settings(view: View<'_>, peer: &HostId, host: Host) -> Result<Settings, ConfigError> {
    Ok(Settings {
        peer: peer.clone(),
        host_id: own_id(view)?,
        address: host.at(port(view)?),
        socket_dir: view.get(keys::SOCKET_DIR, socket_dir_of(peer))?,
        alias: Alias::Unknown,
        control_dir: view.get(keys::CONTROL_DIR, socket_dir_of(peer))?,
        spool_dir: view.get(keys::SPOOL_DIR, path)?,
        alike: Vec::new(),
        disabled: None,
        permanent_log: view.get(keys::PERMANENT_LOG, path)?,
        loncron_log: view.get(keys::LONCRON_LOG, path_or_none)?,
        link: link(view)?,
        client: client(view)?,
        spool: spool(view)?,
        daemon: daemon(view)?,
    })
}

/// Checks all that holds for no peer in particular.
pub(super) fn check_general(view: View<'_>) -> Result<(), ConfigError> {
    view.get(keys::HOSTS_TAB, path)?;
    view.get(keys::USR1_PID_FILE, path)?;
    hostname_sockets(view)?;
    // Any peer will do where none has settings of its own.
    settings(view, &own_id(view)?, Host::default()).map(drop)
}

/// Our own id.
pub(super) fn own_id(view: View<'_>) -> Result<HostId, ConfigError> {
    view.get(keys::HOST_ID, host_id)
}

/// Whether a socket has the name of its host, too.
pub(super) fn hostname_sockets(view: View<'_>) -> Result<bool, ConfigError> {
    view.get(keys::HOSTNAME_SOCKETS, flag)
}

/// The port of the peer's lond.
pub(super) fn port(view: View<'_>) -> Result<u16, ConfigError> {
    view.get(keys::PORT, whole(1..=u16::MAX))
}

/// When systemd starts the daemons.
pub(super) fn start(view: View<'_>) -> Result<Start, ConfigError> {
    view.get(keys::START, choice(&Start::WORDS))
}

/// The link's settings of a peer.
pub(super) fn link(view: View<'_>) -> Result<LinkSettings, ConfigError> {
    let connections = view.setting(keys::CONNECTIONS, whole(0..=MAX_LINKS))?;
    let max_connections = view.setting(keys::MAX_CONNECTIONS, whole(1..=MAX_LINKS))?;
    view.ordered(&connections, &max_connections)?;
    let handshake_timeout = view.setting(keys::HANDSHAKE_TIMEOUT, duration)?;
    let opening_timeout = view.setting(keys::OPENING_TIMEOUT, duration)?;
    view.ordered(&handshake_timeout, &opening_timeout)?;
    Ok(LinkSettings {
        connections: connections.value,
        max_connections: max_connections.value,
        idle_timeout: view.get(keys::IDLE_TIMEOUT, duration)?,
        pipeline: view.get(keys::PIPELINE, whole(1..=65536))?,
        connect_timeout: view.get(keys::CONNECT_TIMEOUT, duration)?,
        handshake_timeout: handshake_timeout.value,
        opening_timeout: opening_timeout.value,
        pong: view.get(keys::PONG, flag)?,
        request_timeout: view.get(keys::REQUEST_TIMEOUT, duration)?,
        connect_wait: view.get(keys::CONNECT_WAIT, duration_or_zero)?,
        probe_interval: view.get(keys::PROBE_INTERVAL, duration_or_zero)?,
        backoff: backoff(view)?,
        max_reply_bytes: view.get(keys::MAX_REPLY_BYTES, size(MIN_BYTES))?,
        tls: tls::settings(view)?,
    })
}

fn backoff(view: View<'_>) -> Result<Bounds, ConfigError> {
    let min = view.setting(keys::BACKOFF_MIN, duration)?;
    let max = view.setting(keys::BACKOFF_MAX, duration)?;
    // Neither is zero: only their order can be wrong.
    Bounds::new(min.value, max.value).map_err(|_| view.crossed(&min, &max))
}

fn client(view: View<'_>) -> Result<ClientSettings, ConfigError> {
    let max_client = view.setting(keys::MAX_CLIENT_BYTES, size(MIN_BYTES))?;
    let max_queued = view.setting(keys::MAX_QUEUED_BYTES, size(MIN_BYTES))?;
    view.ordered(&max_client, &max_queued)?;
    Ok(ClientSettings {
        max_clients: view.get(keys::MAX_CLIENTS, whole(1..=65536))?,
        max_request_bytes: view.get(keys::MAX_REQUEST_BYTES, size(MIN_BYTES))?,
        max_client_bytes: max_client.value,
        max_queued_bytes: max_queued.value,
    })
}

fn spool(view: View<'_>) -> Result<SpoolSettings, ConfigError> {
    Ok(SpoolSettings {
        message_timeout: view.get(keys::MESSAGE_TIMEOUT, duration)?,
        max_attempts: view.get(keys::MAX_ATTEMPTS, whole(1..=1000))?,
        settle: view.get(keys::SETTLE, duration_or_zero)?,
    })
}

fn daemon(view: View<'_>) -> Result<DaemonSettings, ConfigError> {
    Ok(DaemonSettings {
        drain_timeout: view.get(keys::DRAIN_TIMEOUT, duration_or_zero)?,
        log_level: view.get(keys::LOG_LEVEL, choice(&LogLevel::WORDS))?,
        start: start(view)?,
        idle_exit: view.get(keys::IDLE_EXIT, duration_or_zero)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_called_as_they_are_written() {
        for (word, level) in LogLevel::WORDS {
            assert_eq!(level.as_str(), word);
        }
    }
}
