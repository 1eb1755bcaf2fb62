//! `ListClients`.

use std::process;

use nix::unistd::Uid;
use serde_json::{Value, json};
use test_harness::{Lonc, Peer, wait_for};

use crate::operator::Operator;

#[test]
fn the_busiest_come_first_with_what_they_ask_and_hold() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "[link]\npipeline = 1\n");
    let (mut busy, mut calm, _idle) = (lonc.client(), lonc.client(), lonc.client());
    assert_eq!(calm.ask("echo:1"), "1");
    busy.send("hold:1\necho:22\necho:333\n");
    peer.await_command("hold:1");
    let mut operator = Operator::of(&lonc);
    let list = wait_for("the queue", || {
        Some(operator.call("ListClients", &json!({}))).filter(|list| list["clients"][0]["queued"] == 2)
    });
    let clients = list["clients"].as_array().unwrap();
    assert_eq!(list["total"], clients.len());
    let first = &clients[0];
    assert_eq!((&first["requests"], &first["inFlight"]), (&3.into(), &1.into()));
    assert!(first["bytesHeld"].as_u64().unwrap() >= 23, "{list}");
    assert_eq!(clients[1]["requests"], 1);
    let own = |client: &&Value| client["pid"] == process::id() && client["uid"] == Uid::effective().as_raw();
    assert!(clients.iter().filter(own).count() >= 3, "{list}");
    let one = operator.call("ListClients", &json!({ "limit": 1 }));
    assert_eq!(one["clients"].as_array().unwrap().len(), 1);
    assert!(one["total"].as_u64().unwrap() >= 3);
    for limit in [0, 10_001] {
        let (error, _) = operator.fail("ListClients", &json!({ "limit": limit }));
        assert_eq!(error, "org.varlink.service.InvalidParameter");
    }
    peer.release();
    assert_eq!(busy.hear(), "1");
}
