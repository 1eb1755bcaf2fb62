//! One spool has one sender for each peer.

use std::fs;
use std::os::unix::fs::symlink;

use test_harness::spool::{await_messages, received, word};
use test_harness::{Lonc, Peer, Site, wait_until};

/// Another instance for the same peer, with sockets of its own and the spool of `site` by another path.
fn beside(peer: &Peer, site: &Site) -> Lonc {
    let other = Site::new(peer.addr(), "");
    symlink(site.path("delayed"), other.path("delayed")).unwrap();
    other.launch()
}

#[test]
fn a_second_is_refused_and_sends_and_stores_nothing() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, "").start();
    let mut second = beside(&peer, &lonc.site);
    let (status, log) = second.ended();
    assert!(!status.success(), "{log}");
    let process = format!("(process {})", lonc.pid());
    assert!(
        log.contains("one spool has one sender") && log.contains(&process),
        "{log}"
    );
    assert!(!second.site.socket().exists());
    lonc.site.put_words(200);
    lonc.site.await_empty();
    let came: Vec<_> = received(&peer).iter().map(|(_, number)| *number).collect();
    assert_eq!(came, (0..200).collect::<Vec<_>>());
}

#[test]
fn after_a_kill_the_next_begins_at_once_and_one_that_ends_is_waited_for() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, "").start();
    let mut second = {
        let site = lonc.slay();
        let lonc = site.start();
        lonc.site.put(0, &word(0));
        await_messages(&peer, 1);
        lonc.site.await_empty();
        // It ends when that is answered.
        let mut client = lonc.client();
        client.say("hold:last");
        peer.await_command("hold:last");
        lonc.signal(nix::sys::signal::Signal::SIGTERM);
        lonc.await_log("stopping");
        let second = beside(&peer, &lonc.site);
        peer.release();
        assert_eq!(client.hear(), "last");
        // Its directory has to outlive it.
        std::mem::forget(lonc);
        second
    };
    second.await_socket();
    let mut client = second.client();
    wait_until("the link", || client.ask("critical:echo:m1") == "m1");
    second.assert_alive();
}

#[test]
fn one_that_finds_another_in_a_directory_that_was_put_there_sends_nothing_of_it() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, "").start();
    // Another serves from a directory that takes the place of that of the first.
    let other = Site::office(&peer, "").start();
    peer.kill();
    let mut client = lonc.client();
    client.await_down();
    fs::rename(lonc.site.path("delayed"), lonc.site.path("aside")).unwrap();
    symlink(other.site.path("delayed"), lonc.site.path("delayed")).unwrap();
    lonc.await_log("one spool has one sender");
    assert_eq!(client.ask("critical:echo:m0"), "con_failed");
    assert!(other.site.left().is_empty());
    // With its own directory it has its own messages.
    fs::remove_file(lonc.site.path("delayed")).unwrap();
    fs::rename(lonc.site.path("aside"), lonc.site.path("delayed")).unwrap();
    wait_until("its spool", || client.ask("critical:echo:m1") == "con_delayed");
}
