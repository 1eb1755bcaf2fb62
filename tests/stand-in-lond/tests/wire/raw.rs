//! A caller driven by hand.

use std::time::Duration;

use stand_in_lond::cipher::LinkKey;
use stand_in_lond::{Behaviour, Lond};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Only so that a failing test ends.
const LIMIT: Duration = Duration::from_secs(20);

pub(crate) async fn lond() -> Lond {
    Lond::start("msul1").await.unwrap()
}

pub(crate) async fn behaving(behaviour: Behaviour) -> Lond {
    let lond = lond().await;
    lond.behave(behaviour);
    lond
}

pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(LIMIT, what).await.expect("took too long")
}

/// Until this line has been received.
pub(crate) async fn seen(lond: &Lond, line: &str) {
    soon(lond.wait_for(|all| all.iter().any(|one| one.complete && one.raw == line.as_bytes()))).await;
}

pub(crate) struct Raw {
    pub(crate) stream: BufReader<TcpStream>,
}

impl Raw {
    pub(crate) async fn connect(lond: &Lond) -> Self {
        let stream = TcpStream::connect(lond.addr()).await.unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(crate) async fn send(&mut self, line: &str) {
        self.stream
            .write_all(format!("{line}\n").as_bytes())
            .await
            .unwrap();
    }

    /// The same to one that may have closed.
    pub(crate) async fn send_if_open(&mut self, line: &str) {
        let _ = self.stream.write_all(format!("{line}\n").as_bytes()).await;
    }

    /// The next line; at the end what is left, or nothing. A reset is an end too.
    pub(crate) async fn line(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        let _ = soon(self.stream.read_until(b'\n', &mut line)).await;
        if line.pop_if(|last| *last == b'\n').is_none() && line.is_empty() {
            return None;
        }
        Some(line)
    }

    pub(crate) async fn text(&mut self) -> String {
        String::from_utf8(self.line().await.expect("a line")).unwrap()
    }

    pub(crate) async fn ask(&mut self, line: &str) -> String {
        self.send(line).await;
        self.text().await
    }

    pub(crate) async fn ends(&mut self) {
        assert_eq!(self.line().await, None);
    }

    /// Everything up to the end.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = soon(self.stream.read_to_end(&mut rest)).await;
        rest
    }

    /// Up to the returned challenge.
    pub(crate) async fn greet(lond: &Lond) -> Self {
        let mut raw = Self::connect(lond).await;
        let challenge = raw.ask("init").await;
        assert_eq!(raw.ask(&challenge).await, "ok");
        raw
    }

    /// The whole handshake.
    pub(crate) async fn open(lond: &Lond) -> (Self, LinkKey) {
        let mut raw = Self::greet(lond).await;
        assert_eq!(raw.ask("sethost:msul1").await, "ok");
        assert_eq!(raw.ask("version:1").await, "version:0.1.0");
        assert_eq!(raw.ask("pong").await, "msul1:msul2");
        let build_key = raw.ask("ekey").await;
        let key = LinkKey::derive("msul1", "msul2", build_key.as_bytes());
        (raw, key)
    }

    pub(crate) async fn ask_encrypted(&mut self, key: &LinkKey, command: &str) -> String {
        let line = String::from_utf8(key.encrypt(command.as_bytes())).unwrap();
        self.ask(&line).await
    }

    /// Sends a line, waits until it has been handled, and shows that nothing has been answered.
    pub(crate) async fn send_in_vain(&mut self, lond: &Lond, line: &str) {
        self.send(line).await;
        seen(lond, line).await;
        // Lines are handled before more is read: once this one has been read, the first has been handled.
        self.send("after").await;
        seen(lond, "after").await;
        lond.inject(b"marker\n");
        assert_eq!(self.text().await, "marker");
    }
}
