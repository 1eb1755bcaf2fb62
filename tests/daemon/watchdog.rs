//! The watchdog: pings are a proof of work.

use std::thread::sleep;
use std::time::Duration;

use nix::sys::signal::Signal;
use stand_in_lond::{Behaviour, Step};
use test_harness::{Lonc, Manager, Peer, wait_until};

const INTERVAL: Duration = Duration::from_millis(300);
const PING: &str = "WATCHDOG=1";

#[test]
fn it_is_pinged_while_the_peer_is_up_stalls_or_is_down() {
    let up = Peer::start();
    let stalls = Peer::that(Behaviour::StallAt(Step::Accept));
    for peer in [up, stalls, Peer::dead()] {
        let (manager, _lonc) = watched(&peer);
        assert_pings(&manager);
    }
}

#[test]
fn it_is_pinged_while_a_request_takes_its_time_and_a_client_reads_nothing() {
    let peer = Peer::start();
    let (manager, lonc) = watched(&peer);
    lonc.await_socket();
    let mut slow = lonc.client();
    slow.send("big:1000000\n".repeat(20));
    let mut long = lonc.client();
    long.say("hold:long");
    peer.await_command("hold:long");
    assert_pings(&manager);
}

#[test]
fn it_is_not_pinged_while_the_event_loop_stands_still() {
    let peer = Peer::start();
    let (manager, lonc) = watched(&peer);
    lonc.await_socket();
    assert_pings(&manager);
    lonc.signal(Signal::SIGSTOP);
    wait_until("the stop", || lonc.process_state() == Some('T'));
    // What it had sent before is read soon.
    let mut sent = manager.messages().len();
    wait_until("silence", || {
        sleep(5 * INTERVAL);
        sent == std::mem::replace(&mut sent, manager.messages().len())
    });
    lonc.signal(Signal::SIGCONT);
    assert_pings(&manager);
    assert_eq!(lonc.client().ask("ping"), "msul1");
}

#[test]
fn without_a_watchdog_nothing_is_pinged() {
    let peer = Peer::start();
    let (manager, lonc) = Manager::start(&peer, "");
    assert_eq!(lonc.client().ask("ping"), "msul1");
    sleep(INTERVAL);
    assert_eq!(manager.count(PING), 0);
}

fn watched(peer: &Peer) -> (Manager, Lonc) {
    Manager::launch(peer, "", |command| {
        command.env("WATCHDOG_USEC", INTERVAL.as_micros().to_string());
    })
}

fn assert_pings(manager: &Manager) {
    let before = manager.count(PING);
    wait_until("pings", || manager.count(PING) > before + 3);
}
