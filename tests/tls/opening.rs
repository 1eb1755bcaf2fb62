//! What is the same over TLS, and what is more.

use std::fs;

use nix::sys::signal::Signal;
use test_harness::tls::Demands;
use test_harness::wait_until;

use crate::secured::{NAME, Secured};

#[test]
fn requests_go_through_plain_and_encrypted() {
    let secured = Secured::new();
    let mut lonc = secured.start("", &[]);
    let mut client = lonc.client();
    assert_eq!(client.ask("echo:1"), "1");
    assert_eq!(client.ask("encrypt:echo:2"), "2");
    let large = "x".repeat(3 << 20);
    assert_eq!(client.ask(&format!("echo:{large}")), large);
    assert_eq!(client.ask(&format!("encrypt:echo:{large}")), large);
    for number in 0..500 {
        client.say(format!("echo:{number}"));
    }
    for number in 0..500 {
        assert_eq!(client.hear(), number.to_string());
    }
    assert_eq!(secured.terminator.counts().1, secured.terminator.counts().0);
    lonc.signal(Signal::SIGTERM);
    lonc.ended_well();
}

#[test]
fn delayed_and_critical_messages_too() {
    let secured = Secured::new();
    secured.peer.kill();
    let site = secured.site("", &[]);
    fs::create_dir(site.path("delayed")).unwrap();
    let lonc = site.start();
    let mut client = lonc.client();
    assert_eq!(client.ask("critical:echo:later"), "con_delayed");
    secured.peer.revive();
    secured.peer.await_command("echo:later");
    wait_until("direct replies", || client.ask("critical:echo:now") == "now");
}

#[test]
fn a_session_is_resumed() {
    let secured = Secured::new();
    let lonc = secured.start("", &[]);
    let mut client = lonc.client();
    wait_until("the link", || client.ask("echo:1") == "1");
    // One that is cut off in a bad moment begins anew.
    wait_until("another session", || {
        secured.peer.drop_links();
        client.ask("echo:1") == "1" && secured.terminator.counts().2 > 0
    });
}

#[test]
fn what_we_are_is_shown_where_it_is_asked_for() {
    let secured = Secured::with(|authority| Demands {
        client: Some(authority.pem().to_owned()),
        ..Demands::default()
    });
    let ours = secured.authority.good("msul2.example.edu");
    let files = [("own.pem", &*ours.certificate), ("own.key", &*ours.key)];
    let lonc = secured.start("certificate = 'DIR/own.pem'\nkey = 'DIR/own.key'", &files);
    assert_eq!(lonc.client().ask("echo:1"), "1");
}

#[test]
fn the_protocol_inside_is_offered_and_may_be_required() {
    for (known, required, fine) in [
        (vec![], false, true),
        (vec![], true, false),
        (vec![b"lond/1".to_vec()], true, true),
        (vec![b"http/1.1".to_vec()], false, false),
    ] {
        let demands = Demands {
            protocols: known.clone(),
            ..Demands::default()
        };
        let secured = Secured::with(|_| demands);
        let lonc = secured.start(&format!("require_alpn = {required}"), &[]);
        let heard = lonc.client().ask("echo:1");
        assert_eq!(heard == "1", fine, "{known:?} {required}: {heard}");
        if !fine {
            lonc.await_log("(ALPN)");
            secured.assert_nothing_said();
        }
    }
}

#[test]
fn a_name_of_the_list_will_do() {
    let secured = Secured::new();
    let lonc = secured.start(
        &format!("verify_san = ['other.example.edu', '{NAME}']\nserver_name = 'one'"),
        &[],
    );
    assert_eq!(lonc.client().ask("echo:1"), "1");
}
