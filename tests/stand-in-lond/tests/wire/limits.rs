//! How many links there are, and how many there may be.

use stand_in_lond::{Behaviour, Step};

use crate::raw::{Raw, lond, soon};

#[tokio::test]
async fn links_are_counted() {
    let lond = lond().await;
    let (mut one, _) = Raw::open(&lond).await;
    let (two, _) = Raw::open(&lond).await;
    assert_eq!(one.ask("counts").await, "2 2 2");
    drop(two);
    soon(lond.wait_for_connections(|_, open| open == 1)).await;
    assert_eq!(one.ask("counts").await, "2 1 2");
    let (_three, _) = Raw::open(&lond).await;
    assert_eq!(one.ask("counts").await, "3 2 2");
    assert_eq!(lond.most_open_connections(), 2);
    assert_eq!((lond.connections(), lond.open_connections()), (3, 2));
}

#[tokio::test]
async fn requests_are_told_by_connection_in_order() {
    let lond = lond().await;
    let (mut one, key) = Raw::open(&lond).await;
    let (_idle, _) = Raw::open(&lond).await;
    let (mut three, _) = Raw::open(&lond).await;
    assert_eq!(one.ask("echo:1").await, "1");
    assert_eq!(three.ask("echo:2").await, "2");
    one.ask_encrypted(&key, "echo:3").await;
    let requests = lond.requests();
    let commands = |connection| {
        let lines: &Vec<stand_in_lond::Received> = &requests[&connection];
        lines
            .iter()
            .map(|line| str::from_utf8(line.command()).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(commands(1), ["echo:1", "echo:3"]);
    assert_eq!(commands(3), ["echo:2"]);
    assert_eq!(requests.len(), 2);
}

#[tokio::test]
async fn those_beyond_the_limit_are_closed_at_the_given_point() {
    for (beyond, answers) in [
        (Behaviour::Refuse, 0),
        (Behaviour::CloseAt(Step::Accept), 0),
        (Behaviour::CloseAt(Step::Challenge), 1),
        (Behaviour::CloseAt(Step::BuildKey), 4),
    ] {
        let lond = lond().await;
        lond.limit_links(2, beyond);
        let (mut one, _) = Raw::open(&lond).await;
        let (two, _) = Raw::open(&lond).await;
        for _ in 0..3 {
            let (mut raw, answered) = try_to_open(&lond).await;
            assert_eq!(answered, answers, "{beyond:?}");
            raw.ends().await;
        }
        assert_eq!(one.ask("ping").await, "msul1");
        // A place that is free again can be taken.
        drop(two);
        soon(lond.wait_for_connections(|_, open| open == 1)).await;
        let (mut raw, answered) = try_to_open(&lond).await;
        assert_eq!((answered, raw.ask("ping").await.as_str()), (5, "msul1"));
        assert_eq!(lond.connections(), 6, "{beyond:?}");
    }
}

#[tokio::test]
async fn one_beyond_the_limit_that_stays_takes_no_place() {
    let lond = lond().await;
    lond.limit_links(1, Behaviour::StallAt(Step::Challenge));
    let (one, _) = Raw::open(&lond).await;
    let mut stalled = Raw::connect(&lond).await;
    let challenge = stalled.ask("init").await;
    stalled.send_in_vain(&lond, &challenge).await;
    drop(one);
    soon(lond.wait_for_connections(|_, open| open == 1)).await;
    let (mut raw, _) = Raw::open(&lond).await;
    assert_eq!(raw.ask("ping").await, "msul1");
    lond.unlimit_links();
    let (mut raw, _) = Raw::open(&lond).await;
    assert_eq!(raw.ask("counts").await, "4 3 3");
}

/// The answers of an opening, up to its end or that of the connection.
async fn try_to_open(lond: &stand_in_lond::Lond) -> (Raw, usize) {
    let mut raw = Raw::connect(lond).await;
    let mut challenge = String::new();
    for (answered, step) in ["init", "", "sethost:msul1", "version:1", "ekey"]
        .into_iter()
        .enumerate()
    {
        let line = if step.is_empty() { &challenge } else { step };
        raw.send_if_open(line).await;
        let Some(answer) = raw.line().await else {
            return (raw, answered);
        };
        challenge = String::from_utf8(answer).unwrap();
    }
    (raw, 5)
}
