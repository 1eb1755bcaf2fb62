//! The end of the control socket that asks: one instance, or many at once.
//!
//! A question never starts an instance: where there is none, there is no socket. Every question has its time, over
//! connecting, asking and the whole reply, so that an instance that hangs costs that time and no more.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use memchr::memchr;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::interface::{self, Status, StatusReply};
use crate::units;

/// Longest reply taken, in bytes: the longest list there is, ten thousand messages with the longest names, is shorter.
pub(crate) const MAX_REPLY: usize = 8 * 1024 * 1024;
/// How many instances are asked at a time: each takes a file descriptor, of which a process has 1024.
const AT_A_TIME: usize = 256;
/// Pause before another try to connect where the backlog is full.
const BACKLOG_PAUSE: Duration = Duration::from_millis(20);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// There is no control socket.
    #[error("not started")]
    NotStarted,
    /// There is one, and nobody listens at it.
    #[error("nobody listens at its control socket")]
    Refused,
    /// We may not connect.
    #[error("no permission to ask it")]
    Permission,
    /// It hangs.
    #[error("no answer within {}", humantime::format_duration(*.0))]
    TimedOut(Duration),
    /// It ended, or has too many who ask.
    #[error("it closed the connection without an answer")]
    Closed,
    /// It answered that it cannot or will not.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// It said something that is no answer to what was asked.
    #[error("its answer cannot be used: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It said more than any answer has.
    #[error("its answer has more than {MAX_REPLY} bytes")]
    TooLong,
    /// Another fault of the connection.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// An error that Varlink's interface describes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.words())]
pub struct RemoteError {
    /// `<interface>.<error>`.
    pub error: String,
    /// What it carries.
    pub parameters: Map<String, Value>,
}

impl RemoteError {
    /// Its name, without the interface.
    #[must_use]
    pub fn name(&self) -> &str {
        self.error.rsplit('.').next().unwrap_or_default()
    }

    /// A text that it carries.
    #[must_use]
    pub fn text(&self, parameter: &str) -> Option<&str> {
        self.parameters.get(parameter).and_then(Value::as_str)
    }

    fn words(&self) -> String {
        let text = |name| self.text(name).unwrap_or("?");
        match self.name() {
            "PermissionDenied" => "permission denied: only root and the service's own user may".to_owned(),
            "BadConfiguration" => format!("the configuration is faulty: {}", text("text")),
            "NoSuchMessage" => format!("there is no delayed message {}", text("name")),
            "MessageBusy" => format!("{} is just being sent", text("name")),
            "SpoolFault" => format!("the spool: {}", text("text")),
            "LogLevelFixed" => "RUST_LOG is set for it, and has the say".to_owned(),
            "NoAnswer" => "it is about to end, or its disk hangs".to_owned(),
            _ if self.parameters.is_empty() => self.error.clone(),
            _ => format!("{} {}", self.error, Value::Object(self.parameters.clone())),
        }
    }
}

/// A connection to an instance.
#[derive(Debug)]
pub struct Connection {
    stream: UnixStream,
    input: Vec<u8>,
    limit: Duration,
    /// A call went wrong: what comes now may be its late reply.
    is_spent: bool,
}

impl Connection {
    /// Connects to the control socket at `path`; this, and each call later, takes `limit` at most.
    pub async fn open(path: &Path, limit: Duration) -> Result<Self, CallError> {
        let stream = within(limit, connect(path)).await?;
        Ok(Self {
            stream,
            input: Vec::new(),
            limit,
            is_spent: false,
        })
    }

    /// Calls a method of `org.loncapa.lonc`, as `GetStatus`. To be dropped after any error but
    /// [`CallError::Remote`]: a late reply must not be taken for that to another call.
    pub async fn call<P: Serialize, R: DeserializeOwned>(
        &mut self,
        method: &str,
        parameters: &P,
    ) -> Result<R, CallError> {
        if self.is_spent {
            return Err(CallError::Closed);
        }
        self.is_spent = true;
        let limit = self.limit;
        let answered = within(limit, self.exchange(method, parameters, false)).await;
        self.is_spent = !matches!(answered, Ok(_) | Err(CallError::Remote(_)));
        Ok(serde_json::from_value(answered?)?)
    }

    /// The status now, at each change, and at least every `interval` (100 ms or more).
    pub async fn monitor(mut self, interval: Option<Duration>) -> Result<Monitor, CallError> {
        if self.is_spent {
            return Err(CallError::Closed);
        }
        let parameters = interval.map_or_else(
            || json!({}),
            |span| json!({ "intervalUsec": units::micros(span) }),
        );
        let limit = self.limit;
        let first = within(limit, self.exchange("Monitor", &parameters, true)).await?;
        Ok(Monitor {
            connection: self,
            first: Some(first),
        })
    }

