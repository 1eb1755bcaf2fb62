use std::time::{Duration, Instant};

use stand_in_lond::Behaviour;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use crate::raw::{Raw, behaving, lond, seen, soon};

#[tokio::test]
async fn an_endless_line_lasts_until_the_peer_goes() {
    let lond = behaving(Behaviour::EndlessLine).await;
    let (mut raw, _) = Raw::open(&lond).await;
    raw.send("ping").await;
    drink(raw).await;
    soon(lond.wait_for_connections(|_, open| open == 0)).await;
}

#[tokio::test]
async fn an_endless_challenge_lasts_until_the_peer_goes() {
    let lond = behaving(Behaviour::EndlessHandshakeLine).await;
    let mut raw = Raw::connect(&lond).await;
    raw.send("init").await;
    drink(raw).await;
    soon(lond.wait_for_connections(|_, open| open == 0)).await;
}

#[tokio::test]
async fn an_endless_line_stops_when_told() {
    let lond = behaving(Behaviour::EndlessLine).await;
    let (mut raw, _) = Raw::open(&lond).await;
    raw.send("ping").await;
    let mut some = [0; 100];
    soon(raw.stream.read_exact(&mut some)).await.unwrap();
    lond.kill();
    soon(lond.wait_for_connections(|_, open| open == 0)).await;
}

#[tokio::test]
async fn slow_read_takes_its_time() {
    let lond = behaving(Behaviour::SlowRead).await;
    let (mut raw, _) = Raw::open(&lond).await;
    let start = Instant::now();
    // 40 bytes with the newline make ten reads.
    assert_eq!(raw.ask(&format!("len:{}", "y".repeat(35))).await, "39");
    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn never_read_fills_the_pipe() {
    let lond = behaving(Behaviour::NeverRead).await;
    let (mut raw, _) = Raw::open(&lond).await;
    let known = lond.received();
    let flood = vec![b'y'; 64 << 20];
    timeout(Duration::from_millis(300), raw.stream.write_all(&flood))
        .await
        .unwrap_err();
    assert_eq!(lond.received(), known);
    lond.kill();
    soon(lond.wait_for_connections(|_, open| open == 0)).await;
}

#[tokio::test]
async fn never_read_sees_the_peer_go() {
    let lond = behaving(Behaviour::NeverRead).await;
    let (mut raw, _) = Raw::open(&lond).await;
    raw.send("ping").await;
    drop(raw);
    soon(lond.wait_for_connections(|_, open| open == 0)).await;
}

#[tokio::test]
async fn never_read_ends_with_the_behaviour() {
    let lond = lond().await;
    let (mut raw, _) = Raw::open(&lond).await;
    lond.behave(Behaviour::NeverRead);
    raw.send("ping").await;
    lond.inject(b"marker\n");
    assert_eq!(raw.text().await, "marker");
    lond.behave(Behaviour::Normal);
    assert_eq!(raw.text().await, "msul1");
}

#[tokio::test]
async fn never_reply_reads_and_records() {
    let lond = behaving(Behaviour::NeverReply).await;
    let (mut raw, _) = Raw::open(&lond).await;
    raw.send_in_vain(&lond, "ping").await;
    assert_eq!(lond.received().iter().filter(|one| one.raw == b"ping").count(), 1);
}

#[tokio::test]
async fn sleeping_holds_up_the_rest_but_lines_are_seen() {
    let lond = lond().await;
    let (mut raw, _) = Raw::open(&lond).await;
    raw.send("sleep:3600000:never\nping").await;
    seen(&lond, "ping").await;
    drop(raw);
    soon(lond.wait_for_connections(|_, open| open == 0)).await;
}

/// Reads some MB in which there is no newline, then goes away.
async fn drink(mut raw: Raw) {
    let mut flood = vec![0; 8 << 20];
    soon(raw.stream.read_exact(&mut flood)).await.unwrap();
    assert!(flood.iter().all(|byte| *byte == b'x'));
}
