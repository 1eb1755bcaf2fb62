//! Links that end in the middle of a flush, and messages that end them.

use std::fs;
use std::thread;

use stand_in_lond::Behaviour;
use test_harness::spool::{check_received, name, received, word};
use test_harness::{Lonc, Peer, QUICK, Site, Stop, wait_until};

#[test]
fn a_peer_that_drops_the_link_again_and_again_gets_all_in_the_end() {
    for requests in [1, 2, 5, 17] {
        flush_over_breaking_links(requests, "max_connections = 10\n");
    }
    flush_over_breaking_links(1, "pipeline = 1\n");
    flush_over_breaking_links(3, "pipeline = 4\n");
    flush_over_breaking_links(4, "connections = 3\n");
}

#[test]
fn links_that_end_before_anything_was_answered_blame_no_message() {
    let peer = Peer::that(Behaviour::CloseAfterRequests(0));
    let site = Site::office(&peer, &format!("{QUICK}[spool]\nmax_attempts = 2\n"));
    site.put_words(20);
    let lonc = site.start();
    peer.await_links(|accepted, _| accepted > 20);
    peer.behave(Behaviour::Normal);
    lonc.site.await_empty();
    check_received(&peer, 20);
    assert!(lonc.site.failed().is_empty(), "{:?}", lonc.site.failed());
}

#[test]
fn a_peer_that_falls_silent_for_a_while_costs_no_message() {
    let peer = Peer::that(Behaviour::NeverReply);
    let toml = "handshake_timeout = '300ms'\n[spool]\nmax_attempts = 2\nmessage_timeout = '10s'\n";
    let site = Site::office(&peer, &format!("{QUICK}{toml}"));
    site.put_words(10);
    let lonc = site.start();
    // The handshake works, so there is silence only if requests follow.
    wait_until("messages", || {
        received(&peer).len() > 20 || peer.connections() > 10
    });
    peer.behave(Behaviour::Normal);
    lonc.site.await_empty();
    check_received(&peer, 10);
    assert!(lonc.site.failed().is_empty(), "{:?}", lonc.site.failed());
}

#[test]
fn poison_goes_to_failed_and_the_others_arrive() {
    for at in [&[0][..], &[7], &[29], &[0, 1, 2], &[3, 4, 20]] {
        let (peer, _lonc) = endure_poison("die", at, "[spool]\nmax_attempts = 3\n");
        check_received(&peer, innocents(at));
    }
    let (peer, _lonc) = endure_poison("die", &[0, 5], "pipeline = 1\n[spool]\nmax_attempts = 3\n");
    check_received(&peer, innocents(&[0, 5]));
    assert_eq!(peer.count("die"), 6);
}

#[test]
fn a_message_that_lond_never_answers_is_poison_too() {
    let toml = "[spool]\nmax_attempts = 2\nmessage_timeout = '2s'\n";
    let (peer, _lonc) = endure_poison("sleep:60000:x", &[0, 4], toml);
    check_received(&peer, innocents(&[0, 4]));
}

#[test]
fn a_message_that_gets_an_empty_answer_is_not_delivered() {
    let (peer, _lonc) = endure_poison("hex:", &[0, 1, 2, 3, 4, 5, 15], "[spool]\nmax_attempts = 4\n");
    assert_eq!(received(&peer).len(), 23);
    check_received(&peer, 23);
    // Each had its own tries.
    assert!(peer.count("hex:") >= 7 * 4, "{}", peer.count("hex:"));
}

#[test]
fn poison_is_found_beside_busy_clients_on_several_links() {
    let peer = Peer::start();
    let toml = format!("{QUICK}connections = 2\n[spool]\nmax_attempts = 3\n");
    let lonc = Site::office(&peer, &toml).start();
    assert_eq!(lonc.client().ask("ping"), "msul1");
    let stop = Stop::default();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = lonc.client();
                while !stop.is_set() {
                    let heard = client.ask("sleep:20:live");
                    assert!(heard == "live" || heard == "con_lost", "{heard}");
                }
            });
        }
        let _at_last = stop.at_last();
        lonc.site.put(0, "die");
        lonc.site.put(1, &word(0));
        wait_until("the poison to be set aside", || !lonc.site.failed().is_empty());
        lonc.site.await_empty();
    });
    check_received(&peer, 1);
}

/// Each link carries so many messages, behind the question who is there.
fn flush_over_breaking_links(requests: usize, link: &str) {
    let peer = Peer::that(Behaviour::CloseAfterRequests(1 + requests));
    let site = Site::office(&peer, &format!("{QUICK}{link}[spool]\nmax_attempts = 3\n"));
    let count = 60;
    site.put_words(count);
    let lonc = site.start();
    lonc.site.await_empty();
    check_received(&peer, count);
    assert!(lonc.site.failed().is_empty(), "{:?}", lonc.site.failed());
    wait_until("the log", || lonc.site.logged('S').len() == count);
    assert!(peer.connections() >= count / (requests + 1));
}

/// A queue with a message among others that ends the link whenever it comes.
fn endure_poison(poison: &str, at: &[usize], toml: &str) -> (Peer, Lonc) {
    let peer = Peer::start();
    let site = Site::office(&peer, &format!("{QUICK}{toml}"));
    let count = 30;
    let mut innocent = 0;
    for number in 0..count {
        if at.contains(&number) {
            site.put(number, poison);
        } else {
            site.put(number, &word(innocent));
            innocent += 1;
        }
    }
    let lonc = site.start();
    lonc.site.await_empty();
    assert_eq!(
        lonc.site.failed(),
        at.iter().map(|at| name(*at)).collect::<Vec<_>>()
    );
    for at in at {
        let content = fs::read_to_string(lonc.site.path("failed").join(name(*at))).unwrap();
        assert_eq!(content, format!("{poison}\n"));
        lonc.await_log(&format!("{}: ", lonc.site.spool(name(*at)).display()));
    }
    wait_until("the log", || lonc.site.logged('S').len() == innocent);
    assert_eq!(lonc.client().ask("echo:live"), "live");
    (peer, lonc)
}

fn innocents(at: &[usize]) -> usize {
    30 - at.len()
}
