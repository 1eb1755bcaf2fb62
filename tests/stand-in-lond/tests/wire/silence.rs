//! A lond that hangs.

use std::time::Duration;

use stand_in_lond::{Behaviour, Lond};
use tokio::io::AsyncWriteExt as _;
use tokio::time::{sleep, timeout};

use crate::raw::{Raw, lond, seen, soon};

#[tokio::test]
async fn one_connection_falls_silent_and_the_others_do_not() {
    let lond = lond().await;
    let (mut one, _) = Raw::open(&lond).await;
    let (mut two, _) = Raw::open(&lond).await;
    assert_eq!(one.ask("ping").await, "msul1");
    lond.behave_on(1, Behaviour::Silent);
    assert_eq!(two.ask("ping").await, "msul1");
    let known = lond.received();
    one.send("echo:unread").await;
    assert_eq!(two.ask("echo:x").await, "x");
    shut_window(&mut one).await;
    soon(probed(&lond)).await;
    assert_eq!(two.ask("echo:y").await, "y");
    assert!(
        lond.received()[known.len()..]
            .iter()
            .all(|line| line.connection == 2)
    );
    lond.inject(b"marker\n");
    assert_eq!(one.text().await, "marker");
}

#[tokio::test]
async fn all_fall_silent_new_connections_too_and_go_on_later() {
    let lond = lond().await;
    let (mut old, _) = Raw::open(&lond).await;
    old.send("hold:first\necho:second").await;
    seen(&lond, "echo:second").await;
    lond.behave(Behaviour::Silent);
    // What was read already is not answered either.
    lond.release();
    let mut new = Raw::connect(&lond).await;
    new.send("init").await;
    soon(lond.wait_for_connections(|accepted, _| accepted == 2)).await;
    lond.inject(b"marker\n");
    assert_eq!(old.text().await, "marker");
    assert_eq!(new.text().await, "marker");
    lond.behave(Behaviour::Normal);
    assert_eq!(old.text().await, "first");
    assert_eq!(old.text().await, "second");
    assert!(!new.text().await.is_empty());
}

#[tokio::test]
async fn a_silent_connection_sees_the_peer_go() {
    let lond = lond().await;
    let (raw, _) = Raw::open(&lond).await;
    lond.behave(Behaviour::Silent);
    drop(raw);
    soon(lond.wait_for_connections(|_, open| open == 0)).await;
}

#[tokio::test]
async fn silence_can_be_asked_for_on_the_wire() {
    let lond = lond().await;
    let (mut one, _) = Raw::open(&lond).await;
    let (mut two, _) = Raw::open(&lond).await;
    one.send("echo:before\nsilence\necho:behind").await;
    assert_eq!(one.text().await, "before");
    seen(&lond, "echo:behind").await;
    assert_eq!(two.ask("echo:x").await, "x");
    two.send("silence-all").await;
    seen(&lond, "silence-all").await;
    let mut new = Raw::connect(&lond).await;
    new.send("init").await;
    soon(lond.wait_for_connections(|accepted, _| accepted == 3)).await;
    lond.inject(b"marker\n");
    for raw in [&mut one, &mut two, &mut new] {
        assert_eq!(raw.text().await, "marker");
    }
    lond.behave(Behaviour::Normal);
    assert_eq!(two.text().await, "awake");
    lond.behave_on(1, Behaviour::Normal);
    assert_eq!(one.text().await, "awake");
    assert_eq!(one.text().await, "behind");
}

/// Fills all buffers on the way, until the window is shut.
async fn shut_window(raw: &mut Raw) {
    let flood = vec![b'y'; 64 << 20];
    timeout(Duration::from_millis(300), raw.stream.write_all(&flood))
        .await
        .unwrap_err();
}

/// Until the kernel says of a connection to `lond` that its window is shut, and probes it.
async fn probed(lond: &Lond) {
    while !is_probed(lond) {
        sleep(Duration::from_millis(10)).await;
    }
}

fn is_probed(lond: &Lond) -> bool {
    let port = format!("{:04X}", lond.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table.lines().any(|line| {
        let fields: Vec<_> = line.split_whitespace().collect();
        // Timer 4 is the one for probes of a shut window, here at the end that sends.
        fields[2].ends_with(&port) && fields[5].starts_with("04:")
    })
}
