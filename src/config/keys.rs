//! Every key of the configuration, once: its section, its name, its default, and when a change of it takes effect.

use std::borrow::Cow;

use toml::Value;

/// A table of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    /// Above the first `[…]`.
    Top,
    /// `[link]`; its keys may also stand in `[peer.<id>]`.
    Link,
    /// `[link.tls]`; its keys may also stand in `[peer.<id>.tls]`.
    Tls,
    /// `[client]`
    Client,
    /// `[spool]`
    Spool,
    /// `[daemon]`
    Daemon,
}

impl Section {
    /// All sections in the order of the file.
    pub(super) const ALL: [Self; 6] = [
        Self::Top,
        Self::Link,
        Self::Tls,
        Self::Client,
        Self::Spool,
        Self::Daemon,
    ];

    /// The name in brackets; empty for the top.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Top => "",
            Self::Link => "link",
            Self::Tls => "link.tls",
            Self::Client => "client",
            Self::Spool => "spool",
            Self::Daemon => "daemon",
        }
    }

    /// The section called `name`; the top has no name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|section| !matches!(section, Self::Top | Self::Tls) && section.name() == name)
    }

    /// The names of the keys of this section.
    pub(super) fn names(self) -> impl Iterator<Item = &'static str> {
        ALL.iter()
            .filter(move |key| key.section == self)
            .map(|key| key.name)
    }
}

/// When a change of a key takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// When the program that goes by it is told to read the file anew.
    Reload,
    /// When the program that goes by it starts again.
    Restart,
    /// When the file is written: the generator follows it.
    AtOnce,
}

#[cfg(test)]
impl Effect {
    /// The word in the documents.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Restart => "restart",
            Self::AtOnce => "at once",
        }
    }
}

/// A key, its default, and when a change takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) section: Section,
    pub(super) name: &'static str,
    /// The default as TOML; `None` if the key must be given.
    pub(super) default: Option<&'static str>,
    pub(super) effect: Effect,
}

impl Key {
    /// `section.name`, or the name alone at the top.
    pub(super) fn path(self) -> String {
        if self.section == Section::Top {
            self.name.to_owned()
        } else {
            format!("{}.{}", self.section.name(), self.name)
        }
    }

    /// Whether `[peer.<id>]` may hold it.
    pub(super) fn is_for_peers(self) -> bool {
        matches!(self.section, Section::Link | Section::Tls) || self == PORT
    }

    /// What it is called below `[peer.<id>]`.
    pub(super) fn own_name(self) -> Cow<'static, str> {
        match self.section {
            Section::Tls => format!("{TLS}.{}", self.name).into(),
            Section::Top | Section::Link | Section::Client | Section::Spool | Section::Daemon => {
                self.name.into()
            }
        }
    }

    /// The key below which the default may not be: where only that one is set above it, this one is as much.
    pub(super) fn floor(self) -> Option<Self> {
        match self {
            MAX_CONNECTIONS => Some(CONNECTIONS),
            OPENING_TIMEOUT => Some(HANDSHAKE_TIMEOUT),
            _ => None,
        }
    }

    /// The default as a value.
    pub(super) fn default_value(self) -> Option<Value> {
        self.default.and_then(|text| text.parse().ok())
    }
}

/// The one key of `[peer.<id>]` that stands nowhere else.
pub(super) const ADDRESS: &str = "address";
/// The table that holds `[peer.<id>]`.
pub(super) const PEER: &str = "peer";

/// The table within `[link]` and `[peer.<id>]`.
pub(super) const TLS: &str = "tls";

/// The names of the keys of `[peer.<id>]`, apart from those of the table in it.
pub(super) fn peer_names() -> impl Iterator<Item = &'static str> {
    let is_for_peers = |key: &&Key| key.is_for_peers() && key.section != Section::Tls;
    let rest = ALL.iter().filter(is_for_peers).map(|key| key.name);
    std::iter::once(ADDRESS).chain(rest)
}

macro_rules! keys {
    ($($constant:ident = $section:ident $name:literal $default:expr, $effect:ident;)*) => {
        $(pub(super) const $constant: Key = Key {
            section: Section::$section,
            name: $name,
            default: $default,
            effect: Effect::$effect,
        };)*
        /// Every key, in the order of the file.
        pub(super) const ALL: &[Key] = &[$($constant),*];
    };
}

