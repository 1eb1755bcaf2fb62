//! SIGHUP.

use std::fs;

use nix::sys::signal::Signal;
use test_harness::{Lonc, Manager, Peer, wait_until};

#[test]
fn a_good_file_is_in_force_at_once_and_keeps_the_link() {
    let peer = Peer::start();
    let (manager, lonc) = Manager::start(&peer, "");
    let mut client = lonc.client();
    client.say("hold:before");
    peer.await_command("hold:before");
    lonc.site.configure(
        peer.addr(),
        "[client]\nmax_request_bytes = 100\nmax_client_bytes = '64KiB'\n",
    );
    reload(&manager, &lonc);
    lonc.await_log("configuration read anew");
    peer.release();
    assert_eq!(client.hear(), "before");
    let mut client = lonc.client();
    client.say("x".repeat(101));
    assert_eq!(client.hear(), "error: request too long");
    assert_eq!(peer.connections(), 1);
}

#[test]
fn a_bad_file_leaves_the_old_settings_in_force_and_the_status_says_why() {
    let peer = Peer::start();
    let (manager, mut lonc) = Manager::start(&peer, "");
    let config = lonc.site.path("lonc.toml");
    let good = fs::read_to_string(&config).unwrap();
    lonc.site
        .write_config(&good.replace("host_id = 'msul2'", "host_id = 'msul2'\nhots_tab = 1"));
    let told = reload(&manager, &lonc);
    assert!(told.contains("STATUS=reload failed"), "{told}");
    assert!(
        told.contains("lonc.toml:2") && told.contains("hots_tab"),
        "{told}"
    );
    lonc.await_log("the old configuration stays in force");
    assert_eq!(lonc.client().ask("encrypt:echo:1"), "1");
    assert_eq!(peer.connections(), 1);
    fs::remove_file(&config).unwrap();
    assert!(reload(&manager, &lonc).contains("cannot be read"));
    lonc.site.write_config(&good);
    let told = reload(&manager, &lonc);
    assert!(!told.contains("failed"), "{told}");
    // What the status last said is true again.
    wait_until("a good status", || {
        let messages = manager.messages();
        let last = messages.iter().rev().find(|text| text.contains("STATUS="));
        last.is_some_and(|text| text.contains("STATUS=up"))
    });
    assert_eq!(lonc.client().ask("ping"), "msul1");
    assert_eq!(peer.connections(), 1);
    lonc.assert_alive();
}

#[test]
fn another_address_means_another_link_once_what_is_in_flight_is_done() {
    let (old, new) = (Peer::start(), Peer::start());
    let (manager, lonc) = Manager::start(&old, "");
    let mut client = lonc.client();
    client.say("hold:old");
    old.await_command("hold:old");
    lonc.site.configure(new.addr(), "");
    reload(&manager, &lonc);
    new.await_links(|_, open| open == 1);
    assert_eq!(lonc.client().ask("echo:new"), "new");
    assert_eq!(new.count("echo:new"), 1);
    assert_eq!(old.open_connections(), 1);
    old.release();
    assert_eq!(client.hear(), "old");
    old.await_links(|_, open| open == 0);
    assert_eq!(client.ask("encrypt:echo:again"), "again");
    assert_eq!(new.count("echo:again"), 1);
    assert_eq!((old.connections(), new.connections()), (1, 1));
}

#[test]
fn another_identity_means_another_link_to_the_same_peer() {
    let peer = Peer::start();
    let (manager, lonc) = Manager::start(&peer, "");
    let config = lonc.site.path("lonc.toml");
    let text = fs::read_to_string(&config).unwrap();
    peer.caller("msul3");
    lonc.site
        .write_config(&text.replace("host_id = 'msul2'", "host_id = 'msul3'"));
    reload(&manager, &lonc);
    assert_eq!(lonc.client().ask("encrypt:echo:1"), "1");
    peer.await_links(|accepted, open| (accepted, open) == (2, 1));
}

#[test]
fn the_number_of_links_follows_the_file() {
    let peer = Peer::start();
    let (manager, lonc) = Manager::start(&peer, "");
    lonc.site.configure(peer.addr(), "[link]\nconnections = 3\n");
    reload(&manager, &lonc);
    peer.await_links(|accepted, open| (accepted, open) == (3, 3));
    lonc.site
        .configure(peer.addr(), "[link]\nconnections = 1\nidle_timeout = '100ms'\n");
    reload(&manager, &lonc);
    peer.await_links(|accepted, open| (accepted, open) == (3, 1));
    assert_eq!(lonc.client().ask("encrypt:echo:1"), "1");
}

#[test]
fn a_smaller_limit_of_a_client_stops_nobody_who_reads() {
    let peer = Peer::start();
    let (manager, lonc) = Manager::start(&peer, "");
    let mut client = lonc.client();
    assert_eq!(client.ask("big:100000").len(), 100_000);
    lonc.site
        .configure(peer.addr(), "[client]\nmax_client_bytes = '64KiB'\n");
    reload(&manager, &lonc);
    client.send("big:10000\nencbig:10000\n".repeat(100));
    for _ in 0..200 {
        assert_eq!(client.answer().len(), 10_000);
    }
}

#[test]
fn the_log_level_follows_the_file() {
    let peer = Peer::start();
    let (manager, lonc) = Manager::start(&peer, "[daemon]\nlog_level = 'error'\n");
    assert_eq!(lonc.client().ask("ping"), "msul1");
    lonc.site.configure(peer.addr(), "[daemon]\nlog_level = 'info'\n");
    reload(&manager, &lonc);
    lonc.await_log("configuration read anew");
    assert!(!lonc.log().contains("is up"), "{}", lonc.log());
}

/// Reloads and waits for the end of it; what was told on the way.
fn reload(manager: &Manager, lonc: &Lonc) -> String {
    let seen = manager.messages().len();
    lonc.signal(Signal::SIGHUP);
    let reloading = manager.await_after(seen, "RELOADING=1");
    let stamp = reloading
        .lines()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    assert!(stamp.unwrap().parse::<u64>().unwrap() > 0, "{reloading}");
    manager.await_after(seen, "READY=1")
}
