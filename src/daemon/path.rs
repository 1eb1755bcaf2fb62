//! Whether the way to lond still carries anything, which TCP by itself tells only after minutes.
//!
//! A lond at work reads and answers nothing for a long time, and neither does a host that is gone. But a host's kernel
//! acknowledges. Seen on Linux 6.18, with a request in flight and a keepalive or window probe out now and then:
//!
//! | the peer | unacknowledged | retransmits | probes without answer | last heard of |
//! |---|---|---|---|---|
//! | works | none | 0 | 0 | at the last keepalive |
//! | works and reads nothing, its window is shut | none | 0 | 0 | up to 120 s ago: window probes come ever more seldom |
//! | is gone, and has not acknowledged the request | some | 3 after 3 s, 6 after 15 s | 0 | before |
//! | is gone, and has | none | 0 | one more at each keepalive | before |
//! | is gone, behind a window that was shut | none | 0 | one more at each window probe | before |

use std::io;
use std::time::Duration;

use nix::sys::socket::{GetSockOpt as _, setsockopt, sockopt};
use nix::{getsockopt_impl, libc};
use tokio::net::TcpStream;

use crate::config::LinkSettings;

/// Seconds between keepalive probes, once they began.
const INTERVAL: u32 = 10;
/// From when a request in flight is this old the peer's kernel is asked for signs of life,
const LONG: Duration = Duration::from_secs(5);
/// in seconds after the last one, and seconds apart.
const WATCHED: (u32, u32) = (4, 4);
/// Without a sign of life for so long, and
const SILENCE: Duration = Duration::from_secs(15);
/// so many times asked in vain, the path is dead.
const UNANSWERED: u8 = 2;

/// One connection's way to the peer.
pub(crate) struct Path {
    /// Seconds without a sign of life before the first keepalive probe, while nothing is in flight for long.
    idle: u32,
    /// Keepalive probes come fast.
    is_watched: bool,
}

impl Path {
    /// Sets what makes the kernel find out that the peer is gone.
    pub(crate) fn new(stream: &TcpStream, settings: &LinkSettings) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let idle = if settings.probe_interval.is_zero() {
            settings.handshake_timeout
        } else {
            settings.probe_interval
        };
        let path = Self {
            idle: seconds(idle),
            is_watched: false,
        };
        setsockopt(stream, sockopt::KeepAlive, &true)?;
        path.keep_alive(stream)?;
        // Not less than a request may take: while lond works on one it reads nothing, and for Linux a window that
        // stays shut counts as unacknowledged even if the peer's kernel answers.
        let user_timeout = i32::try_from(settings.request_timeout.as_millis()).unwrap_or(i32::MAX);
        setsockopt(stream, sockopt::TcpUserTimeout, &user_timeout.unsigned_abs())?;
        Ok(path)
    }

    /// For how long nothing was heard of the host, if by that the path is dead. To be called every few seconds while
    /// anything is in flight, the oldest of it for `waiting`, and once after that with no wait.
    pub(crate) fn look(&mut self, stream: &TcpStream, waiting: Duration) -> Option<Duration> {
        let is_watched = waiting >= LONG;
        if self.is_watched != is_watched {
            self.is_watched = is_watched;
            // It cannot fail on a connection, and if it did, reading would tell more.
            let _ = self.keep_alive(stream);
        }
        let signs = TcpInfo.get(stream).ok().filter(|_| is_watched)?;
        signs.are_of_death(waiting).then(|| signs.silence())
    }

    fn keep_alive(&self, stream: &TcpStream) -> nix::Result<()> {
        let (idle, interval) = if self.is_watched {
            WATCHED
        } else {
            (self.idle, INTERVAL)
        };
        setsockopt(stream, sockopt::TcpKeepIdle, &idle)?;
        setsockopt(stream, sockopt::TcpKeepInterval, &interval)
    }
}

/// Whole seconds within what the kernel takes for keepalive.
fn seconds(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX).clamp(1, 32_767)
}

/// What the kernel knows of a connection.
#[derive(Clone, Copy)]
struct TcpInfo;

getsockopt_impl!(
    TcpInfo,
    libc::IPPROTO_TCP,
    libc::TCP_INFO,
    Signs,
    sockopt::GetStruct<Signs>
);

/// The beginning of the kernel's `struct tcp_info` (include/uapi/linux/tcp.h), which only ever grew at its end.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Signs {
    _states: [u8; 2],
    /// Times in a row that data was sent again, without an answer.
    retransmits: u8,
    /// Keepalive or window probes in a row without an answer.
    probes: u8,
    _options: [u8; 4],
    _sizes: [u32; 4],
    /// Segments sent and not acknowledged.
    unacked: u32,
    _segments: [u32; 4],
    _last_sent: [u32; 2],
    /// Milliseconds since data came,
    data_received: u32,
    /// and since an acknowledgement did; they are not told apart by every kind of segment.
    ack_received: u32,
}

impl Signs {
    /// Whether they are those of a dead path, where the oldest request has been in flight for `waiting`.
    fn are_of_death(&self, waiting: Duration) -> bool {
        let resent = self.unacked > 0 && self.retransmits >= UNANSWERED;
        // What was heard before anything was asked proves nothing.
        (resent || self.probes >= UNANSWERED) && self.silence().min(waiting) >= SILENCE
    }

    /// How long ago anything came of the host.
    fn silence(&self) -> Duration {
        Duration::from_millis(self.data_received.min(self.ack_received).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signs(unacked: u32, retransmits: u8, probes: u8, seconds: u32) -> Signs {
        Signs {
            retransmits,
            probes,
            unacked,
            data_received: 1000 * seconds + 50_000,
            ack_received: 1000 * seconds,
            ..Signs::default()
        }
    }

    fn after(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_host_that_is_gone_is_dead_after_a_while() {
        // Its request unacknowledged, all acknowledged, and behind a window that was shut.
        for (unacked, retransmits, probes) in [(1, 6, 0), (0, 0, 3), (0, 0, 2)] {
            assert!(!signs(unacked, retransmits, probes, 14).are_of_death(after(14)));
            assert!(signs(unacked, retransmits, probes, 15).are_of_death(after(15)));
        }
    }

    #[test]
    fn a_lond_at_work_is_alive_however_long_it_takes() {
        for signs in [
            // A keepalive was answered a moment ago, or is about to be.
            signs(0, 0, 0, 1),
            signs(0, 0, 1, 4),
            // The window is shut, and the last of its probes was answered long ago; or one is out now.
            signs(0, 0, 0, 115),
            signs(0, 0, 1, 115),
            // Another request was sent a moment ago, and perhaps lost once.
            signs(1, 0, 0, 115),
            signs(1, 1, 0, 115),
        ] {
            assert!(!signs.are_of_death(after(299)), "{signs:?}");
        }
    }

    #[test]
    fn data_that_comes_in_is_a_sign_of_life_too() {
        let mut receiving = signs(1, 6, 0, 200);
        receiving.data_received = 100;
        assert!(!receiving.are_of_death(after(200)));
    }

    #[test]
    fn silence_before_the_request_does_not_count() {
        assert!(!signs(1, 4, 0, 65).are_of_death(after(5)));
        assert!(signs(1, 6, 0, 75).are_of_death(after(15)));
    }
}
