use stand_in_lond::Behaviour;

use crate::raw::{Raw, behaving, lond};

#[tokio::test]
async fn a_healthy_handshake_by_hand() {
    let lond = lond().await;
    let (mut raw, _) = Raw::open(&lond).await;
    assert_eq!(raw.ask("ping").await, "msul1");
    assert_eq!((lond.connections(), lond.open_connections()), (1, 1));
}

#[tokio::test]
async fn build_keys_are_upper_case_hex_of_varying_length() {
    let lond = lond().await;
    let mut lengths = std::collections::BTreeSet::new();
    for _ in 0..40 {
        let build_key = Raw::greet(&lond).await.ask("ekey").await;
        assert!(
            build_key
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte))
        );
        lengths.insert(build_key.len());
    }
    assert!(lengths.len() > 1 && !lengths.contains(&0));
}

#[tokio::test]
async fn nothing_but_init_opens_a_link() {
    let lond = lond().await;
    for line in ["ping", "pong", "", "INIT"] {
        let mut raw = Raw::connect(&lond).await;
        assert_eq!(raw.ask(line).await, "refused");
        raw.ends().await;
    }
}

#[tokio::test]
async fn a_wrong_challenge_is_refused() {
    let lond = lond().await;
    let mut raw = Raw::connect(&lond).await;
    let challenge = raw.ask("init").await;
    assert_eq!(raw.ask(&format!("{challenge} ")).await, "refused");
    raw.ends().await;
}

#[tokio::test]
async fn the_name_of_another_host_is_refused() {
    let lond = lond().await;
    let mut raw = Raw::greet(&lond).await;
    assert_eq!(raw.ask("sethost:msul9").await, "refused");
    assert_eq!(raw.ask("sethost:msul1").await, "ok");
}

#[tokio::test]
async fn refuse_init_refuses_the_right_challenge() {
    let lond = behaving(Behaviour::RefuseInit).await;
    let mut raw = Raw::connect(&lond).await;
    let challenge = raw.ask("init").await;
    assert_eq!(raw.ask(&challenge).await, "refused");
    raw.ends().await;
}

#[tokio::test]
async fn soft_failures_leave_the_link_usable() {
    let lond = behaving(Behaviour::SoftFail).await;
    let mut raw = Raw::greet(&lond).await;
    assert_eq!(raw.ask("sethost:msul1").await, "unknown_cmd");
    assert_eq!(raw.ask("version:1").await, "unknown_cmd");
    assert_eq!(raw.ask("pong").await, "con_lost");
    assert!(!raw.ask("ekey").await.is_empty());
    assert_eq!(raw.ask("ping").await, "msul1");
}

#[tokio::test]
async fn wrong_pong_names_another_host() {
    let lond = behaving(Behaviour::WrongPong).await;
    assert_eq!(Raw::greet(&lond).await.ask("pong").await, "not-msul1:msul2");
}

#[tokio::test]
async fn an_empty_challenge_is_an_empty_line() {
    let lond = behaving(Behaviour::EmptyChallenge).await;
    let mut raw = Raw::connect(&lond).await;
    assert_eq!(raw.ask("init").await, "");
    assert_eq!(raw.ask("").await, "ok");
}

#[tokio::test]
async fn an_empty_build_key_is_an_empty_line() {
    let lond = behaving(Behaviour::EmptyBuildKey).await;
    let mut raw = Raw::greet(&lond).await;
    assert_eq!(raw.ask("ekey").await, "");
    assert_eq!(raw.ask("ping").await, "msul1");
}

#[tokio::test]
async fn an_unasked_line_follows_the_build_key() {
    let lond = behaving(Behaviour::UnaskedLine).await;
    let (mut raw, _) = Raw::open(&lond).await;
    assert_eq!(raw.text().await, "unasked");
    assert_eq!(raw.ask("ping").await, "msul1");
}
