//! Everything that the stand-in lond can do wrong; over TCP and over TLS.

use std::time::Duration;

use stand_in_lond::{BadHex, Behaviour, Step};
use test_harness::{Client, Peer, QUICK, wait_until};

/// What makes each misbehaviour end soon.
const HASTY: &str = "[link]\nconnect_wait = '300ms'\nhandshake_timeout = '300ms'\nrequest_timeout = '300ms'\n\
                     probe_interval = '100ms'\nbackoff_min = '10ms'\nbackoff_max = '40ms'\nmax_reply_bytes = '4MiB'\n";
/// What a process that holds no more than it should stays below, in MiB.
const MEMORY: u64 = 64;

#[test]
fn silence_in_each_step_of_the_handshake() {
    for step in Step::ALL {
        endure(Behaviour::StallAt(step), &Told::Own, "pong = true\n");
    }
}

#[test]
fn the_end_of_the_connection_in_each_step_of_the_handshake() {
    for step in Step::ALL {
        endure(Behaviour::CloseAt(step), &Told::Own, "pong = true\n");
    }
}

#[test]
fn refusals() {
    for behaviour in [Behaviour::Refuse, Behaviour::RefuseInit] {
        endure(behaviour, &Told::Own, "");
    }
}

#[test]
fn odd_answers_in_the_handshake() {
    for behaviour in [
        Behaviour::SoftFail,
        Behaviour::WrongPong,
        Behaviour::WrongPing,
        Behaviour::EmptyChallenge,
        Behaviour::EmptyBuildKey,
    ] {
        endure(behaviour, &Told::Own, "pong = true\n");
    }
}

#[test]
fn an_endless_line_in_the_handshake() {
    endure(Behaviour::EndlessHandshakeLine, &Told::Own, "");
}

#[test]
fn a_line_that_nobody_asked_for() {
    endure(Behaviour::UnaskedLine, &Told::Own, "");
    // A second line behind a reply shows only where nothing else is in flight.
    endure(Behaviour::ExtraReply, &Told::Own, "pipeline = 1\n");
    endure(Behaviour::ExtraReply, &Told::Anything, "max_connections = 10\n");
}

#[test]
fn links_that_close_after_some_requests() {
    for most in [0, 1, 3] {
        endure(
            Behaviour::CloseAfterRequests(most),
            &Told::Own,
            "max_connections = 10\n",
        );
    }
    endure(Behaviour::CloseAfterRequests(1), &Told::Own, "pipeline = 1\n");
    endure(Behaviour::CloseAfterRequests(2), &Told::Own, "connections = 3\n");
}

#[test]
fn half_a_reply() {
    endure(Behaviour::HalfReply, &Told::Own, "");
    endure(Behaviour::HalfReply, &Told::Own, "pipeline = 1\n");
}

#[test]
fn an_endless_reply() {
    endure(Behaviour::EndlessLine, &Told::Own, "");
    endure(Behaviour::EndlessLine, &Told::Own, "connections = 3\n");
}

#[test]
fn garbage() {
    for seed in 0..4 {
        endure(Behaviour::Garbage(seed), &Told::Anything, "");
        endure(Behaviour::Garbage(seed), &Told::Anything, "pipeline = 1\n");
    }
}

#[test]
fn encrypted_replies_that_are_malformed() {
    for how in [
        BadHex::OddLength,
        BadHex::NonHex,
        BadHex::PartBlock,
        BadHex::LengthTooLarge,
        BadHex::NewlineInside,
    ] {
        endure(Behaviour::BadHex(how), &Told::LostIfEncrypted, "");
    }
}

#[test]
fn replies_that_are_slow_or_never_come() {
    for behaviour in [
        Behaviour::LateReply(Duration::from_millis(20)),
        Behaviour::LateReply(Duration::from_millis(400)),
        Behaviour::NeverReply,
        Behaviour::ByteByByte,
    ] {
        endure(behaviour, &Told::Own, "");
    }
}

#[test]
fn a_lond_that_reads_slowly_or_not_at_all() {
    for behaviour in [Behaviour::SlowRead, Behaviour::NeverRead] {
        endure(behaviour, &Told::Own, "");
    }
}

