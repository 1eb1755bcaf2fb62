//! `GetStatus`: what an operator sees of a peer, and why it is not up.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;
use stand_in_lond::{Behaviour, Step};
use test_harness::{Lonc, Peer, QUICK, SLOW, Site};

use crate::operator::Operator;

#[test]
fn a_peer_that_is_up() {
    let begun = now();
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let status = Operator::of(&lonc).await_status("the rate, and nothing delayed", |status| {
        status["requestRate"].as_f64() > Some(0.0) && status["delayed"]["queued"] == 0
    });
    assert_eq!(status["peer"], "msul1");
    assert_eq!(status["hostId"], "msul2");
    assert_eq!(status["state"], "up");
    assert_eq!(status["address"], peer.addr().to_string());
    assert_eq!(status["draining"], false);
    assert_eq!(status["pid"], lonc.pid());
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    assert!(status["peerVersion"].is_string(), "{status}");
    assert!(
        status["lastError"].is_null() && status["nextTryUsec"].is_null(),
        "{status}"
    );
    assert!(
        status["text"].as_str().unwrap().starts_with("up: msul1 ("),
        "{status}"
    );
    assert_eq!(status["logLevel"], "info");
    let date = |name: &str| status[name].as_u64().unwrap();
    assert!(
        begun <= date("startedUsec") && date("startedUsec") <= date("sinceUsec"),
        "{status}"
    );
    assert!(
        date("sinceUsec") <= date("takenUsec") && date("takenUsec") <= now(),
        "{status}"
    );
    let link = &status["links"][0];
    assert_eq!((&link["state"], &link["failedTries"]), (&"up".into(), &0.into()));
    assert_eq!(link["remote"], peer.addr().to_string());
    assert!(link["rttUsec"].as_u64().unwrap() < 1_000_000, "{status}");
    assert_eq!(status["counters"]["linksOpened"], 1);
}

#[test]
fn what_waits_while_a_peer_hangs() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "[link]\npipeline = 1\n");
    let mut client = lonc.client();
    client.send("hold:1\necho:2\necho:3\n");
    peer.await_command("hold:1");
    let mut operator = Operator::of(&lonc);
    let status = operator.await_status("the queue", |status| status["queued"] == 2);
    assert_eq!(status["inFlight"], 1);
    // The one of the harness may not be gone yet.
    assert!(status["clients"].as_u64().unwrap() >= 1);
    peer.release();
    assert_eq!(client.hear(), "1");
}

#[test]
fn a_port_that_refuses() {
    let peer = Peer::dead();
    let lonc = Lonc::start(&peer, SLOW);
    let trouble = trouble(&lonc);
    is(&trouble, "refused", "connect");
    assert!(
        trouble["text"]
            .as_str()
            .unwrap()
            .contains(&peer.addr().to_string()),
        "{trouble}"
    );
    let status = Operator::of(&lonc).status();
    assert_eq!(status["links"][0]["state"], "waiting");
    assert!(
        status["nextTryUsec"].as_u64() > status["takenUsec"].as_u64(),
        "{status}"
    );
    assert_eq!(status["links"][0]["nextTryUsec"], status["nextTryUsec"]);
}

#[test]
fn a_name_that_nobody_knows() {
    let peer = Peer::dead();
    let site = Site::new(peer.addr(), QUICK);
    let config = std::fs::read_to_string(site.path("lonc.toml")).unwrap();
    let address = format!("address = '{}'", peer.addr().ip());
    site.write_config(&config.replace(&address, "address = 'no-such-host.invalid'"));
    let lonc = site.start();
    let trouble = trouble(&lonc);
    is(&trouble, "lookup", "lookup");
    assert!(
        trouble["text"].as_str().unwrap().contains("no-such-host.invalid"),
        "{trouble}"
    );
}

#[test]
fn a_handshake_that_stalls_is_refused_or_ends() {
    for (behaviour, kind, reached) in [
        (Behaviour::StallAt(Step::Challenge), "stepTimeout", "challenge"),
        (Behaviour::RefuseInit, "rejected", "challenge"),
        (Behaviour::EmptyChallenge, "rejected", "init"),
        (Behaviour::CloseAt(Step::BuildKey), "closedInHandshake", "ekey"),
        (Behaviour::UnaskedLine, "protocol", "ekey"),
    ] {
        let peer = Peer::that(behaviour);
        let limit = if kind == "stepTimeout" { "300ms" } else { "30s" };
        let lonc = Lonc::start(&peer, &format!("{QUICK}handshake_timeout = '{limit}'\n"));
        // On a busy machine a try may end by something else.
        Operator::of(&lonc).await_status(&format!("{kind} {reached}"), |status| {
            let trouble = &status["links"][0]["trouble"];
            trouble["kind"] == kind && trouble["reached"] == reached
        });
    }
}

#[test]
fn a_handshake_under_way_tells_its_step() {
    let peer = Peer::that(Behaviour::StallAt(Step::Version));
    let lonc = Lonc::start(&peer, "");
    let status =
        Operator::of(&lonc).await_status("the step", |status| status["links"][0]["state"] == "version");
    assert_eq!(status["state"], "connecting");
    assert_eq!(status["links"][0]["remote"], peer.addr().to_string());
}

#[test]
fn a_link_that_was_lost_remembers_why() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, QUICK);
    let mut client = lonc.client();
    assert_eq!(client.ask("die"), "con_lost");
    let mut operator = Operator::of(&lonc);
    let status = operator.await_status("a new link", |status| status["counters"]["linksOpened"] == 2);
    let link = &status["links"][0];
    is(&link["trouble"], "closed", "up");
    assert_eq!(link["failedTries"], 0);
    assert!(link["failingSinceUsec"].is_null(), "{status}");
    assert_eq!(status["counters"]["sentNoReply"], 1);
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_micros().try_into().unwrap()
}

/// The trouble of the only link, once there is one.
fn trouble(lonc: &Lonc) -> Value {
    let mut operator = Operator::of(lonc);
    let status = operator.await_status("trouble", |status| {
        status["links"][0]["trouble"].is_object() && status["state"] == "down"
    });
    let link = &status["links"][0];
    assert!(link["failedTries"].as_u64().unwrap() >= 1, "{status}");
    assert!(
        link["failingSinceUsec"].as_u64() <= link["trouble"]["dateUsec"].as_u64(),
        "{status}"
    );
    assert!(status["lastError"].is_string(), "{status}");
    link["trouble"].clone()
}

fn is(trouble: &Value, kind: &str, reached: &str) {
    assert_eq!(
        (&trouble["kind"], &trouble["reached"]),
        (&kind.into(), &reached.into()),
        "{trouble}"
    );
}
