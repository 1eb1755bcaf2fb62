//! Clients that vanish.

use std::net::Shutdown;

use nix::sys::signal::Signal;
use test_harness::{Lonc, Peer, wait_until};

#[test]
fn what_a_vanished_client_had_queued_is_dropped_and_what_was_written_keeps_its_place() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "[link]\npipeline = 1\nmax_connections = 1\n");
    let mut gone = lonc.client();
    let mut others: Vec<_> = (0..3).map(|_| lonc.client()).collect();
    gone.send("hold:gone\necho:queued\nencrypt:echo:queued\n");
    peer.await_command("hold:gone");
    for (number, client) in others.iter_mut().enumerate() {
        client.send(format!("echo:{number}\nencrypt:echo:{number}\n"));
    }
    drop(gone);
    lonc_has_seen_the_end(&lonc, 3);
    peer.release();
    for (number, client) in others.iter_mut().enumerate() {
        assert_eq!(
            (client.hear(), client.hear()),
            (number.to_string(), number.to_string())
        );
        client.assert_nothing();
    }
    assert_eq!(peer.count("echo:queued"), 0);
    assert_eq!(peer.connections(), 1);
}

#[test]
fn the_replies_to_a_vanished_client_reach_nobody_else() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "[link]\nmax_connections = 1\n");
    for round in 0..20 {
        let mut gone = lonc.client();
        gone.send(format!(
            "hold:{round}\n{}",
            "encrypt:echo:theirs\necho:theirs\n".repeat(10)
        ));
        peer.await_command(&format!("hold:{round}"));
        let mut heir = lonc.client();
        heir.send("echo:mine\nencrypt:echo:mine\n");
        if round % 2 == 0 {
            gone.stream().shutdown(Shutdown::Both).unwrap();
        }
        drop(gone);
        // One that comes after it left may get its place in lonc's tables.
        let mut late = lonc.client();
        late.send("echo:late\n");
        peer.release();
        assert_eq!((heir.hear(), heir.hear()), ("mine".into(), "mine".into()));
        assert_eq!(late.hear(), "late");
        heir.assert_nothing();
        late.assert_nothing();
    }
    assert_eq!(peer.connections(), 1);
}

#[test]
fn clients_come_and_go_by_the_thousand() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, "");
    for number in 0..1000 {
        let mut client = lonc.client();
        client.say(format!("echo:{number}"));
        if number % 3 == 0 {
            assert_eq!(client.hear(), number.to_string());
        }
    }
    assert_eq!(lonc.client().ask("echo:last"), "last");
    lonc.assert_alive();
    let peak = lonc.peak_memory();
    assert!(peak < 64, "{peak} MiB");
}

/// Waits until lonc counts so many clients.
fn lonc_has_seen_the_end(lonc: &Lonc, clients: usize) {
    let told = |log: &str| log.matches(&format!(" {clients} clients")).count();
    wait_until("the departure", || {
        lonc.signal(Signal::SIGUSR1);
        told(&lonc.log()) > 0
    });
}

#[test]
fn what_a_client_asked_that_had_gone_before_it_was_read_is_not_sent() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let mut there: Vec<_> = (0..20).map(|_| lonc.client()).collect();
    for client in &mut there {
        assert_eq!(client.ask("echo:here"), "here");
    }
    lonc.signal(Signal::SIGSTOP);
    wait_until("the stop", || lonc.process_state() == Some('T'));
    for (number, mut client) in there.into_iter().enumerate() {
        client.say(if number % 2 == 0 {
            "critical:echo:kept"
        } else {
            "echo:gone"
        });
    }
    for number in 0..50 {
        let mut client = lonc.client();
        client.send("echo:gone\nencrypt:echo:gone\n");
        if number % 2 == 0 {
            client.stream().shutdown(Shutdown::Both).unwrap();
        }
    }
    // Who only has no more to ask waits for the answer, and gets it.
    let mut asking: Vec<_> = (0..20).map(|_| lonc.client()).collect();
    for (number, client) in asking.iter_mut().enumerate() {
        client.send(format!("echo:half{number}\n"));
        client.half_close();
    }
    lonc.signal(Signal::SIGCONT);
    for (number, client) in asking.into_iter().enumerate() {
        assert_eq!(client.rest(), format!("half{number}\n").as_bytes());
    }
    assert_eq!(lonc.client().ask("echo:last"), "last");
    assert_eq!(peer.count("echo:gone"), 0);
    // What is critical goes as if its client were there.
    wait_until("what is critical", || peer.count("echo:kept") == 10);
}
