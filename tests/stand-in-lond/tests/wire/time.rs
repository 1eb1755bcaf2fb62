//! Requests that take time.

use std::time::{Duration, Instant};

use stand_in_lond::Pace;

use crate::raw::{Raw, lond};

const EACH: Duration = Duration::from_millis(40);
const LONG: Duration = Duration::from_millis(200);

#[tokio::test]
async fn a_link_works_on_one_request_after_the_other() {
    let lond = lond().await;
    lond.pace(Pace::of(EACH));
    let (mut raw, _) = Raw::open(&lond).await;
    let start = Instant::now();
    raw.send("echo:1\necho:2\necho:3").await;
    for (text, times) in [("1", 1), ("2", 2), ("3", 3)] {
        assert_eq!(raw.text().await, text);
        assert!(start.elapsed() >= EACH * times, "{text} {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn links_work_side_by_side() {
    let lond = lond().await;
    let (mut slow, _) = Raw::open(&lond).await;
    slow.send("sleep:3600000:never").await;
    crate::raw::seen(&lond, "sleep:3600000:never").await;
    lond.pace(Pace::of(Duration::from_secs(1)));
    let mut links = Vec::new();
    for _ in 0..8 {
        links.push(Raw::open(&lond).await.0);
    }
    let start = Instant::now();
    for raw in &mut links {
        raw.send("echo:x").await;
    }
    for raw in &mut links {
        assert_eq!(raw.text().await, "x");
    }
    // One after the other they would take eight.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[tokio::test]
async fn one_in_so_many_takes_longer_counted_over_all_links() {
    let lond = lond().await;
    lond.pace(Pace {
        each: Duration::ZERO,
        slow: Some((3.try_into().unwrap(), LONG)),
    });
    let (mut one, _) = Raw::open(&lond).await;
    let (mut two, _) = Raw::open(&lond).await;
    let mut slow = Vec::new();
    for number in 1..=9 {
        let raw = if number % 2 == 0 { &mut one } else { &mut two };
        let start = Instant::now();
        assert_eq!(raw.ask("echo:x").await, "x");
        if start.elapsed() >= LONG {
            slow.push(number);
        }
    }
    // A busy machine may make others slow as well.
    assert!([3, 6, 9].iter().all(|number| slow.contains(number)), "{slow:?}");
    assert!(slow.len() < 9, "{slow:?}");
}

#[tokio::test]
async fn an_id_takes_no_time_and_the_opening_neither() {
    let lond = lond().await;
    lond.pace(Pace::of(Duration::from_secs(3600)));
    let (mut raw, key) = Raw::open(&lond).await;
    assert_eq!(raw.ask("ping").await, "msul1");
    assert_eq!(
        raw.ask_encrypted(&key, "ping").await.as_bytes(),
        key.encrypt(b"msul1")
    );
}
