//! What lond asks back, and who it says it is.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use stand_in_lond::{Behaviour, CallBack};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::raw::{Raw, behaving, lond, seen, soon};

#[tokio::test]
async fn pong_waits_for_what_calling_back_gives() {
    let (lond, lonc) = (lond().await, Lonc::listen());
    lond.call_back(Some(CallBack::through(&lonc.path)));
    let mut raw = Raw::greet(&lond).await;
    raw.send("pong").await;
    let (mut caller, asked) = lonc.asked().await;
    assert_eq!(asked, "ping\n");
    lond.inject(b"marker\n");
    assert_eq!(raw.text().await, "marker");
    caller.get_mut().write_all(b"msul7\n").await.unwrap();
    assert_eq!(raw.text().await, "msul1:msul7");
    // Others are not held up, and it may be asked again.
    raw.ask("ekey").await;
    raw.send("pong").await;
    let (mut caller, _) = lonc.asked().await;
    assert_eq!(Raw::greet(&lond).await.ask("sethost:msul1").await, "ok");
    caller.get_mut().write_all(b"msul8\n").await.unwrap();
    assert_eq!(raw.text().await, "msul1:msul8");
}

#[tokio::test]
async fn calling_back_ends_with_its_patience() {
    let (lond, lonc) = (lond().await, Lonc::listen());
    let patience = Duration::from_millis(100);
    lond.call_back(Some(CallBack {
        socket: lonc.path.clone(),
        patience,
    }));
    let mut raw = Raw::greet(&lond).await;
    let start = Instant::now();
    assert_eq!(raw.ask("pong").await, "msul1:con_lost");
    assert!(start.elapsed() >= patience);
    assert_eq!(CallBack::through("/x").patience, Duration::from_secs(10));
}

#[tokio::test]
async fn calling_back_in_vain_is_con_lost_at_once() {
    let lond = lond().await;
    lond.call_back(Some(CallBack {
        socket: "/nowhere/at/all".into(),
        patience: Duration::from_secs(3600),
    }));
    let mut raw = Raw::greet(&lond).await;
    assert_eq!(raw.ask("pong").await, "msul1:con_lost");
    lond.call_back(None);
    assert_eq!(raw.ask("pong").await, "msul1:msul2");
}

#[tokio::test]
async fn a_caller_that_goes_while_it_is_called_back_ends_the_link() {
    let (lond, lonc) = (lond().await, Lonc::listen());
    lond.call_back(Some(CallBack::through(&lonc.path)));
    let mut raw = Raw::greet(&lond).await;
    raw.send("pong").await;
    let _asking = lonc.asked().await;
    seen(&lond, "pong").await;
    drop(raw);
    soon(lond.wait_for_connections(|_, open| open == 0)).await;
}

#[tokio::test]
async fn wrong_ping_names_another_host() {
    let lond = behaving(Behaviour::WrongPing).await;
    let (mut raw, key) = Raw::open(&lond).await;
    assert_eq!(raw.ask("ping").await, "not-msul1");
    let ping = raw.ask_encrypted(&key, "ping").await;
    assert_eq!(ping.as_bytes(), key.encrypt(b"not-msul1"));
    assert_eq!(raw.ask("echo:x").await, "x");
}

/// A lonc's socket.
struct Lonc {
    listener: UnixListener,
    path: PathBuf,
    _dir: TempDir,
}

impl Lonc {
    fn listen() -> Self {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("lonc");
        Self {
            listener: UnixListener::bind(&path).unwrap(),
            path,
            _dir: dir,
        }
    }

    /// The next caller, and what it asks.
    async fn asked(&self) -> (BufReader<UnixStream>, String) {
        let (stream, _) = soon(self.listener.accept()).await.unwrap();
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        soon(stream.read_line(&mut line)).await.unwrap();
        (stream, line)
    }
}
