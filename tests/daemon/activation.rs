//! Sockets that systemd passes.

use std::os::unix::net::UnixStream;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::harness::{Client, Lonc, Peer, Site, program};

/// lonc behind `systemd-socket-activate`, which listens at these names in the site's directory.
fn activated(peer: &Peer, sockets: &[&str], names: &str) -> Option<Lonc> {
    let site = Site::new(peer.addr(), "");
    let mut command = Command::new(program("systemd-socket-activate")?);
    Site::clean(&mut command);
    for socket in sockets {
        command.arg("-l").arg(site.path(socket));
    }
    let lonc = site.command();
    command
        .arg(format!("--fdname={names}"))
        .arg(lonc.get_program())
        .args(lonc.get_args());
    let lonc = Lonc::spawn(site, command);
    for socket in sockets {
        // The file is there before anybody listens; this is said after.
        lonc.await_log(&lonc.site.path(socket).display().to_string());
    }
    Some(lonc)
}

#[test]
fn the_connection_that_woke_it_is_served_and_the_socket_stays() {
    let peer = Peer::start();
    let Some(mut lonc) = activated(&peer, &["S"], "client") else {
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
    let Some(lonc) = activated(&peer, &["A", "B"], "control:client") else {
        return;
    };
    assert_eq!(Client::connect(&lonc.site.path("B")).ask("ping"), "msul1");
}

#[test]
fn a_socket_of_another_name_is_an_error_that_tells_the_names() {
    let peer = Peer::start();
    let Some(mut lonc) = activated(&peer, &["S"], "http") else {
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
