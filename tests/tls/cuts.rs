//! A connection that ends without the word that ends TLS is cut, wherever that happens.

use std::time::Duration;

use test_harness::tls::Demands;
use test_harness::{Lonc, wait_for, wait_until};

use crate::relay::{End, Plan, Relay, Way};
use crate::secured::{Secured, toml};

#[test]
fn at_every_byte_of_an_opening_and_of_a_reply() {
    // The five answers of the handshake, that to its own question, and a reply.
    for cut_after in 0.. {
        let demands = Demands {
            cut_after: Some(cut_after),
            ..Demands::default()
        };
        let secured = Secured::with(|_| demands);
        let site = secured.site("", &[]);
        let toml = toml("").replace("[link]", "[link]\nconnect_wait = '100ms'");
        site.configure(secured.terminator.addr(), &toml);
        let lonc = site.start();
        let mut client = lonc.client();
        // On a busy machine one may come before the link, and be answered that there is none.
        let mut num_asked = 0;
        let (word, heard) = wait_for("the cut, or a reply", || {
            let word = format!("a-reply-of-some-length-that-can-be-cut-{num_asked}");
            num_asked += 1;
            let heard = client.ask(&format!("echo:{word}"));
            assert!(heard == "con_lost" || heard == word, "{cut_after}: {heard}");
            let log = lonc.log();
            let is_cut = log.contains("cut off") || log.contains("reset by peer");
            (is_cut || heard == word).then_some((word, heard))
        });
        client.assert_nothing();
        if heard == word {
            assert!(cut_after > word.len());
            break;
        }
        // What was on the link is lost, and is not sent again.
        assert!(secured.peer.count(&format!("echo:{word}")) <= 1, "{cut_after}");
    }
}

#[test]
fn at_every_byte_of_the_handshake_and_of_what_follows() {
    for way in [Way::ToLonc, Way::ToPeer] {
        cut_everywhere(way, End::Fin, 1);
        // What differs is how the end is told, and not where it may be.
        cut_everywhere(way, End::Reset, 9);
    }
}

/// On one instance each link comes a step further than the one before.
fn cut_everywhere(way: Way, end: End, step: usize) {
    let secured = Secured::with(|_| Demands {
        forgets: true,
        ..Demands::default()
    });
    let whole = handshake(&secured, way);
    let cut = Plan {
        cut: Some((way, 0, end)),
        step,
        ..Plan::default()
    };
    let relay = Relay::start(secured.terminator.addr(), cut);
    let said_before = secured.peer.commands().len();
    let lonc = through(&relay, &secured, "backoff_max = '10ms'\nconnect_wait = '0s'");
    let mut client = lonc.client();
    // Not a word until the peer has proved itself.
    await_cut(&relay, whole, || {
        let said = secured.peer.commands().len();
        let next = relay.next_cut();
        assert!(said == said_before || next >= whole, "{way:?} {end:?} {next}");
    });
    let log = lonc.log();
    // One that is reset at once may not even seem to have come about.
    let is_at_once = log.contains("at the first word of TLS, without an answer");
    assert!(is_at_once || end == End::Reset, "{way:?}: {log}");
    let is_within = log.contains("in the middle of the TLS handshake");
    assert_eq!(is_within, way == Way::ToLonc, "{way:?} {end:?}: {log}");
    for word in ["not speak TLS", "wanted", "refused", "certificate"] {
        assert!(!log.contains(word), "{way:?} {end:?}: {word}: {log}");
    }
    let mut number = 0;
    await_cut(&relay, whole + 201, || {
        number += 1;
        let heard = client.ask(&format!("echo:{number}"));
        assert!(heard == "con_lost" || heard == number.to_string(), "{heard}");
        assert!(secured.peer.count(&format!("echo:{number}")) <= 1);
    });
    relay.set(Plan::default());
    wait_until("recovery", || client.ask("echo:last") == "last");
}

/// Does something again and again until the next cut is so late; each cut has a deadline of its own.
fn await_cut(relay: &Relay, late: usize, mut meanwhile: impl FnMut()) {
    while relay.next_cut() < late {
        let next = relay.next_cut();
        wait_until("a further cut", || {
            meanwhile();
            relay.next_cut() > next
        });
    }
}

/// How many bytes go this way before lond could have been told anything; a signature is not always as long.
fn handshake(secured: &Secured, way: Way) -> usize {
    /// The shortest last word of the handshake of who connects, of which the signature is no part.
    const FINISHED: usize = 64;
    let relay = Relay::start(secured.terminator.addr(), Plan::default());
    let lonc = through(&relay, secured, "");
    assert_eq!(lonc.client().ask("echo:0"), "0");
    let [to_peer, to_lonc] = relay.greetings();
    match way {
        Way::ToPeer => to_peer + FINISHED,
        Way::ToLonc => to_lonc - 8,
    }
}

#[test]
fn byte_by_byte_it_is_as_ever() {
    let secured = Secured::new();
    let trickle = |pause| Plan {
        trickle: Some(pause),
        ..Plan::default()
    };
    let relay = Relay::start(secured.terminator.addr(), trickle(Duration::from_millis(1)));
    let lonc = through(&relay, &secured, "");
    let mut client = lonc.client();
    wait_until("the link", || client.ask("echo:1") == "1");
    assert_eq!(client.ask("encrypt:echo:2"), "2");
    let log = lonc.log();
    assert!(!log.contains("link lost"), "{log}");
    drop(lonc);
    // So slow that it is no use.
    let slow = Relay::start(secured.terminator.addr(), trickle(Duration::from_millis(100)));
    let said = secured.peer.commands().len();
    let lonc = through(&slow, &secured, "handshake_timeout = '500ms'");
    lonc.await_log("no answer in time to the TLS handshake");
    assert_eq!(lonc.client().ask("echo:3"), "con_lost");
    assert_eq!(secured.peer.commands().len(), said);
    slow.set(Plan::default());
    let mut client = lonc.client();
    wait_until("recovery", || client.ask("echo:4") == "4");
}

/// An instance whose bytes go through `relay`.
fn through(relay: &Relay, secured: &Secured, link: &str) -> Lonc {
    let site = secured.site("", &[]);
    let replaced = link.split_once(" = ").map_or("", |(key, _)| key);
    let toml = toml("");
    let kept = toml
        .lines()
        .filter(|line| replaced.is_empty() || !line.starts_with(replaced));
    let toml: Vec<_> = kept.collect();
    let toml = toml.join("\n").replace("[link]", &format!("[link]\n{link}"));
    site.configure(relay.addr(), &toml);
    site.start()
}