#[test]
fn requests_in_plenty_for_a_lond_that_reads_nothing() {
    let peer = Peer::start();
    let mut lonc = crate::start_linked(&peer, HASTY);
    peer.behave(Behaviour::NeverRead);
    let mut client = lonc.client();
    let mut other = lonc.client();
    // More than the kernel buffers between lonc and lond.
    let request = format!("len:{}\n", "x".repeat(3 << 20));
    let sender = client.stream().try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..8 {
                std::io::Write::write_all(&mut &sender, request.as_bytes()).unwrap();
            }
        });
        for _ in 0..8 {
            assert_eq!(client.hear(), "con_lost");
        }
    });
    let heard = other.ask("echo:1");
    assert_eq!(heard, "con_lost");
    peer.behave(Behaviour::Normal);
    wait_until("recovery", || other.ask("echo:well") == "well");
    lonc.assert_alive();
    let peak = lonc.peak_memory();
    assert!(peak < MEMORY, "{peak} MiB");
}

#[test]
fn a_request_of_which_a_part_was_written_counts_as_sent() {
    let peer = Peer::start();
    let lonc = crate::start_linked(&peer, &format!("{QUICK}request_timeout = '6s'\npipeline = 1\n"));
    peer.behave(Behaviour::NeverRead);
    let mut client = lonc.client();
    let mut other = lonc.client();
    // The kernel buffers less than this between lonc and lond.
    let request = format!("len:{}", "x".repeat(15 << 20));
    client.say(&request);
    other.say("echo:behind");
    assert_eq!(client.hear(), "con_lost");
    peer.behave(Behaviour::Normal);
    assert_eq!(other.hear(), "behind");
    client.assert_nothing();
    assert_eq!(client.ask("echo:next"), "next");
    assert_eq!(peer.count(&request), 0, "it was sent again");
    lonc.await_log("got no reply");
}

#[test]
fn bytes_out_of_the_blue_reset_an_idle_link() {
    let peer = Peer::start();
    // While a probe is in flight they would be the answer to it.
    let unprobed = HASTY.replace("probe_interval = '100ms'", "probe_interval = '0s'");
    let mut lonc = crate::start_linked(&peer, &unprobed);
    for _ in 0..3 {
        let before = peer.connections();
        peer.inject(b"half a line");
        peer.await_links(|accepted, _| accepted > before);
        let mut client = lonc.client();
        wait_until("recovery", || client.ask("echo:1") == "1");
    }
    lonc.await_log("unasked bytes");
    lonc.assert_alive();
}

/// What a client may be told while lond behaves so.
enum Told {
    /// Its own reply, or `con_lost`.
    Own,
    /// That, and for what was asked by `encrypt:` nothing but `con_lost`.
    LostIfEncrypted,
    /// Any one line: what lond sends in place of a reply cannot be told from one.
    Anything,
}

fn ask_all(clients: &mut [Client], told: &Told) {
    for (number, client) in clients.iter_mut().enumerate() {
        for round in 0..3 {
            client.send(format!("echo:{number}-{round}\nencrypt:echo:{number}-{round}\n"));
        }
    }
    for (number, client) in clients.iter_mut().enumerate() {
        for round in 0..3 {
            let word = format!("{number}-{round}").into_bytes();
            for encrypted in [false, true] {
                let heard = client.answer();
                let lost = heard == b"con_lost";
                let right = match told {
                    Told::Own => lost || heard == word,
                    Told::LostIfEncrypted => lost || (!encrypted && heard == word),
                    Told::Anything => true,
                };
                assert!(
                    right,
                    "{} in place of {}",
                    heard.escape_ascii(),
                    word.escape_ascii()
                );
            }
        }
    }
}

/// One definite answer to each request while lond behaves so, bounded memory, and recovery.
fn endure(behaviour: Behaviour, told: &Told, link: &str) {
    eprintln!("{behaviour:?}");
    let peer = Peer::that(behaviour);
    let mut lonc = crate::start(&peer, &format!("{HASTY}{link}"));
    let mut clients: Vec<_> = (0..4).map(|_| lonc.client()).collect();
    for _ in 0..2 {
        ask_all(&mut clients, told);
    }
    lonc.assert_alive();
    peer.behave(Behaviour::Normal);
    for (number, client) in clients.iter_mut().enumerate() {
        let word = format!("well {number}");
        wait_until("recovery", || client.ask(&format!("encrypt:echo:{word}")) == word);
    }
    // On a link that was opened since, nothing is left of what was before.
    for client in &mut clients {
        client.assert_nothing();
        wait_until("now", || {
            let heard = client.ask("echo:now");
            assert!(heard == "now" || heard == "con_lost", "{heard}");
            heard == "now"
        });
    }
    lonc.assert_alive();
    let peak = lonc.peak_memory();
    assert!(peak < MEMORY, "{behaviour:?}: {peak} MiB");
}
