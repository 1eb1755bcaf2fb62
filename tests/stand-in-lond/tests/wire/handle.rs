use stand_in_lond::{Behaviour, Lond, Received};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::raw::{Raw, lond, seen, soon};

#[tokio::test]
async fn kill_refuses_at_once_and_revive_takes_the_same_port() {
    let lond = lond().await;
    let (mut raw, _) = Raw::open(&lond).await;
    lond.kill();
    let refused = TcpStream::connect(lond.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    raw.ends().await;
    soon(lond.wait_for_connections(|_, open| open == 0)).await;
    lond.revive().await.unwrap();
    lond.revive().await.unwrap();
    let (mut raw, _) = Raw::open(&lond).await;
    assert_eq!(raw.ask("ping").await, "msul1");
    assert_eq!(lond.connections(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_and_revive_over_and_over() {
    let lond = lond().await;
    for _ in 0..50 {
        let (mut raw, _) = Raw::open(&lond).await;
        lond.kill();
        assert!(TcpStream::connect(lond.addr()).await.is_err());
        lond.revive().await.unwrap();
        raw.ends().await;
    }
    soon(lond.wait_for_connections(|accepted, open| accepted == 50 && open == 0)).await;
}

#[tokio::test]
async fn another_lond_can_take_the_port_of_one_that_was_dropped() {
    let first = lond().await;
    let addr = first.addr();
    let (mut raw, _) = Raw::open(&first).await;
    drop(first);
    raw.ends().await;
    let second = Lond::bind("msul1", addr).await.unwrap();
    assert_eq!((second.addr(), second.port()), (addr, addr.port()));
    Raw::open(&second).await;
}

#[tokio::test]
async fn links_are_dropped_while_listening_goes_on() {
    let lond = lond().await;
    let (mut one, _) = Raw::open(&lond).await;
    let (mut two, _) = Raw::open(&lond).await;
    assert_eq!((lond.connections(), lond.open_connections()), (2, 2));
    lond.drop_links();
    one.ends().await;
    two.ends().await;
    soon(lond.wait_for_connections(|accepted, open| accepted == 2 && open == 0)).await;
    let (mut three, _) = Raw::open(&lond).await;
    assert_eq!(three.ask("ping").await, "msul1");
}

#[tokio::test]
async fn injected_bytes_reach_all_links() {
    let lond = lond().await;
    let (mut one, _) = Raw::open(&lond).await;
    let (mut two, _) = Raw::open(&lond).await;
    lond.inject(b"from nowhere\n");
    assert_eq!(one.text().await, "from nowhere");
    assert_eq!(two.text().await, "from nowhere");
}

#[tokio::test]
async fn the_journal_tells_links_apart_and_keeps_partial_lines() {
    let lond = lond().await;
    let (mut one, _) = Raw::open(&lond).await;
    let (mut two, _) = Raw::open(&lond).await;
    one.send("echo:\0\r").await;
    seen(&lond, "echo:\0\r").await;
    two.stream.write_all(b"ping\npartial").await.unwrap();
    drop(two);
    soon(lond.wait_for(|all| all.last().is_some_and(|last| !last.complete))).await;
    let line = |connection, raw: &[u8], complete| Received {
        connection,
        raw: raw.to_vec(),
        decrypted: None,
        complete,
    };
    let received = lond.received();
    let tail = [
        line(1, b"echo:\0\r", true),
        line(2, b"ping", true),
        line(2, b"partial", false),
    ];
    assert_eq!(received[received.len() - 3..], tail);
    assert_eq!(received[0], line(1, b"init", true));
    assert_eq!(received[2].command(), b"sethost:msul1");
}

#[tokio::test]
async fn waiting_may_start_before_the_line_comes() {
    let lond = lond().await;
    let (mut raw, _) = Raw::open(&lond).await;
    tokio::join!(seen(&lond, "ping"), raw.send("ping"));
}

#[tokio::test]
async fn behaviours_change_while_links_are_open() {
    let lond = lond().await;
    let (mut raw, _) = Raw::open(&lond).await;
    lond.behave(Behaviour::ExtraReply);
    assert_eq!(raw.ask("ping").await, "msul1");
    assert_eq!(raw.text().await, "extra");
    lond.behave(Behaviour::Normal);
    assert_eq!(raw.ask("ping").await, "msul1");
    assert_eq!(raw.ask("echo:x").await, "x");
}

#[test]
fn behaviours_have_names() {
    use stand_in_lond::{BadHex, Step};
    let cases = [
        ("normal", Behaviour::Normal),
        ("stall-at:build-key", Behaviour::StallAt(Step::BuildKey)),
        ("close-after-requests:3", Behaviour::CloseAfterRequests(3)),
        (
            "late-reply:500",
            Behaviour::LateReply(std::time::Duration::from_millis(500)),
        ),
        ("silent", Behaviour::Silent),
        ("wrong-ping", Behaviour::WrongPing),
        ("bad-hex:non-hex", Behaviour::BadHex(BadHex::NonHex)),
    ];
    for (name, behaviour) in cases {
        assert_eq!(name.parse(), Ok(behaviour));
    }
    for name in ["", "stall-at", "stall-at:", "normal:1", "garbage:x"] {
        assert!(name.parse::<Behaviour>().is_err(), "{name}");
    }
}
