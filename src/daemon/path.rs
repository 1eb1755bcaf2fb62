//! What makes the kernel find out that the peer is gone.

use std::io;
use std::time::Duration;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::TcpStream;

use crate::config::LinkSettings;

/// Seconds between TCP keepalive probes, once they began.
const KEEPALIVE_INTERVAL: u32 = 10;

/// Has the kernel look after a connection.
pub(crate) fn tune(stream: &TcpStream, settings: &LinkSettings) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let idle = if settings.probe_interval.is_zero() {
        settings.handshake_timeout
    } else {
        settings.probe_interval
    };
    setsockopt(stream, sockopt::KeepAlive, &true)?;
    setsockopt(stream, sockopt::TcpKeepIdle, &seconds(idle))?;
    setsockopt(stream, sockopt::TcpKeepInterval, &KEEPALIVE_INTERVAL)?;
    // Not less than a request may take: while lond works on one it reads nothing, and for Linux a window that
    // stays shut counts as unacknowledged even if the peer's kernel answers.
    let user_timeout = i32::try_from(settings.request_timeout.as_millis()).unwrap_or(i32::MAX);
    setsockopt(stream, sockopt::TcpUserTimeout, &user_timeout.unsigned_abs())?;
    Ok(())
}

/// Whole seconds within what the kernel takes for keepalive.
fn seconds(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX).clamp(1, 32_767)
}