    async fn exchange<P: Serialize>(
        &mut self,
        method: &str,
        parameters: &P,
        more: bool,
    ) -> Result<Value, CallError> {
        let method = format!("{}.{method}", interface::NAME);
        let mut call =
            serde_json::to_vec(&json!({ "method": method, "parameters": parameters, "more": more }))?;
        call.push(0);
        self.stream.write_all(&call).await.map_err(lost)?;
        self.reply().await
    }

    /// What the next reply carries.
    async fn reply(&mut self) -> Result<Value, CallError> {
        let reply: Reply = loop {
            if let Some(end) = memchr(0, &self.input) {
                let reply = serde_json::from_slice(self.input.get(..end).unwrap_or_default());
                self.input.drain(..=end);
                break reply?;
            }
            self.read().await?;
        };
        match reply.error {
            None => Ok(Value::Object(reply.parameters)),
            Some(error) => Err(CallError::Remote(RemoteError {
                error,
                parameters: reply.parameters,
            })),
        }
    }

    async fn read(&mut self) -> Result<(), CallError> {
        let room = (MAX_REPLY + 1).saturating_sub(self.input.len());
        if room == 0 {
            return Err(CallError::TooLong);
        }
        let mut stream = (&mut self.stream).take(room as u64);
        match stream.read_buf(&mut self.input).await.map_err(lost)? {
            0 => Err(CallError::Closed),
            _ => Ok(()),
        }
    }
}

/// A stream of statuses.
#[derive(Debug)]
pub struct Monitor {
    connection: Connection,
    first: Option<Value>,
}

impl Monitor {
    /// The next status, which may take `limit`: the interval asked for and some more. Ends with
    /// [`CallError::Closed`] when the instance does. To be dropped after any error.
    pub async fn next(&mut self, limit: Duration) -> Result<Status, CallError> {
        let value = match self.first.take() {
            Some(first) => first,
            None => within(limit, self.connection.reply()).await?,
        };
        let reply: StatusReply = serde_json::from_value(value)?;
        Ok(reply.status)
    }
}

/// Asks the instance whose control socket is at `path` one question, which takes `limit` at most in all.
pub async fn ask<P: Serialize, R: DeserializeOwned>(
    path: &Path,
    method: &str,
    parameters: &P,
    limit: Duration,
) -> Result<R, CallError> {
    within(limit, async {
        let mut connection = Connection::open(path, limit).await?;
        connection.call(method, parameters).await
    })
    .await
}

/// Asks many the same at the same time, each with a time of its own; the answers in the order of `paths`.
pub async fn ask_all<P, R>(
    paths: Vec<PathBuf>,
    method: &'static str,
    parameters: P,
    limit: Duration,
) -> Vec<Result<R, CallError>>
where
    P: Serialize + Clone + Send + Sync + 'static,
    R: DeserializeOwned + Send + 'static,
{
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut asking = JoinSet::new();
    for (index, path) in paths.into_iter().enumerate() {
        let (places, parameters) = (Arc::clone(&places), parameters.clone());
        asking.spawn(async move {
            let _place = places.acquire().await;
            (index, ask(&path, method, &parameters, limit).await)
        });
    }
    let mut answers = asking.join_all().await;
    answers.sort_by_key(|(index, _)| *index);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    parameters: Map<String, Value>,
}

async fn connect(path: &Path) -> Result<UnixStream, CallError> {
    loop {
        match UnixStream::connect(path).await {
            // Whoever listens does not accept, and the backlog is full.
            Err(fault) if fault.kind() == ErrorKind::WouldBlock => sleep(BACKLOG_PAUSE).await,
            connected => return connected.map_err(not_connected),
        }
    }
}

fn not_connected(fault: io::Error) -> CallError {
    let kind = fault.kind();
    if kind == ErrorKind::NotFound {
        CallError::NotStarted
    } else if kind == ErrorKind::ConnectionRefused {
        CallError::Refused
    } else if kind == ErrorKind::PermissionDenied {
        CallError::Permission
    } else {
        CallError::Io(fault)
    }
}

fn lost(fault: io::Error) -> CallError {
    if matches!(fault.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) {
        CallError::Closed
    } else {
        CallError::Io(fault)
    }
}

async fn within<T>(
    limit: Duration,
    asking: impl Future<Output = Result<T, CallError>>,
) -> Result<T, CallError> {
    timeout(limit, asking)
        .await
        .unwrap_or(Err(CallError::TimedOut(limit)))
}
