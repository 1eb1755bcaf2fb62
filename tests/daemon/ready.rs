//! READY and STATUS.

use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use stand_in_lond::{Behaviour, Step};
use test_harness::{Manager, Peer};

/// Waits for nothing but what the test does.
const PATIENT: &str = "[link]\npong = true\nconnect_wait = '1h'\nhandshake_timeout = '1h'\nbackoff_min = '1h'\nbackoff_max = '1h'\n";

#[test]
fn ready_comes_with_the_handshake_and_says_up() {
    let peer = Peer::start();
    let (manager, lonc) = Manager::launch(&peer, "", |_| {});
    let ready = manager.await_message("READY=1");
    assert_eq!(peer.count("ekey"), 1, "ready before the last step");
    let up = format!("STATUS=up: msul1 ({}) since ", peer.addr());
    assert!(ready.contains(&up) && ready.contains(" 0 clients"), "{ready}");
    assert!(ready.contains(" ms"), "{ready}");
    assert_eq!(
        manager.messages()[0].split_once(" (").unwrap().0,
        "STATUS=connecting: msul1"
    );
    assert_eq!(lonc.client().ask("ping"), "msul1");
    manager.await_message(&format!("{up}{}", &ready.split_once("since ").unwrap().1[..20]));
    assert_eq!(manager.count("READY=1"), 1);
}

#[test]
fn there_is_no_ready_while_the_handshake_stalls() {
    for step in [Step::Accept, Step::Pong, Step::BuildKey] {
        let peer = Peer::that(Behaviour::StallAt(step));
        let (manager, lonc) = Manager::launch(&peer, PATIENT, |_| {});
        manager.await_message("STATUS=connecting");
        peer.await_links(|_, open| open == 1);
        sleep(Duration::from_millis(300));
        assert_eq!(manager.count("READY=1"), 0, "{step:?}");
        // Even then the socket takes clients, whose requests wait.
        let mut client = lonc.client();
        client.say("echo:1");
        peer.behave(Behaviour::Normal);
        peer.drop_links();
        let ready = manager.await_message("READY=1");
        assert!(ready.contains("STATUS=down"), "{ready}");
        assert_eq!(client.hear(), "con_lost");
        lonc.signal(Signal::SIGUSR1);
        manager.await_message("STATUS=up");
        assert_eq!(client.ask("echo:2"), "2");
    }
}

#[test]
fn a_dead_peer_makes_it_ready_after_the_first_try_and_the_status_says_why() {
    let peer = Peer::dead();
    let (manager, lonc) = Manager::launch(&peer, PATIENT, |_| {});
    let ready = manager.await_message("READY=1");
    assert!(
        ready.contains(&format!("STATUS=down: msul1 ({})", peer.addr())),
        "{ready}"
    );
    assert!(
        ready.contains("refused") && ready.contains("; next try "),
        "{ready}"
    );
    peer.revive();
    lonc.signal(Signal::SIGUSR1);
    let up = manager.await_message("STATUS=up");
    assert!(!up.contains("next try") && !up.contains("refused"), "{up}");
    assert_eq!(manager.count("READY=1"), 1);
}

#[test]
fn a_stalling_peer_makes_it_ready_after_connect_wait() {
    let peer = Peer::that(Behaviour::StallAt(Step::Version));
    let started = Instant::now();
    let (manager, _lonc) = Manager::launch(&peer, "[link]\nconnect_wait = '1s'\n", |_| {});
    let ready = manager.await_message("READY=1");
    assert!(started.elapsed() >= Duration::from_secs(1), "{ready}");
    assert!(ready.contains("STATUS=down"), "{ready}");
    peer.await_links(|accepted, _| accepted == 1);
}

#[test]
fn the_status_follows_the_state_and_counts_the_clients() {
    let peer = Peer::start();
    let (manager, lonc) = Manager::start(&peer, PATIENT);
    let mut clients: Vec<_> = (0..3).map(|_| lonc.client()).collect();
    for client in &mut clients {
        assert_eq!(client.ask("ping"), "msul1");
    }
    test_harness::wait_until("three clients", || {
        manager
            .messages()
            .last()
            .is_some_and(|text| text.contains(" 3 clients"))
    });
    let seen = manager.messages().len();
    peer.kill();
    let lost = manager.await_after(seen, "STATUS=");
    assert!(
        lost.contains("STATUS=connecting") && lost.contains("; next try "),
        "{lost}"
    );
    lonc.signal(Signal::SIGUSR1);
    let down = manager.await_after(seen, "STATUS=down");
    assert!(down.contains("refused"), "{down}");
}
