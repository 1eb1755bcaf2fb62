//! Who is at the other end of a client's socket.

use std::fmt;

use nix::sys::socket::{getsockopt, sockopt};
use nix::unistd::Uid;
use tokio::net::UnixStream;

/// A client's process and user, as the kernel knew them when it connected. Displays as `pid/uid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pid: i32,
    uid: Uid,
}

impl Credentials {
    pub(crate) fn of(stream: &UnixStream) -> nix::Result<Self> {
        let credentials = getsockopt(stream, sockopt::PeerCredentials)?;
        Ok(Self {
            pid: credentials.pid(),
            uid: Uid::from_raw(credentials.uid()),
        })
    }

    pub(crate) fn pid(self) -> i32 {
        self.pid
    }

    pub(crate) fn uid(self) -> u32 {
        self.uid.as_raw()
    }

    /// True for root and for the user this daemon runs as.
    pub(crate) fn is_privileged(self) -> bool {
        self.uid.is_root() || self.uid == Uid::effective()
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.pid, self.uid)
    }
}
