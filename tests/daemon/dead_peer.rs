//! A peer that is away, and comes back.

use std::fs;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use stand_in_lond::{Behaviour, Step};
use test_harness::{Lonc, Peer, QUICK, Site, wait_until};

/// Nothing but a signal makes it try again.
const PATIENT: &str = "[link]\nconnect_wait = '1h'\nbackoff_min = '1h'\nbackoff_max = '1h'\n";

#[test]
fn the_first_request_waits_for_a_stalling_peer_no_longer_than_connect_wait_and_later_ones_not_at_all() {
    let peer = Peer::that(Behaviour::StallAt(Step::Challenge));
    let started = Instant::now();
    let lonc = Lonc::start(&peer, "[link]\nconnect_wait = '2s'\n");
    let mut client = lonc.client();
    assert_eq!(client.ask("echo:first"), "con_lost");
    let waited = started.elapsed();
    assert!(waited >= Duration::from_secs(2), "it waited only {waited:?}");
    let again = Instant::now();
    for _ in 0..100 {
        assert_eq!(client.ask("encrypt:echo:later"), "con_lost");
    }
    let refused = again.elapsed();
    assert!(
        refused < Duration::from_secs(20),
        "100 requests were refused in {refused:?}"
    );
    assert_eq!(peer.connections(), 1);
}

#[test]
fn a_peer_that_refuses_connections_fails_requests_without_any_wait() {
    let peer = Peer::dead();
    let lonc = Lonc::start(&peer, PATIENT);
    assert_eq!(lonc.client().ask("echo:1"), "con_lost");
    assert_eq!(lonc.client().ask("critical:echo:2"), "con_failed");
}

#[test]
fn user_signal_1_tries_again_at_once() {
    let peer = Peer::dead();
    let lonc = Lonc::start(&peer, PATIENT);
    let mut client = lonc.client();
    assert_eq!(client.ask("echo:1"), "con_lost");
    peer.revive();
    assert_eq!(client.ask("echo:2"), "con_lost");
    lonc.signal(Signal::SIGUSR1);
    // That it tells how things stand shows that it has heeded the signal.
    lonc.await_log("since the start");
    assert_eq!(client.ask("echo:3"), "3");
    assert_eq!(peer.connections(), 1);
    lonc.await_log("2 never sent");
}

#[test]
fn user_signal_1_tries_again_after_a_link_was_lost() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, PATIENT);
    let mut client = lonc.client();
    peer.kill();
    peer.await_links(|_, open| open == 0);
    lonc.await_log("is lost");
    // It was just lost, so this one waits.
    client.say("echo:1");
    peer.revive();
    lonc.signal(Signal::SIGUSR1);
    assert_eq!(client.hear(), "1");
}

#[test]
fn it_finds_out_by_itself_that_the_peer_is_back_however_often_it_was_away() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, QUICK);
    let mut client = lonc.client();
    for round in 0..5 {
        peer.kill();
        let lost = client.ask("echo:x");
        assert!(lost == "con_lost" || lost == "x", "{lost}");
        wait_until("con_lost", || client.ask("encrypt:echo:x") == "con_lost");
        peer.revive();
        let word = format!("back {round}");
        wait_until("recovery", || client.ask(&format!("echo:{word}")) == word);
    }
}

#[test]
fn a_link_that_died_while_idle_is_found_by_the_probe() {
    let peer = Peer::start();
    let probed = format!("{QUICK}probe_interval = '100ms'\n");
    let lonc = Lonc::start_linked(&peer, &probed);
    let first = peer.count("ping");
    wait_until("probes", || peer.count("ping") > first + 2);
    assert_eq!(peer.connections(), 1);
    peer.behave(Behaviour::NeverReply);
    // Only now, for on a busy machine a healthy one may take so long.
    lonc.site
        .configure(peer.addr(), &format!("{probed}handshake_timeout = '2s'\n"));
    lonc.signal(Signal::SIGHUP);
    lonc.await_log("configuration read anew");
    lonc.await_log("no reply in time to the probe");
    peer.behave(Behaviour::Normal);
    // No lond answers the second question but not the first, as this one would where a link was opened meanwhile.
    peer.drop_links();
    wait_until("recovery", || lonc.client().ask("echo:1") == "1");
}

#[test]
fn a_name_without_an_address_is_a_dead_peer() {
    let peer = Peer::dead();
    let lonc = Lonc::start(&peer, PATIENT);
    assert_eq!(lonc.client().ask("echo:1"), "con_lost");
    let text = fs::read_to_string(lonc.site.path("lonc.toml")).unwrap();
    let named = text.replace(&format!("'{}'", peer.addr().ip()), "'no-such-host.invalid'");
    lonc.site.write_config(&named);
    lonc.signal(Signal::SIGHUP);
    lonc.await_log("name lookup of no-such-host.invalid failed");
    assert_eq!(lonc.client().ask("echo:1"), "con_lost");
}

#[test]
fn all_addresses_of_a_name_are_tried() {
    // Where the name has an IPv6 address, too, nobody listens there.
    let peer = Peer::at(Ipv4Addr::LOCALHOST);
    let site = Site::new(peer.addr(), PATIENT);
    let text = fs::read_to_string(site.path("lonc.toml")).unwrap();
    site.write_config(&text.replace("'127.0.0.1'", "'localhost'"));
    let lonc = site.start();
    assert_eq!(lonc.client().ask("encrypt:echo:1"), "1");
}
