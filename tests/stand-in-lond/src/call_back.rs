//! lond's question back to its caller.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::timeout;

/// Before it answers `pong`, lond asks the caller's lond for its id, through the lonc of its own host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallBack {
    /// Where that lonc's clients connect to.
    pub socket: PathBuf,
    /// How long it waits for the answer.
    pub patience: Duration,
}

impl CallBack {
    /// Through this socket, with the patience of the real lond.
    #[must_use]
    pub fn through(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
            patience: Duration::from_secs(10),
        }
    }

    /// What comes back; `con_lost` where nothing does.
    pub(crate) async fn ask(&self) -> String {
        match timeout(self.patience, self.exchange()).await {
            Ok(Ok(answer)) if !answer.is_empty() => answer,
            _ => "con_lost".to_owned(),
        }
    }

    async fn exchange(&self) -> io::Result<String> {
        let mut stream = BufReader::new(UnixStream::connect(&self.socket).await?);
        stream.write_all(b"ping\n").await?;
        let mut answer = String::new();
        stream.read_line(&mut answer).await?;
        Ok(answer.trim_end_matches('\n').to_owned())
    }
}
