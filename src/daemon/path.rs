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
//! | does not hear us, and we hear it | some | as above | 0 | whenever it sends its last words again, as ours are not acknowledged |

use std::fmt::{self, Display};
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

    /// By what the path is dead, if it is. To be called every few seconds while anything is in flight, the oldest of it
    /// for `waiting`, and once after that with no wait.
    pub(crate) fn look(&mut self, stream: &TcpStream, waiting: Duration) -> Option<Death> {
        let is_watched = waiting >= LONG;
        if self.is_watched != is_watched {
            self.is_watched = is_watched;
            // It cannot fail on a connection, and if it did, reading would tell more.
            let _ = self.keep_alive(stream);
        }
        let signs = TcpInfo.get(stream).ok().filter(|_| is_watched)?;
        signs.of_death(waiting)
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

/// Has the system forget what the peer has not acknowledged yet, when this is closed. It would go on sending that for
/// minutes, and what was answered as lost, or sent again by another link, would be carried out when the path is back.
pub(crate) fn forget_undelivered(stream: &TcpStream) {
    if TcpInfo.get(stream).is_ok_and(|signs| signs.have_undelivered()) {
        // It cannot fail on a connection.
        let _ = stream.set_zero_linger();
    }
}

/// By what a path is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    /// Nothing has come of the host for so long.
    Silent(Duration),
    /// What was sent so long ago has not arrived, whatever comes of the host.
    Unacknowledged(Duration),
}

impl Display for Death {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent(span) => write!(out, "no sign of life for {} s", span.as_secs()),
            Self::Unacknowledged(span) => {
                write!(out, "what was sent {} s ago is not acknowledged", span.as_secs())
            }
        }
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
    /// Microseconds until what is not acknowledged is sent again; twice as many each time.
    rto: u32,
    _sizes: [u32; 3],
    /// Segments sent and not acknowledged.
    unacked: u32,
    _segments: [u32; 4],
    /// Milliseconds since data was sent, for the first time or again,
    data_sent: u32,
    _ack_sent: u32,
    /// since data came,
    data_received: u32,
    /// and since an acknowledgement did; they are not told apart by every kind of segment.
    ack_received: u32,
    _metrics: [u32; 11],
    _rates: [u64; 2],
    _bytes: [u64; 2],
    _counts: [u32; 2],
    /// Bytes that were not sent at all yet.
    unsent: u32,
}

impl Signs {
    /// By what the path is dead, if they say so, where the oldest request has been in flight for `waiting`.
    fn of_death(&self, waiting: Duration) -> Option<Death> {
        let resent = self.unacked > 0 && self.retransmits >= UNANSWERED;
        // What was before anything was asked proves nothing.
        let is_long = |span: Duration| span.min(waiting) >= SILENCE;
        if (resent || self.probes >= UNANSWERED) && is_long(self.silence()) {
            return Some(Death::Silent(self.silence()));
        }
        (resent && is_long(self.unacknowledged())).then(|| Death::Unacknowledged(self.unacknowledged()))
    }

    /// Whether there is anything that has not arrived yet, as far as is known.
    fn have_undelivered(&self) -> bool {
        self.unacked > 0 || self.unsent > 0
    }

    /// How long ago that was sent first which was sent again several times: the pauses before were half of what this
    /// one is, half of that, and so on.
    fn unacknowledged(&self) -> Duration {
        let first = self.rto >> self.retransmits.min(31);
        Duration::from_micros((self.rto - first).into()) + Duration::from_millis(self.data_sent.into())
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
            assert_eq!(signs(unacked, retransmits, probes, 14).of_death(after(14)), None);
            let death = signs(unacked, retransmits, probes, 15).of_death(after(15));
            assert_eq!(death, Some(Death::Silent(after(15))));
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
            assert_eq!(signs.of_death(after(299)), None, "{signs:?}");
        }
    }

    #[test]
    fn data_that_comes_in_is_a_sign_of_life_too() {
        let mut receiving = signs(0, 0, 3, 200);
        receiving.data_received = 100;
        assert_eq!(receiving.of_death(after(200)), None);
    }

    #[test]
    fn what_comes_in_does_not_help_what_does_not_arrive() {
        // Sent again after 0.2, 0.4, 0.8, 1.6 and 3.2 s, the last time 6 s ago, and 9 s ago.
        let stuck = |data_sent| Signs {
            rto: 6_400_000,
            data_sent,
            ..signs(1, 5, 0, 1)
        };
        assert_eq!(stuck(6000).of_death(after(100)), None);
        let death = stuck(9000).of_death(after(100));
        assert_eq!(death, Some(Death::Unacknowledged(Duration::from_millis(15_200))));
        assert_eq!(stuck(9000).of_death(after(14)), None);
        let acknowledged = Signs {
            unacked: 0,
            ..stuck(9000)
        };
        assert_eq!(acknowledged.of_death(after(100)), None);
    }

    #[test]
    fn silence_before_the_request_does_not_count() {
        assert_eq!(signs(1, 4, 0, 65).of_death(after(5)), None);
        assert!(signs(1, 6, 0, 75).of_death(after(15)).is_some());
    }
}
