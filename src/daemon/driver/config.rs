//! From the daemon's settings to the session's.

use lonc_proto::handshake::Identity;
use lonc_proto::session::Config;

use crate::config::Settings;

/// What of the settings the session goes by.
pub(super) fn session_config(settings: &Settings) -> Config {
    let link = &settings.link;
    Config {
        identity: Identity {
            peer: settings.peer.to_string(),
            own: settings.host_id.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        pong: link.pong,
        connections: link.connections,
        max_connections: link.max_connections,
        idle_timeout: link.idle_timeout,
        pipeline: link.pipeline,
        handshake_timeout: link.handshake_timeout,
        opening_timeout: link.opening_timeout,
        request_timeout: link.request_timeout,
        connect_wait: link.connect_wait,
        probe_interval: link.probe_interval,
        backoff: link.backoff,
        max_reply_bytes: link.max_reply_bytes,
        spool: true,
        message_timeout: settings.spool.message_timeout,
        max_attempts: settings.spool.max_attempts,
        disabled: settings.disabled.is_some(),
        drain_timeout: settings.daemon.drain_timeout,
        max_client_bytes: settings.client.max_client_bytes,
    }
}
