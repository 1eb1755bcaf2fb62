//! One cause that is there again and again is told once, and counted.

use nix::sys::signal::Signal;
use stand_in_lond::{BadHex, Behaviour, Step};
use test_harness::{Lonc, Peer, QUICK, wait_until};

#[test]
fn malformed_replies() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    peer.behave(Behaviour::BadHex(BadHex::NonHex));
    let mut client = lonc.client();
    for _ in 0..500 {
        assert_eq!(client.ask("encrypt:echo:1"), "con_lost");
    }
    assert_counted(lonc, "cannot be used", 500);
}

#[test]
fn requests_without_a_reply() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "[link]\npipeline = 64\nmax_connections = 1\n");
    let mut client = lonc.client();
    // All from one client, and nothing before them: behind requests of others, or a slow one, fewer are put on the link.
    client.send("hold:1\n".repeat(40));
    wait_until("requests in flight", || peer.count("hold:1") == 40);
    peer.drop_links();
    for _ in 0..40 {
        assert_eq!(client.hear(), "con_lost");
    }
    assert_counted(lonc, "the peer may have carried it out", 40);
}

#[test]
fn handshakes_that_fail() {
    let peer = Peer::that(Behaviour::CloseAt(Step::BuildKey));
    let lonc = Lonc::start(&peer, QUICK);
    wait_until("many tries", || peer.connections() >= 50);
    let log = end(lonc);
    // The first is a warning, and those after it are not; what counts them quotes the last of them.
    let lines = log.lines().filter(|line| line.contains("cannot open link"));
    assert!(lines.count() <= 4, "{log}");
    assert!(
        log.contains(" more records like this within 60 s: cannot open link"),
        "{log}"
    );
}

#[test]
fn links_that_are_lost() {
    let peer = Peer::that(Behaviour::CloseAfterRequests(0));
    let lonc = Lonc::start(&peer, QUICK);
    wait_until("many links", || peer.connections() >= 50);
    let log = end(lonc);
    let lines = log.lines().filter(|line| line.contains("is lost: "));
    assert!(lines.count() <= 4, "{log}");
}

/// `words` were said once, and of so many in all the rest is counted at the end.
fn assert_counted(lonc: Lonc, words: &str, all: usize) {
    let log = end(lonc);
    let lines: Vec<_> = log.lines().filter(|line| line.contains(words)).collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(!lines[0].contains(" more records like this"), "{log}");
    let number = format!("{} more records like this within 60 s: ", all - 1);
    assert!(lines[1].contains(&number), "{log}");
}

fn end(mut lonc: Lonc) -> String {
    lonc.signal(Signal::SIGTERM);
    lonc.ended_well()
}
