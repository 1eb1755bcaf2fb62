//! `Monitor`: a stream of statuses.

use serde_json::{Value, json};
use test_harness::{Lonc, Peer, QUICK};

use crate::operator::Operator;

#[test]
fn it_tells_the_present_and_each_change() {
    let peer = Peer::dead();
    let lonc = Lonc::start(&peer, QUICK);
    Operator::of(&lonc).await_status("down", |status| status["state"] == "down");
    let mut watching = monitor(&lonc, &json!({}));
    assert_eq!(next(&mut watching)["state"], "down");
    peer.revive();
    while next(&mut watching)["state"] != "up" {}
    peer.kill();
    while next(&mut watching)["state"] == "up" {}
}

#[test]
fn it_tells_as_often_as_asked() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let mut watching = monitor(&lonc, &json!({ "intervalUsec": 100_000 }));
    let first = next(&mut watching)["takenUsec"].as_u64().unwrap();
    // Nothing changes meanwhile.
    let later = (0..10).map(|_| next(&mut watching)["takenUsec"].as_u64().unwrap());
    assert!(later.last().unwrap() >= first + 1_000_000);
}

#[test]
fn it_wants_to_be_called_with_more_and_not_too_often() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "");
    let mut operator = Operator::of(&lonc);
    let (error, _) = operator.fail("Monitor", &json!({}));
    assert_eq!(error, "org.varlink.service.ExpectedMore");
    let mut hasty = monitor(&lonc, &json!({ "intervalUsec": 99_999 }));
    let reply = hasty.hear().unwrap();
    assert_eq!(reply["error"], "org.varlink.service.InvalidParameter");
    assert_eq!(reply["parameters"]["parameter"], "intervalUsec");
}

#[test]
fn it_ends_with_the_instance() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    let mut watching = monitor(&lonc, &json!({}));
    assert_eq!(next(&mut watching)["draining"], false);
    lonc.signal(nix::sys::signal::Signal::SIGTERM);
    lonc.ended_well();
    watching.await_end();
}

fn monitor(lonc: &Lonc, parameters: &Value) -> Operator {
    let operator = Operator::of(lonc);
    operator.say(&json!({ "method": "org.loncapa.lonc.Monitor", "parameters": parameters, "more": true }));
    operator
}

/// The next status.
fn next(operator: &mut Operator) -> Value {
    let mut reply = operator.hear().expect("a status");
    assert_eq!(reply["continues"], true, "{reply}");
    reply["parameters"]["status"].take()
}
