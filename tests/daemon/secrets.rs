//! Bodies stay out of the log.

use nix::sys::signal::Signal;
use stand_in_lond::{BadHex, Behaviour};
use test_harness::{Lonc, Peer, QUICK, Site, wait_until};

const OPEN: &str = "opensesame";
const SHUT: &str = "shutsesame";

#[test]
fn at_level_debug_no_body_is_in_the_log() {
    let peer = Peer::start();
    let mut lonc = verbose(&peer, "debug");
    provoke(&peer, &lonc);
    lonc.signal(Signal::SIGTERM);
    let log = lonc.ended_well();
    assert!(log.contains("DEBUG"), "{log}");
    assert!(!log.contains(OPEN) && !log.contains(SHUT), "{log}");
    let shown = std::fs::read_to_string(lonc.site.path("lonc.log")).unwrap();
    assert!(shown.contains("CRITICAL") && !shown.contains("DEBUG"), "{shown}");
    assert!(!shown.contains(OPEN) && !shown.contains(SHUT), "{shown}");
}

#[test]
fn at_level_trace_nothing_of_an_encrypted_one_is_in_the_log() {
    let peer = Peer::start();
    let mut lonc = verbose(&peer, "trace");
    provoke(&peer, &lonc);
    lonc.signal(Signal::SIGTERM);
    let log = lonc.ended_well();
    assert!(!log.contains(SHUT), "{log}");
    let wires: Vec<_> = peer
        .received()
        .into_iter()
        .filter(|line| line.decrypted.is_some())
        .collect();
    assert!(!wires.is_empty());
    for line in wires {
        let wire = String::from_utf8(line.raw).unwrap();
        assert!(!log.contains(&wire), "{wire}");
    }
}

/// lonc for `peer`, logging all that this level and the environment ask for.
fn verbose(peer: &Peer, level: &str) -> Lonc {
    let toml = format!(
        "loncron_log = 'DIR/lonc.log'\n{QUICK}request_timeout = '5s'\nhandshake_timeout = '5s'\nmax_reply_bytes = '64KiB'\n[client]\nmax_request_bytes = '64KiB'\n\
         [daemon]\nlog_level = '{level}'\n"
    );
    let site = Site::new(peer.addr(), &toml);
    let mut command = site.command();
    command.env("RUST_LOG", level);
    let lonc = Lonc::spawn(site, command);
    lonc.await_socket();
    lonc
}

/// Everything that may become of a request, with one of the words in it.
fn provoke(peer: &Peer, lonc: &Lonc) {
    let mut client = lonc.client();
    client.send(format!(
        "echo:{OPEN}\nencrypt:echo:{SHUT}\ncritical:encrypt:{SHUT}\n"
    ));
    assert_eq!(
        (client.hear(), client.hear(), client.hear()),
        (OPEN.into(), SHUT.into(), "unknown_cmd".into())
    );
    for behaviour in [
        Behaviour::HalfReply,
        Behaviour::NeverReply,
        Behaviour::ExtraReply,
        Behaviour::UnaskedLine,
        Behaviour::BadHex(BadHex::NonHex),
        Behaviour::BadHex(BadHex::NewlineInside),
    ] {
        peer.behave(behaviour);
        client.send(format!("echo:{OPEN}\nencrypt:echo:{SHUT}\n"));
        client.answer();
        client.answer();
    }
    peer.behave(Behaviour::Normal);
    wait_until("recovery", || client.ask("ping") == "msul1");
    peer.inject(OPEN.as_bytes());
    peer.kill();
    wait_until("con_lost", || {
        client.ask(&format!("encrypt:echo:{SHUT}")) == "con_lost"
    });
    assert_eq!(client.ask(&format!("critical:echo:{OPEN}")), "con_failed");
    lonc.signal(Signal::SIGUSR1);
    lonc.await_log("since the start");
    client.send(format!("{OPEN}{}", "x".repeat(1 << 17)));
    assert_eq!(client.hear(), "error: request too long");
}
