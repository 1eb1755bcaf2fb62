//! Where the control socket comes from.

use std::fs;

use test_harness::{Client, Lonc, Peer, Site, wait_until};

use crate::operator::Operator;

#[test]
fn the_one_that_systemd_passes_is_served() {
    let peer = Peer::start();
    for (sockets, names) in [(["A", "B"], "control:client"), (["B", "A"], "client:control")] {
        let Some(lonc) = Lonc::activated(&peer, &sockets, names) else {
            return;
        };
        assert_eq!(Operator::connect(&lonc.site.path("A")).status()["peer"], "msul1");
        assert_eq!(Client::connect(&lonc.site.path("B")).ask("ping"), "msul1");
        assert!(!lonc.site.control_socket().exists());
    }
}

#[test]
fn where_only_the_other_is_passed_there_is_none() {
    let peer = Peer::start();
    let Some(lonc) = Lonc::activated(&peer, &["S"], "client") else {
        return;
    };
    assert_eq!(Client::connect(&lonc.site.path("S")).ask("ping"), "msul1");
    assert!(!lonc.site.control_socket().exists());
}

#[test]
fn two_of_that_name_are_an_error() {
    let peer = Peer::start();
    let Some(mut lonc) = Lonc::activated(&peer, &["A", "B", "C"], "client:control:control") else {
        return;
    };
    let _waker = std::os::unix::net::UnixStream::connect(lonc.site.path("A")).unwrap();
    let (status, log) = lonc.ended();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("more than one socket named \"control\""), "{log}");
}

#[test]
fn our_own_comes_and_goes_with_us() {
    let peer = Peer::start();
    let mut lonc = Lonc::start(&peer, "");
    assert_eq!(Operator::of(&lonc).status()["peer"], "msul1");
    lonc.signal(nix::sys::signal::Signal::SIGTERM);
    lonc.ended_well();
    assert!(!lonc.site.control_socket().exists());
}

#[test]
fn without_a_place_for_it_requests_are_carried_all_the_same() {
    let peer = Peer::start();
    let site = Site::new(peer.addr(), "");
    fs::write(site.path("control"), "in the way").unwrap();
    let lonc = site.start();
    assert_eq!(lonc.client().ask("ping"), "msul1");
    lonc.await_log("control: control_dir: ");
    fs::remove_file(lonc.site.path("control")).unwrap();
    fs::create_dir(lonc.site.path("control")).unwrap();
    fs::write(lonc.site.control_socket(), "in the way").unwrap();
    let second = lonc.site.clone().launch();
    wait_until("the end of the second", || {
        second.log().contains("another process is serving")
    });
}
