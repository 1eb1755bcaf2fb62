//! Many clients at once.

use std::thread;

use test_harness::{Lonc, Peer, QUICK, wait_until};

const CLIENTS: usize = 200;
const REQUESTS: usize = 100;

#[test]
fn two_hundred_clients_with_a_hundred_requests_each_over_one_link() {
    everyone_gets_their_own_replies_in_order("", 1);
}

#[test]
fn the_same_over_three_links() {
    everyone_gets_their_own_replies_in_order("connections = 3\n", 3);
}

#[test]
fn the_same_one_request_at_a_time() {
    everyone_gets_their_own_replies_in_order("pipeline = 1\n", 1);
}

#[test]
fn over_three_links_a_client_reads_its_own_writes() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "[link]\nconnections = 3\n");
    wait_until("three links", || lonc.log().matches(" is up").count() == 3);
    let mut clients: Vec<_> = (0..6).map(|_| lonc.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!("hold:{number}\n"));
    }
    peer.await_received(|lines| lines.iter().filter(|line| line.raw.starts_with(b"hold:")).count() == 6);
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(format!("echo:{number}\nencrypt:echo:{number}\n"));
    }
    peer.await_received(|lines| {
        lines
            .iter()
            .filter(|line| line.command().starts_with(b"echo:"))
            .count()
            == 12
    });
    peer.release();
    let mut used = Vec::new();
    for (number, client) in clients.iter_mut().enumerate() {
        for _ in 0..3 {
            assert_eq!(client.hear(), number.to_string());
        }
        let ends = format!(":{number}");
        let links: Vec<_> = peer
            .received()
            .iter()
            .filter(|line| line.command().ends_with(ends.as_bytes()))
            .map(|line| line.connection)
            .collect();
        assert_eq!(links, [links[0]; 3], "client {number} changed its link");
        used.push(links[0]);
    }
    used.sort_unstable();
    assert_eq!(used, [1, 1, 2, 2, 3, 3], "the links are not shared evenly");
}

/// All clients send all their requests before any reads its answers.
fn everyone_gets_their_own_replies_in_order(link: &str, links: usize) {
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
    peer.await_links(|accepted, open| (accepted, open) == (links, links));
}
