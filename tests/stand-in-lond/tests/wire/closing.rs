use stand_in_lond::{Behaviour, Step};

use crate::raw::{Raw, behaving, lond};

/// The steps in order; the challenge is sent back as received.
const STEPS: [(Step, &str); 6] = [
    (Step::Accept, "init"),
    (Step::Challenge, "<challenge>"),
    (Step::SetHost, "sethost:msul1"),
    (Step::Version, "version:1"),
    (Step::Pong, "pong"),
    (Step::BuildKey, "ekey"),
];

#[tokio::test]
async fn refuse_closes_at_once() {
    let lond = behaving(Behaviour::Refuse).await;
    let mut raw = Raw::connect(&lond).await;
    raw.ends().await;
    assert_eq!(lond.connections(), 1);
}

#[tokio::test]
async fn each_step_can_stall_with_the_link_open() {
    for (step, _) in STEPS {
        let lond = behaving(Behaviour::StallAt(step)).await;
        let mut raw = Raw::connect(&lond).await;
        let line = reach(&mut raw, step).await;
        raw.send_in_vain(&lond, &line).await;
        assert_eq!(lond.open_connections(), 1);
    }
}

#[tokio::test]
async fn each_step_can_close() {
    for (step, _) in STEPS {
        let lond = behaving(Behaviour::CloseAt(step)).await;
        let mut raw = Raw::connect(&lond).await;
        let line = reach(&mut raw, step).await;
        raw.send(&line).await;
        raw.ends().await;
    }
}

#[tokio::test]
async fn close_after_requests_counts_for_each_link() {
    let lond = behaving(Behaviour::CloseAfterRequests(2)).await;
    for _ in 0..2 {
        let (mut raw, _) = Raw::open(&lond).await;
        raw.send("echo:1\necho:2\necho:3").await;
        assert_eq!(raw.rest().await, b"1\n2\n");
    }
}

#[tokio::test]
async fn close_after_requests_counts_from_its_start() {
    let lond = lond().await;
    let (mut raw, _) = Raw::open(&lond).await;
    assert_eq!(raw.ask("ping").await, "msul1");
    lond.behave(Behaviour::CloseAfterRequests(1));
    assert_eq!(raw.ask("ping").await, "msul1");
    raw.ends().await;
}

#[tokio::test]
async fn close_after_no_request_closes_behind_the_build_key() {
    let lond = behaving(Behaviour::CloseAfterRequests(0)).await;
    let (mut raw, _) = Raw::open(&lond).await;
    raw.ends().await;
}

#[tokio::test]
async fn half_a_reply_and_the_end() {
    let lond = behaving(Behaviour::HalfReply).await;
    let (mut raw, _) = Raw::open(&lond).await;
    raw.send("echo:12345678").await;
    assert_eq!(raw.rest().await, b"1234");
}

/// Plays the handshake up to `step`; returns the line to be sent next.
async fn reach(raw: &mut Raw, step: Step) -> String {
    let mut answer = String::new();
    for (at, line) in STEPS {
        let line = line.replace("<challenge>", &answer);
        if at == step {
            return line;
        }
        answer = raw.ask(&line).await;
    }
    unreachable!()
}
