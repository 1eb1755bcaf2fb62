//! `close_connection_exit`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use test_harness::{Lonc, Peer, another_user};

#[test]
fn it_stops_the_instance_for_root_or_its_own_user() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    let mut other = lonc.client();
    other.say("hold:mine");
    peer.await_command("hold:mine");
    let mut client = lonc.client();
    client.send("echo:1\nclose_connection_exit\n");
    // The held one is before them on the link.
    peer.release();
    assert_eq!(client.rest(), b"1\nok\n");
    assert_eq!(other.rest(), b"mine\n");
    lonc.ended_well();
    assert!(!lonc.site.socket().exists());
}

#[test]
fn it_stops_an_instance_whose_peer_is_away() {
    let peer = Peer::dead();
    let mut lonc = Lonc::start(&peer, "");
    assert_eq!(lonc.client().ask("close_connection_exit"), "ok");
    lonc.ended_well();
}

#[test]
fn with_anything_behind_it_it_is_a_request() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    assert_eq!(lonc.client().ask("close_connection_exit "), "unknown_cmd");
    assert_eq!(peer.count("close_connection_exit "), 1);
    lonc.assert_alive();
}

#[test]
fn others_are_refused_and_served_all_the_same() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    let socket = lonc.site.socket();
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    let asked = ["close_connection_exit", "echo:served"];
    let Some((answers, said)) = another_user::ask(&socket, '\n', &asked) else {
        return;
    };
    assert_eq!(answers, ["refused", "served"], "{said}");
    lonc.assert_alive();
    assert_eq!(lonc.client().ask("echo:1"), "1");
}
