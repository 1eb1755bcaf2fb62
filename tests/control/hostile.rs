//! Operators who are broken, slow, or too many; and those who come while the instance ends.

use std::io::Write as _;
use std::os::unix::net::UnixStream;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use test_harness::{Lonc, Peer, wait_until};

use crate::operator::Operator;

#[test]
fn what_is_no_call_ends_the_connection_and_nothing_else() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    let deep = [&b"["[..]; 1].concat().repeat(10_000);
    for bytes in [
        &b"\0"[..],
        b"GET / HTTP/1.1\r\n\r\n\0",
        b"{\"method\":1}\0",
        b"{\"method\":\"a.b\",\"parameters\":[]}\0",
        b"[]\0",
        b"{\"method\":\"a.b\"\xff}\0",
        &[&deep[..], b"\0"].concat(),
    ] {
        let operator = Operator::of(&lonc);
        operator.stream().write_all(bytes).unwrap();
        operator.await_end();
    }
    assert_well(&mut lonc);
}

#[test]
fn a_call_without_end_is_cut_off() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    let operator = Operator::of(&lonc);
    let flood = vec![b'x'; 64 * 1024];
    let mut stream = operator.stream();
    wait_until("the end", || stream.write_all(&flood).is_err());
    assert!(lonc.peak_memory() < 64, "{} MiB", lonc.peak_memory());
    assert_well(&mut lonc);
}

#[test]
fn those_who_do_not_read_harm_nobody() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    let hung: Vec<_> = (0..10).map(|_| hung(&lonc)).collect();
    let watching = Operator::of(&lonc);
    watching.say(&json!({
        "method": "org.loncapa.lonc.Monitor", "parameters": { "intervalUsec": 100_000 }, "more": true,
    }));
    for round in 0..200 {
        assert_eq!(lonc.client().ask(&format!("echo:{round}")), round.to_string());
    }
    assert_well(&mut lonc);
    assert!(lonc.peak_memory() < 64, "{} MiB", lonc.peak_memory());
    drop(hung);
}

#[test]
fn too_many_are_turned_away_until_some_leave() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    let mut there = Vec::new();
    while let Some(operator) = let_in(&lonc) {
        there.push(operator);
    }
    assert_eq!(there.len(), 32);
    assert_eq!(lonc.client().ask("echo:1"), "1");
    there.clear();
    wait_until("a place", || let_in(&lonc).is_some());
    assert_well(&mut lonc);
}

#[test]
fn it_answers_while_the_instance_drains() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    let mut client = lonc.client();
    client.say("hold:last");
    peer.await_command("hold:last");
    let mut before = Operator::of(&lonc);
    lonc.signal(Signal::SIGTERM);
    let is_draining = |status: &Value| status["draining"] == true;
    before.await_status("draining", is_draining);
    // Those who come only now are answered, too.
    let mut after = Operator::of(&lonc);
    let status = after.status();
    assert_eq!(
        (&status["draining"], &status["inFlight"]),
        (&true.into(), &1.into())
    );
    assert_eq!(after.call("GetMetrics", &json!({}))["metrics"]["draining"], true);
    after.call("Reconnect", &json!({}));
    after.call("Reload", &json!({}));
    peer.release();
    assert_eq!(client.hear(), "last");
    lonc.ended_well();
    after.await_end();
    assert!(!lonc.site.control_socket().exists());
}

/// One who was answered; who is turned away may be so before it has said a word.
fn let_in(lonc: &Lonc) -> Option<Operator> {
    let mut operator = Operator::of(lonc);
    let call = b"{\"method\":\"org.varlink.service.GetInfo\"}\0";
    let _ = operator.stream().write_all(call);
    operator.hear().map(|_| operator)
}

/// Requests go through, and another operator is answered.
fn assert_well(lonc: &mut Lonc) {
    assert_eq!(lonc.client().ask("encrypt:echo:well"), "well");
    assert_eq!(Operator::of(lonc).status()["state"], "up");
    lonc.assert_alive();
}

/// One who calls all the time and reads nothing, until nothing more goes into the socket.
fn hung(lonc: &Lonc) -> UnixStream {
    let stream = UnixStream::connect(lonc.site.control_socket()).unwrap();
    stream.set_nonblocking(true).unwrap();
    let call = b"{\"method\":\"org.varlink.service.GetInterfaceDescription\",\
                 \"parameters\":{\"interface\":\"org.loncapa.lonc\"}}\0";
    let mut calls = call.repeat(10_000);
    // Until the replies fill the socket, its reader goes on reading calls.
    while let Ok(written) = (&stream).write(&calls) {
        calls.drain(..written.min(calls.len()));
        if calls.is_empty() {
            break;
        }
    }
    stream
}
