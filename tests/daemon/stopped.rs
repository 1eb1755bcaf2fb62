//! The process is stopped for longer than a deadline: what had arrived by then is read before time is judged.

use std::fs;
use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use stand_in_lond::Behaviour;
use test_harness::{Lonc, Peer, Site, wait_until};

const TIMES: &str = "[link]\nrequest_timeout = '4s'\nhandshake_timeout = '4s'\nopening_timeout = '4s'\n";
/// Longer than the deadlines above.
const LONG: Duration = Duration::from_millis(4500);

#[test]
fn a_reply_that_had_arrived_is_handed_on() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, TIMES);
    let mut client = lonc.client();
    client.say("hold:here");
    peer.await_command("hold:here");
    stopped(&lonc, &peer, || peer.release());
    assert_eq!(client.hear(), "here");
    assert_eq!(client.ask("echo:next"), "next");
    assert_eq!(peer.connections(), 1);
}

/// More than one read takes, and more than the system keeps for a process that reads nothing.
#[test]
fn a_long_reply_of_which_a_part_had_arrived_is_handed_on() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, TIMES);
    for (prefix, size) in [("", 100_000), ("encrypt:", 200_000), ("", 8_000_000)] {
        let mut client = lonc.client();
        let word = "y".repeat(size);
        client.say(format!("{prefix}hold:{word}"));
        peer.await_received(|lines| lines.iter().any(|line| line.command().len() == word.len() + 5));
        stopped(&lonc, &peer, || peer.release());
        let answer = client.hear();
        assert!(answer == word, "{} bytes: {answer:.20}", answer.len());
    }
    assert_eq!(peer.connections(), 1);
}

/// Each on a link of its own.
#[test]
fn replies_that_had_arrived_on_many_links_are_handed_on() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, &format!("{TIMES}connections = 8\nmax_connections = 8\n"));
    peer.await_links(|_, open| open == 8);
    let word = "y".repeat(200_000);
    let mut clients: Vec<_> = (0..8).map(|_| lonc.client()).collect();
    for client in &mut clients {
        client.say(format!("hold:{word}"));
    }
    peer.await_received(|lines| lines.iter().filter(|line| line.command().len() > 200_000).count() == 8);
    stopped(&lonc, &peer, || peer.release());
    for client in &mut clients {
        assert!(client.hear() == word);
    }
    assert_eq!(peer.connections(), 8);
}

#[test]
fn an_answer_to_the_handshake_that_had_arrived_counts() {
    let peer = Peer::that(Behaviour::Silent);
    let times = format!("{TIMES}connect_wait = '4s'\n");
    let lonc = Lonc::start(&peer, &times);
    peer.await_links(|_, open| open == 1);
    let mut client = lonc.client();
    client.say("echo:waits");
    stopped(&lonc, &peer, || peer.behave(Behaviour::Normal));
    assert_eq!(client.hear(), "waits");
    assert_eq!(peer.connections(), 1);
}

#[test]
fn the_answer_to_a_probe_that_had_arrived_counts() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, &format!("{TIMES}probe_interval = '1s'\n"));
    peer.behave(Behaviour::Silent);
    wait_until("a probe", || unread(End::Lond, &peer) > 0);
    stopped(&lonc, &peer, || peer.behave(Behaviour::Normal));
    assert_eq!(lonc.client().ask("echo:here"), "here");
    assert_eq!(peer.connections(), 1);
}

#[test]
fn the_answer_to_a_delayed_message_that_had_arrived_counts() {
    let peer = Peer::start();
    let site = Site::office(&peer, "[spool]\nmessage_timeout = '4s'\nmax_attempts = 1\n");
    let word = format!("hold:{}", "y".repeat(200_000));
    site.put(0, &word);
    let lonc = site.start();
    peer.await_command(&word);
    stopped(&lonc, &peer, || peer.release());
    lonc.site.await_empty();
    assert!(lonc.site.failed().is_empty());
    assert_eq!((peer.connections(), peer.count(&word)), (1, 1));
}

#[test]
fn a_reply_that_had_arrived_when_a_stop_was_over_is_handed_on() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "[daemon]\ndrain_timeout = '4s'\n");
    let mut client = lonc.client();
    let word = "y".repeat(200_000);
    client.say(format!("hold:{word}"));
    peer.await_received(|lines| lines.iter().any(|line| line.command().len() > 200_000));
    lonc.signal(Signal::SIGTERM);
    lonc.await_log("stopping: finishing");
    stopped(&lonc, &peer, || peer.release());
    assert!(client.hear() == word);
    lonc.ended_well();
}

#[test]
fn a_lond_that_never_stops_talking_does_not_hold_up_deadlines() {
    let peer = Peer::start();
    // All that comes until then is kept.
    let times = TIMES.replace("4s", "1s");
    let lonc = Lonc::start_linked(
        &peer,
        &format!("{times}max_reply_bytes = '4GiB'\nmax_connections = 1\n"),
    );
    peer.behave(Behaviour::EndlessLine);
    let (mut client, begun) = (lonc.client(), Instant::now());
    client.say("echo:one");
    assert_eq!(client.hear(), "con_lost");
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    lonc.await_log("1 request was sent and got no reply");
    peer.behave(Behaviour::Normal);
    wait_until("recovery", || lonc.client().ask("echo:now") == "now");
}

/// Stops lonc, has lond answer, and lets lonc go on when its deadlines have passed.
fn stopped(lonc: &Lonc, peer: &Peer, answer: impl FnOnce()) {
    // The host's name, which is asked for on each new link, may just have arrived.
    wait_until("a stop with nothing unread", || {
        lonc.signal(Signal::SIGSTOP);
        let is_read = unread(End::Lonc, peer) == 0;
        if !is_read {
            lonc.signal(Signal::SIGCONT);
        }
        is_read
    });
    let begun = Instant::now();
    answer();
    wait_until("the answer", || unread(End::Lonc, peer) > 0);
    sleep(LONG.saturating_sub(begun.elapsed()));
    lonc.signal(Signal::SIGCONT);
}

/// Whose end of a connection.
#[derive(Clone, Copy)]
enum End {
    Lonc,
    Lond,
}

/// Bytes that have arrived at this end of all connections to this lond, and were not read.
fn unread(end: End, peer: &Peer) -> u64 {
    let SocketAddr::V4(lond) = peer.addr() else {
        panic!("{} is not of IPv4", peer.addr())
    };
    let address = u32::from_ne_bytes(lond.ip().octets());
    let lond = format!("{address:08X}:{:04X}", lond.port());
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let of_lond = |row: &Vec<&str>| {
        let (at_lond, at_lonc) = (row[1] == lond, row[2] == lond);
        match end {
            End::Lonc => at_lonc,
            // The one that listens is at neither.
            End::Lond => at_lond && !row[2].ends_with(":0000"),
        }
    };
    let bytes = |row: Vec<&str>| {
        let (_, unread) = row[4].split_once(':').unwrap();
        u64::from_str_radix(unread, 16).unwrap()
    };
    rows.filter(of_lond).map(bytes).sum()
}
