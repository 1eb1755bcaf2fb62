//! Sockets that systemd passes.

use std::os::unix::net::UnixStream;

use nix::sys::signal::Signal;
use test_harness::{Client, Lonc, Peer};

#[test]
fn the_connection_that_woke_it_is_served_and_the_socket_stays() {
    let peer = Peer::start();
    let Some(mut lonc) = Lonc::activated(&peer, &["S"], "client") else {
        return;
    };
    assert_eq!(peer.connections(), 0);
    let mut first = Client::connect(&lonc.site.path("S"));
    assert_eq!(first.ask("encrypt:echo:awake"), "awake");
    assert_eq!(Client::connect(&lonc.site.path("S")).ask("ping"), "msul1");
    assert!(
        !lonc.site.socket().exists(),
        "it bound a socket of its own as well"
    );
    lonc.signal(Signal::SIGTERM);
    assert_eq!(first.rest(), b"");
    lonc.ended_well();
    assert!(lonc.site.path("S").exists());
}

#[test]
fn of_several_sockets_the_one_named_client_is_served() {
    let peer = Peer::start();
    let Some(lonc) = Lonc::activated(&peer, &["A", "B"], "control:client") else {
        return;
    };
    assert_eq!(Client::connect(&lonc.site.path("B")).ask("ping"), "msul1");
}

#[test]
fn a_socket_of_another_name_is_an_error_that_tells_the_names() {
    let peer = Peer::start();
    let Some(mut lonc) = Lonc::activated(&peer, &["S"], "http") else {
        return;
    };
    let waker = UnixStream::connect(lonc.site.path("S")).unwrap();
    let (status, log) = lonc.ended();
    assert_eq!(status.code(), Some(1), "{log}");
    let fault = log.lines().last().unwrap();
    assert!(fault.contains("\"client\"") && fault.contains("http"), "{fault}");
    assert!(lonc.site.path("S").exists());
    drop(waker);
}
