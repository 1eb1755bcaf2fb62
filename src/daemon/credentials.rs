//! Who is at the other end of a client's socket.

use std::fmt;

use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::Uid;
use tokio::net::UnixStream;

/// A client's process and user, as the kernel knew them when it connected. Displays as `pid/uid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerCred {
    pid: i32,
    uid: Uid,
}

impl PeerCred {
    pub(crate) fn of(stream: &UnixStream) -> nix::Result<Self> {
        let cred = getsockopt(stream, sockopt::PeerCredentials)?;
        Ok(Self {
            pid: cred.pid(),
            uid: Uid::from_raw(cred.uid()),
        })
    }

    pub(crate) fn pid(self) -> i32 {
        self.pid
    }

    pub(crate) fn uid(self) -> u32 {
        self.uid.as_raw()
    }

    /// True for root and for the user this daemon runs as.
    pub(crate) fn may_stop(self) -> bool {
        self.uid.is_root() || self.uid == Uid::effective()
    }
}

impl fmt::Display for PeerCred {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.pid, self.uid)
    }
}
