//! `close_connection_exit`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::harness::{Lonc, Peer, program};

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

/// Asks as a client of whatever user it runs as.
const ASK: &str = r#"
    use IO::Socket::UNIX;
    my $lonc = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "connect: $!";
    $lonc->print("close_connection_exit\necho:served\n");
    print scalar <$lonc> for 1, 2;
"#;

#[test]
fn others_are_refused_and_served_all_the_same() {
    let Some(perl) = program("perl") else { return };
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    let socket = lonc.site.socket();
    let mut command = Command::new(perl);
    command.args(["-e", ASK]).arg(&socket).current_dir("/");
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: only root can send a client of another user");
        return;
    }
    command.uid(65_534).gid(65_534);
    fs::set_permissions(&socket, Permissions::from_mode(0o666)).unwrap();
    let output = command.output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "refused\nserved\n",
        "{output:?}"
    );
    lonc.assert_alive();
    assert_eq!(lonc.client().ask("echo:1"), "1");
}
