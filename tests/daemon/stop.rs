//! The way out: SIGTERM.

use nix::sys::signal::Signal;
use stand_in_lond::{Behaviour, Step};
use test_harness::{Lonc, Manager, Peer};

#[test]
fn what_is_in_flight_at_a_stop_still_gets_its_reply() {
    let peer = Peer::start();
    let (manager, mut lonc) = Manager::start(&peer, "");
    let mut client = lonc.client();
    client.send("hold:1\nencrypt:echo:2\n");
    let idle = lonc.client();
    peer.await_command("hold:1");
    lonc.signal(Signal::SIGTERM);
    let stopping = manager.await_message("STOPPING=1");
    assert!(stopping.contains("STATUS=draining"), "{stopping}");
    // One that asks for nothing holds up nothing.
    assert_eq!(idle.rest(), b"");
    peer.release();
    assert_eq!(client.rest(), b"1\n2\n");
    let log = lonc.ended_well();
    assert!(log.contains("has finished"), "{log}");
    assert_eq!(manager.count("STOPPING=1"), 1);
}

#[test]
fn what_is_queued_at_a_stop_is_sent_and_answered_too() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "[link]\npipeline = 1\n");
    let mut client = lonc.client();
    client.send("hold:1\necho:2\nencrypt:echo:3\necho:partial");
    peer.await_command("hold:1");
    lonc.signal(Signal::SIGTERM);
    lonc.await_log("stopping: finishing");
    peer.release();
    assert_eq!(client.rest(), b"1\n2\n3\n");
    lonc.ended_well();
    assert_eq!(peer.count("echo:partial"), 0);
}

#[test]
fn a_second_stop_ends_it_at_once() {
    let peer = Peer::start();
    let (manager, mut lonc) = Manager::start(&peer, "[daemon]\ndrain_timeout = '1h'\n");
    let mut client = lonc.client();
    client.send("hold:1\ncritical:echo:2\n");
    peer.await_command("hold:1");
    lonc.signal(Signal::SIGTERM);
    manager.await_message("STOPPING=1");
    lonc.signal(Signal::SIGTERM);
    assert_eq!(client.rest(), b"con_lost\ncon_failed\n");
    lonc.ended_well();
}

#[test]
fn what_has_no_reply_when_drain_timeout_has_passed_is_lost() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "[daemon]\ndrain_timeout = '300ms'\n");
    let mut client = lonc.client();
    client.send("echo:0\nhold:1\nencrypt:echo:2\n");
    peer.await_command("hold:1");
    lonc.signal(Signal::SIGTERM);
    assert_eq!(client.rest(), b"0\ncon_lost\ncon_lost\n");
    lonc.ended_well();
}

#[test]
fn what_still_waits_for_a_link_when_drain_timeout_has_passed_is_lost() {
    let peer = Peer::that(Behaviour::StallAt(Step::Accept));
    let mut lonc = Lonc::start(
        &peer,
        "[link]\nconnect_wait = '1h'\n[daemon]\ndrain_timeout = '300ms'\n",
    );
    let mut client = lonc.client();
    client.send("echo:1\ncritical:echo:2\n");
    lonc.signal(Signal::SIGTERM);
    // Even if it was not yet accepted then.
    assert_eq!(client.rest(), b"con_lost\ncon_failed\n");
    lonc.ended_well();
}

#[test]
fn a_client_that_reads_nothing_does_not_keep_it_from_ending() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "[daemon]\ndrain_timeout = '300ms'\n");
    let mut client = lonc.client();
    client.send("big:1000000\n".repeat(20));
    peer.await_command("big:1000000");
    lonc.signal(Signal::SIGTERM);
    lonc.ended_well();
}

#[test]
fn it_stops_with_a_peer_that_is_away() {
    let peer = Peer::dead();
    let mut lonc = Lonc::start(&peer, "");
    assert_eq!(lonc.client().ask("echo:1"), "con_lost");
    lonc.signal(Signal::SIGTERM);
    lonc.ended_well();
}
