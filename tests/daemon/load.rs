//! Many clients at once.

use std::ops::RangeInclusive;
use std::thread;

use test_harness::{Lonc, Peer, QUICK, wait_until};

use crate::demand::told;

const CLIENTS: usize = 200;
const REQUESTS: usize = 100;

#[test]
fn two_hundred_clients_with_a_hundred_requests_each_over_one_link() {
    everyone_gets_their_own_replies_in_order("max_connections = 1\n", 1..=1);
}

#[test]
fn the_same_over_three_links() {
    everyone_gets_their_own_replies_in_order("connections = 3\nmax_connections = 3\n", 3..=3);
}

#[test]
fn the_same_one_request_at_a_time() {
    everyone_gets_their_own_replies_in_order("pipeline = 1\nmax_connections = 1\n", 1..=1);
}

#[test]
fn the_same_over_as_many_links_as_it_takes() {
    everyone_gets_their_own_replies_in_order("max_connections = 10\n", 1..=10);
}

#[test]
fn over_several_links_a_client_reads_its_own_writes() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "[link]\nconnections = 4\nmax_connections = 4\n");
    wait_until("four links", || lonc.log().matches(" is up").count() == 4);
    // A link whose own question is not answered yet takes fewer.
    wait_until("nothing in flight", || told(&lonc)["status"]["inFlight"] == 0);
    let mut clients: Vec<_> = (0..3).map(|_| lonc.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!("hold:{number}\n"));
    }
    peer.await_received(|lines| lines.iter().filter(|line| line.raw.starts_with(b"hold:")).count() == 3);
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!("echo:{number}\nencrypt:echo:{number}\n"));
    }
    // The fourth link is free all the time, for whoever has nothing in flight.
    for _ in 0..100 {
        assert_eq!(lonc.client().ask("echo:free"), "free");
    }
    assert_eq!(links_of(&peer, "echo:free"), [free_link(&peer)]);
    for (number, client) in clients.iter_mut().enumerate() {
        client.assert_nothing();
        // As much of it as may be on a link beside what is held is on the same.
        let hold = links_of(&peer, &format!("hold:{number}"));
        let links = links_of(&peer, &format!("echo:{number}"));
        assert!(
            links.is_empty() || links == hold,
            "client {number} changed its link"
        );
    }
    peer.release();
    for (number, client) in clients.iter_mut().enumerate() {
        for _ in 0..3 {
            assert_eq!(client.hear(), number.to_string());
        }
        assert_eq!(peer.count(&format!("echo:{number}")), 2);
    }
}

/// The links over which this command came.
fn links_of(peer: &Peer, command: &str) -> Vec<usize> {
    let received = peer.received();
    let lines = received
        .iter()
        .filter(|line| line.command() == command.as_bytes());
    let mut links: Vec<_> = lines.map(|line| line.connection).collect();
    links.sort_unstable();
    links.dedup();
    links
}

/// Of four links the one on which nothing is held; each of the others has one request that is.
fn free_link(peer: &Peer) -> usize {
    let mut held: Vec<_> = (0..3)
        .flat_map(|number| links_of(peer, &format!("hold:{number}")))
        .collect();
    held.sort_unstable();
    let free = (1..=4).find(|link| !held.contains(link)).unwrap();
    held.dedup();
    assert_eq!(held.len(), 3, "the links are not shared evenly");
    free
}

/// All clients send all their requests before any reads its answers.
fn everyone_gets_their_own_replies_in_order(link: &str, links: RangeInclusive<usize>) {
    let peer = Peer::start();
    peer.keep_journal(false);
    let lonc = Lonc::start_linked(&peer, &format!("{QUICK}{link}"));
    let mut clients: Vec<_> = (0..CLIENTS).map(|_| lonc.client()).collect();
    let word = |client: usize, request: usize| format!("{client}-{request}{}", "x".repeat(request % 23));
    for (number, client) in clients.iter_mut().enumerate() {
        let requests: Vec<_> = (0..REQUESTS)
            .map(|request| {
                let how = ["", "encrypt:", "critical:", "critical:encrypt:"][(number + request) % 4];
                format!("{how}echo:{}\n", word(number, request))
            })
            .collect();
        client.send(requests.concat());
    }
    thread::scope(|scope| {
        for (number, client) in clients.iter_mut().enumerate() {
            scope.spawn(move || {
                for request in 0..REQUESTS {
                    assert_eq!(client.hear(), word(number, request));
                }
            });
        }
    });
    for client in &mut clients {
        client.assert_nothing();
    }
    peer.await_links(|accepted, open| accepted == open && links.contains(&open));
}
