//! Varlink on the wire: JSON objects, each ended by a NUL byte, over a UNIX stream.

use std::io;
use std::time::Duration;

use memchr::memchr;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// Longest call taken, in bytes. None of ours has more than a few hundred.
pub(super) const MAX_CALL: usize = if cfg!(fuzzing) { 256 } else { 64 * 1024 };
/// Who calls nothing for so long is cut off.
const IDLE: Duration = Duration::from_secs(60);
/// Who has not taken a reply after so long is cut off.
const STALL: Duration = Duration::from_secs(10);

/// A call, as it came.
#[derive(Debug, Deserialize)]
pub(super) struct Call {
    /// `<interface>.<method>`.
    pub(super) method: String,
    #[serde(default)]
    pub(super) parameters: Option<Map<String, Value>>,
    /// Any number of replies will do.
    #[serde(default)]
    pub(super) more: bool,
    /// No reply is wanted.
    #[serde(default)]
    pub(super) oneway: bool,
}

/// Why a connection is cut off.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("a call of more than {MAX_CALL} bytes")]
    TooLong,
    #[error("no call: {0}")]
    Malformed(#[from] serde_json::Error),
    #[error("silent for {} s", IDLE.as_secs())]
    Idle,
    #[error("takes no replies")]
    Stalled,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Our end of a connection.
pub(super) struct Connection<S> {
    stream: S,
    input: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            input: Vec::new(),
        }
    }

    /// The next call; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Call>, Fault> {
        timeout(IDLE, self.read_call()).await.map_err(|_| Fault::Idle)?
    }

    async fn read_call(&mut self) -> Result<Option<Call>, Fault> {
        loop {
            if let Some(end) = memchr(0, &self.input) {
                let call = serde_json::from_slice(self.input.get(..end).unwrap_or_default())?;
                self.input.drain(..=end);
                return Ok(Some(call));
            }
            if !self.read().await? {
                return Ok(None);
            }
        }
    }

    /// Reads some more, up to one call; false at the end.
    async fn read(&mut self) -> Result<bool, Fault> {
        let room = (MAX_CALL + 1).saturating_sub(self.input.len());
        if room == 0 {
            return Err(Fault::TooLong);
        }
        let mut stream = (&mut self.stream).take(room as u64);
        Ok(stream.read_buf(&mut self.input).await? > 0)
    }

    /// Ends when the other side does, or says more than it should while it is told.
    pub(super) async fn gone(&mut self) {
        while matches!(self.read().await, Ok(true)) {}
    }

    pub(super) async fn send(&mut self, message: &[u8]) -> Result<(), Fault> {
        let sent = timeout(STALL, self.stream.write_all(message)).await;
        Ok(sent.map_err(|_| Fault::Stalled)??)
    }
}

/// A successful reply; with `continues` more will follow.
pub(super) fn reply(parameters: &impl Serialize, continues: bool) -> Vec<u8> {
    #[derive(Serialize)]
    struct Reply<'a, P> {
        parameters: &'a P,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        continues: bool,
    }
    message(&Reply {
        parameters,
        continues,
    })
}

/// An error.
pub(super) fn error(name: &str, parameters: &Value) -> Vec<u8> {
    #[derive(Serialize)]
    struct Error<'a> {
        error: &'a str,
        parameters: &'a Value,
    }
    message(&Error {
        error: name,
        parameters,
    })
}

fn message(content: &impl Serialize) -> Vec<u8> {
    // Only maps with other keys than texts cannot be written, and there are none.
    let mut bytes = serde_json::to_vec(content).unwrap_or_default();
    bytes.push(0);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokio::io::{DuplexStream, duplex};
    use tokio::time::Instant;

    #[tokio::test]
    async fn calls_come_in_pieces_or_together() {
        let (mut theirs, mut ours) = connection(1000);
        theirs
            .write_all(b"{\"method\":\"a.B\",\"more\":tr")
            .await
            .unwrap();
        let next = tokio::join!(ours.next(), theirs.write_all(b"ue}\0{\"method\":\"a.C\"}\0{")).0;
        let call = next.unwrap().unwrap();
        assert_eq!(
            (call.method, call.more, call.oneway),
            ("a.B".to_owned(), true, false)
        );
        assert_eq!(ours.next().await.unwrap().unwrap().method, "a.C");
        drop(theirs);
        assert!(ours.next().await.unwrap().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_silent_is_cut_off() {
        let (mut theirs, mut ours) = connection(1000);
        theirs.write_all(b"{").await.unwrap();
        let begun = Instant::now();
        assert!(matches!(ours.next().await, Err(Fault::Idle)));
        assert_eq!(begun.elapsed(), IDLE);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_no_reply_is_cut_off() {
        let (_theirs, mut ours) = connection(1000);
        let begun = Instant::now();
        assert!(matches!(ours.send(&[b'x'; 1001]).await, Err(Fault::Stalled)));
        assert_eq!(begun.elapsed(), STALL);
    }

    #[tokio::test]
    async fn a_call_may_be_as_long_as_allowed_and_no_longer() {
        let (mut theirs, mut ours) = connection(4 * MAX_CALL);
        let long = |more: usize| {
            let name = "x".repeat(MAX_CALL - "{\"method\":\"\"}".len() + more);
            format!("{{\"method\":\"{name}\"}}\0")
        };
        theirs.write_all(long(0).as_bytes()).await.unwrap();
        assert!(ours.next().await.unwrap().is_some());
        theirs.write_all(long(1).as_bytes()).await.unwrap();
        assert!(matches!(ours.next().await, Err(Fault::TooLong)));
    }

    #[test]
    fn messages_end_with_nothing() {
        assert_eq!(reply(&json!({}), false), b"{\"parameters\":{}}\0");
        assert_eq!(
            reply(&json!({}), true),
            b"{\"parameters\":{},\"continues\":true}\0"
        );
        assert_eq!(
            error("a.B", &json!({})),
            b"{\"error\":\"a.B\",\"parameters\":{}}\0"
        );
    }

    /// Both ends of a connection that holds `room` bytes.
    fn connection(room: usize) -> (DuplexStream, Connection<DuplexStream>) {
        let (theirs, ours) = duplex(room);
        (theirs, Connection::new(ours))
    }
}