keys! {
    HOST_ID = Top "host_id" None, Reload;
    HOSTS_TAB = Top "hosts_tab" Some("'/home/httpd/lonTabs/hosts.tab'"), Reload;
    LONCAPA_CONF = Top "loncapa_conf" Some("[]"), Reload;
    PORT = Top "port" Some("5663"), Reload;
    SOCKET_DIR = Top "socket_dir" Some("'/run/lonc'"), Restart;
    HOSTNAME_SOCKETS = Top "hostname_sockets" Some("true"), Reload;
    CONTROL_DIR = Top "control_dir" Some("'/run/lonc-control'"), Restart;
    SPOOL_DIR = Top "spool_dir" Some("'/var/spool/lonc/delayed'"), Restart;
    PERMANENT_LOG = Top "permanent_log" Some("'/var/log/lonc/lonnet.perm.log'"), Reload;
    LONCRON_LOG = Top "loncron_log" Some("''"), Reload;
    USR1_PID_FILE = Top "usr1_pid_file" Some("'/home/httpd/perl/logs/lonc.pid'"), Restart;
    CONNECTIONS = Link "connections" Some("1"), Reload;
    MAX_CONNECTIONS = Link "max_connections" Some("10"), Reload;
    IDLE_TIMEOUT = Link "idle_timeout" Some("'5m'"), Reload;
    PIPELINE = Link "pipeline" Some("64"), Reload;
    CONNECT_TIMEOUT = Link "connect_timeout" Some("'10s'"), Reload;
    HANDSHAKE_TIMEOUT = Link "handshake_timeout" Some("'60s'"), Reload;
    OPENING_TIMEOUT = Link "opening_timeout" Some("'120s'"), Reload;
    PONG = Link "pong" Some("false"), Reload;
    REQUEST_TIMEOUT = Link "request_timeout" Some("'300s'"), Reload;
    CONNECT_WAIT = Link "connect_wait" Some("'10s'"), Reload;
    PROBE_INTERVAL = Link "probe_interval" Some("'60s'"), Reload;
    BACKOFF_MIN = Link "backoff_min" Some("'1s'"), Reload;
    BACKOFF_MAX = Link "backoff_max" Some("'120s'"), Reload;
    MAX_REPLY_BYTES = Link "max_reply_bytes" Some("'64MiB'"), Reload;
    TLS_MODE = Tls "mode" Some("'off'"), Reload;
    TLS_CA = Tls "ca" Some("''"), Reload;
    TLS_CERTIFICATE = Tls "certificate" Some("''"), Reload;
    TLS_KEY = Tls "key" Some("''"), Reload;
    TLS_SERVER_NAME = Tls "server_name" Some("''"), Reload;
    TLS_VERIFY_SAN = Tls "verify_san" Some("[]"), Reload;
    TLS_CRL = Tls "crl" Some("''"), Reload;
    TLS_REQUIRE_ALPN = Tls "require_alpn" Some("false"), Reload;
    TLS_EXPIRY_WARNING = Tls "expiry_warning" Some("'21d'"), Reload;
    MAX_CLIENTS = Client "max_clients" Some("1024"), Reload;
    MAX_REQUEST_BYTES = Client "max_request_bytes" Some("'16MiB'"), Reload;
    MAX_CLIENT_BYTES = Client "max_client_bytes" Some("'4MiB'"), Reload;
    MAX_QUEUED_BYTES = Client "max_queued_bytes" Some("'64MiB'"), Reload;
    MESSAGE_TIMEOUT = Spool "message_timeout" Some("'60s'"), Reload;
    MAX_ATTEMPTS = Spool "max_attempts" Some("5"), Reload;
    SETTLE = Spool "settle" Some("'3s'"), Reload;
    DRAIN_TIMEOUT = Daemon "drain_timeout" Some("'20s'"), Reload;
    LOG_LEVEL = Daemon "log_level" Some("'info'"), Reload;
    START = Daemon "start" Some("'demand'"), AtOnce;
    IDLE_EXIT = Daemon "idle_exit" Some("'0s'"), Reload;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_toml_and_only_the_id_has_none() {
        let without: Vec<_> = ALL.iter().filter(|key| key.default_value().is_none()).collect();
        assert_eq!(without, [&HOST_ID]);
    }

    #[test]
    fn sections_have_names() {
        assert_eq!(Section::named("link"), Some(Section::Link));
        assert_eq!(Section::named(""), None);
        assert_eq!(PIPELINE.path(), "link.pipeline");
        assert_eq!(peer_names().count(), 16);
    }
}
