//! A socket that clients do not find any more.

use std::fs;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process;

use nix::sys::signal::Signal;
use test_harness::{Client, Lonc, Peer, Site, wait_until};

#[test]
fn the_log_says_so_without_being_asked() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    let path = lonc.site.socket();
    fs::hard_link(&path, lonc.site.path("kept")).unwrap();
    let _theirs = take(&lonc, &path);
    // It looks by itself, more often than once a minute.
    lonc.await_log("clients do not reach this instance");
    let log = lonc.log();
    let line = log.lines().find(|line| line.contains("do not reach")).unwrap();
    assert!(line.contains("ERROR") && line.contains("is another's"), "{line}");
    assert!(
        line.contains(&format!("process {} (", process::id())) && line.contains("listens there"),
        "{line}"
    );
    lonc.assert_alive();
}

/// Listens in place of who does, in one moment: where there is nothing that is told.
fn take(lonc: &Lonc, path: &Path) -> UnixListener {
    let aside = lonc.site.path("aside");
    let theirs = UnixListener::bind(&aside).unwrap();
    fs::rename(aside, path).unwrap();
    theirs
}

#[test]
fn whoever_took_its_place_keeps_it_when_it_ends() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    let path = lonc.site.socket();
    fs::remove_file(&path).unwrap();
    let theirs = UnixListener::bind(&path).unwrap();
    lonc.signal(Signal::SIGTERM);
    let log = lonc.ended_well();
    assert!(!log.contains("do not reach"), "{log}");
    let client = UnixStream::connect(&path);
    assert!(client.is_ok() && theirs.accept().is_ok());
}

#[test]
fn a_stop_is_not_taken_for_a_loss() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    let mut client = lonc.client();
    client.say("sleep:2000:late");
    peer.await_command("sleep:2000:late");
    lonc.signal(Signal::SIGTERM);
    wait_until("no socket", || !lonc.site.socket().exists());
    assert_eq!(client.hear(), "late");
    let log = lonc.ended_well();
    assert!(!log.contains("do not reach"), "{log}");
}

#[test]
fn a_socket_that_was_passed_is_watched_as_well() {
    let peer = Peer::start();
    let Some(lonc) = Lonc::activated(&peer, &["passed"], "client") else {
        return;
    };
    let path = lonc.site.path("passed");
    // The first client starts it.
    let mut client = Client::connect(&path);
    assert_eq!(client.ask("ping"), "msul1");
    fs::remove_file(&path).unwrap();
    lonc.await_log("passed was removed: clients do not reach this instance");
    assert_eq!(client.ask("ping"), "msul1");
}

#[test]
fn a_name_that_another_took_is_told_as_well() {
    let peer = Peer::start();
    let site = Site::new(peer.addr(), "hosts_tab = 'DIR/hosts.tab'\n");
    site.write("hosts.tab", "msul1:msu:library:zaphod.lite.msu.edu:https\n");
    let lonc = site.start();
    let name = lonc.site.path("sockets/zaphod.lite.msu.edu");
    // As the Perl lonc of today does it, whose socket is called so.
    let _theirs = take(&lonc, &name);
    lonc.await_log("clients that look for the host do not reach this instance");
    let log = lonc.log();
    assert!(log.contains(&format!("process {} (", process::id())), "{log}");
    assert_eq!(lonc.client().ask("ping"), "msul1");
}
