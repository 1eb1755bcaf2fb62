//! Requests that take too long.

use std::time::Duration;

use nix::sys::signal::Signal;
use stand_in_lond::Behaviour;
use test_harness::{Lonc, Peer, wait_until};

const TIMEOUT: &str = "[link]\nrequest_timeout = '600ms'\nbackoff_min = '10ms'\nbackoff_max = '40ms'\n";

#[test]
fn every_request_that_was_written_is_lost_with_the_one_that_timed_out() {
    let peer = Peer::start();
    let link = format!("{}max_connections = 1\n", TIMEOUT.replace("600ms", "3s"));
    let lonc = Lonc::start_linked(&peer, &link);
    let mut clients: Vec<_> = (0..5).map(|_| lonc.client()).collect();
    // So that lonc knows that lond is fast, and puts many on the link.
    clients[0].send("echo:fast\n".repeat(400));
    for _ in 0..400 {
        assert_eq!(clients[0].hear(), "fast");
    }
    // All at once: behind one that takes long already nothing more is put.
    lonc.signal(Signal::SIGSTOP);
    clients[0].say("hold:head");
    for client in &mut clients[1..] {
        client.send("echo:behind\nencrypt:echo:behind\n");
    }
    lonc.signal(Signal::SIGCONT);
    peer.await_received(|lines| {
        lines
            .iter()
            .filter(|line| line.command() == b"echo:behind")
            .count()
            == 8
    });
    peer.await_command("hold:head");
    assert_eq!(clients[0].hear(), "con_lost");
    for client in &mut clients[1..] {
        assert_eq!(
            (client.hear(), client.hear()),
            ("con_lost".into(), "con_lost".into())
        );
    }
    for (number, client) in clients.iter_mut().enumerate() {
        let word = number.to_string();
        assert_eq!(client.ask(&format!("echo:{word}")), word);
        client.assert_nothing();
    }
    lonc.await_log("9 requests were sent and got no reply, 0 were never sent");
}

#[test]
fn a_late_reply_reaches_nobody() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, TIMEOUT);
    // Far later, for a lonc that stands still meanwhile takes what has come.
    peer.behave(Behaviour::LateReply(Duration::from_secs(4)));
    let mut clients: Vec<_> = (0..3).map(|_| lonc.client()).collect();
    for client in &mut clients {
        client.say("echo:late");
    }
    for client in &mut clients {
        assert_eq!(client.hear(), "con_lost");
    }
    peer.behave(Behaviour::Normal);
    // Behind the late one's time there is nothing but the replies asked for now.
    for round in 0..100 {
        for (number, client) in clients.iter_mut().enumerate() {
            let word = format!("{round}-{number}");
            let heard = client.ask(&format!("encrypt:echo:{word}"));
            assert!(heard == word || heard == "con_lost", "{heard}");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    wait_until("recovery", || clients[0].ask("echo:now") == "now");
    for client in &mut clients {
        client.assert_nothing();
    }
}

#[test]
fn what_was_never_written_survives_to_the_next_link() {
    let peer = Peer::start();
    let timeout = TIMEOUT.replace("600ms", "3s");
    let lonc = Lonc::start_linked(&peer, &format!("{timeout}pipeline = 1\nmax_connections = 1\n"));
    let mut clients: Vec<_> = (0..5).map(|_| lonc.client()).collect();
    clients[0].send("hold:head\necho:0\n");
    peer.await_command("hold:head");
    for (number, client) in clients.iter_mut().enumerate().skip(1) {
        client.send(format!("echo:{number}\nencrypt:echo:{number}\n"));
    }
    assert_eq!(clients[0].hear(), "con_lost");
    assert_eq!(clients[0].hear(), "0");
    for (number, client) in clients.iter_mut().enumerate().skip(1) {
        assert_eq!(
            (client.hear(), client.hear()),
            (number.to_string(), number.to_string())
        );
    }
    assert_eq!(peer.connections(), 2);
    // Each was carried once.
    for number in 1..5 {
        assert_eq!(peer.count(&format!("echo:{number}")), 2);
    }
}

#[test]
fn a_request_waits_for_those_before_it_without_its_own_time_running() {
    let peer = Peer::that(Behaviour::Normal);
    let lonc = Lonc::start_linked(&peer, "[link]\nrequest_timeout = '7s'\nmax_connections = 1\n");
    let mut clients: Vec<_> = (0..9).map(|_| lonc.client()).collect();
    for client in &mut clients {
        client.say("sleep:1000:rested");
    }
    // The last one takes nine seconds, of which one is its own.
    for client in &mut clients {
        assert_eq!(client.hear(), "rested");
    }
    assert_eq!(peer.connections(), 1);
}
