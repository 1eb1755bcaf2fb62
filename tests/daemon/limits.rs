//! Limits of requests and of clients.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Command;

use test_harness::{Lonc, Peer, Site};

#[test]
fn a_request_of_three_mebibytes_passes_plain_and_encrypted() {
    let peer = Peer::start();
    peer.keep_journal(false);
    let lonc = Lonc::start_linked(&peer, "");
    let mut client = lonc.client();
    let command = format!("len:{}", "x".repeat(3 << 20));
    let length = command.len().to_string();
    client.say(&command);
    assert_eq!(client.hear(), length);
    client.say(format!("encrypt:{command}"));
    assert_eq!(client.hear(), length);
    client.say("encrypt:encbig:300000");
    assert_eq!(client.answer().len(), 300_000);
    assert_eq!(peer.connections(), 1);
}

#[test]
fn a_large_request_holds_up_no_other_link() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "[link]\nconnections = 2\n");
    peer.await_links(|_, open| open == 2);
    let mut large = lonc.client();
    large.send(format!("len:{}", "x".repeat(1 << 20)));
    // Its line is not complete yet.
    assert_eq!(lonc.client().ask("echo:1"), "1");
    large.send("\n");
    assert_eq!(large.hear(), (4 + (1 << 20)).to_string());
}

#[test]
fn an_over_long_request_is_refused_after_the_replies_to_those_before_it() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "[client]\nmax_request_bytes = '64KiB'\n");
    let mut other = lonc.client();
    for ended in [true, false] {
        let mut client = lonc.client();
        let end = if ended { "\necho:behind\n" } else { "" };
        let mut requests = "echo:1\nencrypt:echo:2\nsleep:100:3\n".to_owned();
        write!(requests, "{}{end}", "x".repeat(65_537)).unwrap();
        client.send(requests);
        assert_eq!(client.rest(), b"1\n2\n3\nerror: request too long\n");
        assert_eq!(other.ask("echo:fine"), "fine");
    }
    assert!(peer.commands().iter().all(|line| line.len() < 100));
    assert_eq!(peer.count("echo:behind"), 0);
}

#[test]
fn the_longest_request_allowed_passes() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "[client]\nmax_request_bytes = '64KiB'\n");
    let longest = format!("len:{}", "x".repeat(65_532));
    assert_eq!(lonc.client().ask(&longest), "65536");
}

#[test]
fn a_client_still_sending_its_over_long_line_gets_to_read_why() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "[client]\nmax_request_bytes = '64KiB'\n");
    let mut client = lonc.client();
    // It is cut off at last; why is there to be read.
    let _ = client.stream().write_all("x".repeat(1 << 20).as_bytes());
    assert_eq!(client.hear(), "error: request too long");
}

#[test]
fn an_over_long_reply_costs_its_link_and_no_more() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(
        &peer,
        "[link]\nmax_connections = 1\nmax_reply_bytes = '64KiB'\nbackoff_min = '10ms'\nbackoff_max = '40ms'\n",
    );
    let mut client = lonc.client();
    assert_eq!(client.ask("big:65536").len(), 65_536);
    assert_eq!(client.ask("big:65537"), "con_lost");
    assert_eq!(client.ask("echo:1"), "1");
    assert_eq!(client.ask("encbig:40000"), "con_lost");
    assert_eq!(client.ask("encbig:30000").len(), 30_000);
    assert_eq!(peer.connections(), 3);
    lonc.await_log("a reply longer than max_reply_bytes");
}

#[test]
fn one_client_too_many_waits_until_another_leaves() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "[client]\nmax_clients = 2\n[link]\nmax_connections = 10\n");
    // Who is owed an answer makes room for nobody.
    let (mut first, mut second) = (lonc.client(), lonc.client());
    first.say("hold:1");
    second.say("hold:2");
    peer.await_command("hold:1");
    peer.await_command("hold:2");
    let mut third = lonc.client();
    third.say("echo:3");
    lonc.await_log("2 clients are connected, which is client.max_clients");
    third.assert_nothing();
    drop(second);
    assert_eq!(third.hear(), "3");
    peer.release();
    assert_eq!(first.hear(), "1");
    assert_eq!(first.ask("echo:still"), "still");
}

#[test]
fn a_low_limit_of_open_files_is_raised_as_far_as_that_is_allowed() {
    let peer = Peer::start();
    let lonc = with_files(&peer, "-S -n 40");
    let mut clients: Vec<_> = (0..100).map(|_| lonc.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        assert_eq!(client.ask(&format!("echo:{number}")), number.to_string());
    }
    let lonc = with_files(&peer, "-n 40");
    lonc.await_log("only 40 files may be open, and client.max_clients = 1024 needs 1152");
}

#[test]
fn clients_for_whom_the_system_has_no_room_wait_until_others_leave() {
    let peer = Peer::start();
    let mut lonc = with_files(&peer, "-n 24");
    let mut clients: VecDeque<_> = (0..40).map(|_| lonc.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.say(format!("echo:{number}"));
    }
    lonc.await_log("cannot accept a client");
    // In the order in which they came, each when those before it have left.
    for number in 0..40 {
        let mut client = clients.pop_front().unwrap();
        assert_eq!(client.hear(), number.to_string());
    }
    lonc.assert_alive();
}

/// lonc, started by a shell that has set this limit of open files.
fn with_files(peer: &Peer, ulimit: &str) -> Lonc {
    let site = Site::new(peer.addr(), "");
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit {ulimit}; exec \"$@\""), "sh"]);
    let command = site.command_behind(shell);
    let lonc = Lonc::spawn(site, command);
    lonc.await_socket();
    lonc
}
