//! The socket for requests, as a web worker uses it.

use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::outcome::Exit;

/// Why there is no reply, not even one of lonc's own.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoReply {
    #[error("there is no socket for requests")]
    NoSocket,
    #[error("nobody listens at the socket for requests")]
    NobodyListens,
    #[error("no permission to send requests: become root, or a member of the group of the socket")]
    Permission,
    #[error("no reply within {}; a longer wait: --timeout", humantime::format_duration(*.0))]
    TimedOut(Duration),
    #[error("the daemon ended before it replied; whether lond carried it out cannot be told")]
    Closed,
    #[error("the socket for requests: {0}")]
    Io(#[from] io::Error),
}

impl NoReply {
    /// Whether nobody is there to be asked.
    pub(super) fn is_of_nobody(&self) -> bool {
        matches!(self, Self::NoSocket | Self::NobodyListens)
    }

    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::TimedOut(_) => Exit::TimedOut,
            Self::NoSocket | Self::NobodyListens | Self::Permission | Self::Closed | Self::Io(_) => {
                Exit::Broken
            }
        }
    }
}

/// What a reply says about its request.
pub(super) fn exit_of(reply: &[u8]) -> Exit {
    match reply {
        b"con_lost" => Exit::ConLost,
        b"con_delayed" => Exit::ConDelayed,
        b"con_failed" => Exit::ConFailed,
        b"refused" => Exit::Refused,
        b"unknown_cmd" => Exit::Rejected,
        _ if reply.starts_with(b"error:") => Exit::Rejected,
        _ => Exit::Fine,
    }
}

/// A connection. After a fault it is of no more use: a late reply must not be taken for that to the next request.
pub(super) struct Worker(BufReader<UnixStream>);

impl Worker {
    /// Connects; systemd starts the daemon if need be.
    pub(super) async fn connect(path: &Path, limit: Duration) -> Result<Self, NoReply> {
        let connected = timeout(limit, UnixStream::connect(path)).await;
        match connected.map_err(|_| NoReply::TimedOut(limit))? {
            Ok(stream) => Ok(Self(BufReader::new(stream))),
            Err(fault) => Err(not_connected(fault)),
        }
    }

    /// Sends a request, given without its newline; the reply to it.
    pub(super) async fn ask(&mut self, line: &[u8], limit: Duration) -> Result<Vec<u8>, NoReply> {
        timeout(limit, self.exchange(line))
            .await
            .map_err(|_| NoReply::TimedOut(limit))?
    }

    async fn exchange(&mut self, line: &[u8]) -> Result<Vec<u8>, NoReply> {
        self.0.write_all(&[line, b"\n"].concat()).await.map_err(ended)?;
        let mut reply = Vec::new();
        self.0.read_until(b'\n', &mut reply).await.map_err(ended)?;
        match reply.pop() {
            Some(b'\n') => Ok(reply),
            Some(_) | None => Err(NoReply::Closed),
        }
    }
}

/// Connects and asks, all within `limit`.
pub(super) async fn ask(path: &Path, line: &[u8], limit: Duration) -> Result<Vec<u8>, NoReply> {
    let asking = async { Worker::connect(path, limit).await?.ask(line, limit).await };
    timeout(limit, asking)
        .await
        .map_err(|_| NoReply::TimedOut(limit))?
}

fn not_connected(fault: io::Error) -> NoReply {
    let kind = fault.kind();
    if kind == ErrorKind::NotFound {
        NoReply::NoSocket
    } else if kind == ErrorKind::ConnectionRefused {
        NoReply::NobodyListens
    } else if kind == ErrorKind::PermissionDenied {
        NoReply::Permission
    } else {
        NoReply::Io(fault)
    }
}

fn ended(fault: io::Error) -> NoReply {
    let kind = fault.kind();
    if kind == ErrorKind::BrokenPipe || kind == ErrorKind::ConnectionReset {
        NoReply::Closed
    } else {
        NoReply::Io(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_tell_how_to_end() {
        for (reply, exit) in [
            ("con_lost", Exit::ConLost),
            ("con_delayed", Exit::ConDelayed),
            ("con_failed", Exit::ConFailed),
            ("refused", Exit::Refused),
            ("unknown_cmd", Exit::Rejected),
            ("error: no such user", Exit::Rejected),
            ("con_lost:no", Exit::Fine),
            ("", Exit::Fine),
        ] {
            assert_eq!(exit_of(reply.as_bytes()), exit, "{reply}");
        }
    }
}
