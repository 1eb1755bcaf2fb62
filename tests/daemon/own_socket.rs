//! The socket that lonc binds itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;

use nix::sys::signal::Signal;
use test_harness::{Lonc, Peer, Site};

#[test]
fn it_is_there_for_owner_and_group_and_gone_at_the_end() {
    let peer = Peer::start();
    let mut lonc = Lonc::start(&peer, "");
    let mode = fs::metadata(lonc.site.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    lonc.signal(Signal::SIGINT);
    lonc.ended_well();
    assert!(!lonc.site.socket().exists());
}

#[test]
fn a_stale_file_is_replaced() {
    let peer = Peer::start();
    let site = Site::new(peer.addr(), "");
    fs::create_dir(site.path("sockets")).unwrap();
    drop(UnixListener::bind(site.socket()).unwrap());
    assert!(site.socket().exists());
    let lonc = site.start();
    assert_eq!(lonc.client().ask("ping"), "msul1");
}

#[test]
fn a_live_one_is_refused_and_goes_on_serving() {
    let peer = Peer::start();
    let first = Lonc::start(&peer, "");
    let command = first.site.command();
    let mut second = Lonc::spawn(Site::new(peer.addr(), ""), command);
    let (status, log) = second.ended();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("another process is serving this socket"), "{log}");
    assert_eq!(first.client().ask("ping"), "msul1");
    assert_eq!(peer.connections(), 1);
}

#[test]
fn after_a_crash_the_next_start_finds_its_way() {
    let peer = Peer::start();
    let mut crashed = Lonc::start_linked(&peer, "");
    crashed.signal(Signal::SIGKILL);
    crashed.ended();
    assert!(crashed.site.socket().exists());
    let command = crashed.site.command();
    let next = Lonc::spawn(Site::new(peer.addr(), ""), command);
    crashed.await_socket();
    assert_eq!(crashed.client().ask("ping"), "msul1");
    drop(next);
}

#[test]
fn a_file_that_is_no_socket_is_left_alone() {
    let peer = Peer::start();
    let site = Site::new(peer.addr(), "");
    fs::create_dir(site.path("sockets")).unwrap();
    fs::write(site.socket(), "precious").unwrap();
    let mut lonc = site.launch();
    let (status, log) = lonc.ended();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("is no socket"), "{log}");
    assert_eq!(fs::read(lonc.site.socket()).unwrap(), b"precious");
}
