//! The library's other end of the control socket: what whoever asks is told.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use lonc::internals::control::{
    CallError, Connection, MetricsReply, RemoteError, State, StatusReply, ask, ask_all,
};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_harness::{Lonc, PATIENCE, Peer, QUICK};
use tokio::runtime::{Builder, Runtime};

/// What a hung instance may cost.
const SHORT: Duration = Duration::from_millis(300);

#[test]
fn one_connection_serves_many_calls_and_survives_errors() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    run(async {
        let mut connection = Connection::open(&lonc.site.control_socket(), PATIENCE)
            .await
            .unwrap();
        let reply: StatusReply = connection.call("GetStatus", &json!({})).await.unwrap();
        assert_eq!(
            (reply.status.peer.as_str(), reply.status.state),
            ("msul1", State::Up)
        );
        let nobody = json!({ "name": "no.msul1" });
        let Err(CallError::Remote(fault)) = connection.call::<_, Value>("HoldDelayed", &nobody).await else {
            panic!("no error");
        };
        assert_eq!(fault.error, "org.loncapa.lonc.NoSuchMessage");
        assert_eq!(fault.text("name"), Some("no.msul1"));
        assert_eq!(fault.to_string(), "there is no delayed message no.msul1");
        let reply: MetricsReply = connection.call("GetMetrics", &json!({})).await.unwrap();
        assert_eq!(reply.metrics.peer, "msul1");
    });
}

#[test]
fn a_monitor_tells_changes_and_the_end() {
    let peer = Peer::dead();
    let mut lonc = Lonc::start(&peer, QUICK);
    let runtime = runtime();
    let path = lonc.site.control_socket();
    let begun = runtime.block_on(async {
        let connection = Connection::open(&path, PATIENCE).await?;
        connection.monitor(Some(Duration::from_secs(1))).await
    });
    let mut monitor = begun.unwrap();
    let mut next = || runtime.block_on(monitor.next(PATIENCE));
    while next().unwrap().state != State::Down {}
    peer.revive();
    while next().unwrap().state != State::Up {}
    lonc.signal(Signal::SIGTERM);
    let end = std::iter::repeat_with(next).find_map(Result::err).unwrap();
    assert!(matches!(end, CallError::Closed), "{end}");
    lonc.ended_well();
}

#[test]
fn why_there_is_no_answer_is_told_apart() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("msul1");
    let outcome = || run(status(&path, SHORT)).unwrap_err();
    assert!(matches!(outcome(), CallError::NotStarted));
    drop(UnixListener::bind(&path).unwrap());
    assert!(matches!(outcome(), CallError::Refused));
    std::fs::remove_file(&path).unwrap();
    let _deaf = UnixListener::bind(&path).unwrap();
    assert!(matches!(outcome(), CallError::TimedOut(limit) if limit == SHORT));
}

#[test]
fn a_full_backlog_is_a_hung_instance() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("msul1");
    let deaf = UnixListener::bind(&path).unwrap();
    nix::sys::socket::listen(&deaf, nix::sys::socket::Backlog::new(1).unwrap()).unwrap();
    run(async {
        let mut waiting = Vec::new();
        let fault = loop {
            match Connection::open(&path, SHORT).await {
                Ok(connection) => waiting.push(connection),
                Err(fault) => break fault,
            }
        };
        assert!(matches!(fault, CallError::TimedOut(_)), "{fault}");
    });
}

#[test]
fn what_is_no_answer_is_not_taken_for_one() {
    assert!(matches!(told_of(Vec::new()), Err(CallError::Closed)));
    assert!(matches!(
        told_of(b"{\"parameters\":{".to_vec()),
        Err(CallError::Closed)
    ));
    assert!(matches!(
        told_of(b"no JSON\0".to_vec()),
        Err(CallError::Malformed(_))
    ));
    assert!(matches!(
        told_of(b"{\"parameters\":{}}\0".to_vec()),
        Err(CallError::Malformed(_))
    ));
    assert!(matches!(
        told_of(vec![b' '; 9 * 1024 * 1024]),
        Err(CallError::TooLong)
    ));
    let unknown = told_of(b"{\"error\":\"a.b.New\",\"parameters\":{\"x\":1}}\0".to_vec());
    let Err(CallError::Remote(RemoteError { error, parameters })) = unknown else {
        panic!("{unknown:?}");
    };
    assert_eq!((error.as_str(), &parameters["x"]), ("a.b.New", &1.into()));
}

#[test]
fn a_late_reply_reaches_nobody() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    run(async {
        let mut connection = Connection::open(&lonc.site.control_socket(), SHORT)
            .await
            .unwrap();
        lonc.signal(Signal::SIGSTOP);
        let first: Result<StatusReply, _> = connection.call("GetStatus", &json!({})).await;
        assert!(matches!(first, Err(CallError::TimedOut(_))), "{first:?}");
        lonc.signal(Signal::SIGCONT);
        let second: Result<Value, _> = connection.call("GetMetrics", &json!({})).await;
        assert!(matches!(second, Err(CallError::Closed)), "{second:?}");
    });
}

#[test]
fn a_hung_one_costs_its_own_time_only() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let dir = TempDir::new().unwrap();
    let deaf: Vec<_> = (0..20)
        .map(|number| dir.path().join(number.to_string()))
        .collect();
    let _listeners: Vec<_> = deaf
        .iter()
        .map(|path| UnixListener::bind(path).unwrap())
        .collect();
    let mut paths = deaf;
    paths.push(lonc.site.control_socket());
    paths.push(dir.path().join("absent"));
    let begun = Instant::now();
    let limit = Duration::from_secs(20);
    let answers = run(ask_all::<_, StatusReply>(paths, "GetStatus", json!({}), limit));
    assert!(begun.elapsed() < 3 * limit, "{:?}", begun.elapsed());
    let (deaf, others) = answers.split_at(20);
    assert!(
        deaf.iter()
            .all(|answer| matches!(answer, Err(CallError::TimedOut(_))))
    );
    assert_eq!(others[0].as_ref().unwrap().status.peer, "msul1");
    assert!(matches!(others[1], Err(CallError::NotStarted)));
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn run<T>(asking: impl Future<Output = T>) -> T {
    runtime().block_on(asking)
}

async fn status(path: &Path, limit: Duration) -> Result<StatusReply, CallError> {
    ask(path, "GetStatus", &json!({}), limit).await
}

/// What is told of one who accepts, says `bytes`, and hangs up.
fn told_of(bytes: Vec<u8>) -> Result<StatusReply, CallError> {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("msul1");
    let listener = UnixListener::bind(&path).unwrap();
    let saying = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().unwrap();
        let mut call = [0; 1024];
        let _ = stream.read(&mut call).unwrap();
        // Who is told too much hangs up.
        let _ = stream.write_all(&bytes);
    });
    let told = run(status(&path, PATIENCE));
    saying.join().unwrap();
    told
}
