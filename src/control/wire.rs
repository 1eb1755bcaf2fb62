//! Varlink on the wire: JSON objects, each ended by a NUL byte, over a UNIX stream.

use std::io;
use std::time::Duration;

use memchr::memchr;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Longest call taken, in bytes. None of ours has more than a few hundred.
pub(super) const MAX_CALL: usize = 64 * 1024;
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

/// One end of a connection.
pub(super) struct Connection {
    stream: UnixStream,
    input: Vec<u8>,
}

impl Connection {
    pub(super) fn new(stream: UnixStream) -> Self {
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

    /// Reads some more; false at the end.
    async fn read(&mut self) -> Result<bool, Fault> {
        if self.input.len() > MAX_CALL {
            return Err(Fault::TooLong);
        }
        Ok(self.stream.read_buf(&mut self.input).await? > 0)
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
