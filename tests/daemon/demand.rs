//! Links on demand: as many as the requests need.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use stand_in_lond::Pace;
use test_harness::programs::built;
use test_harness::{AS_MANY_AS_NEEDED, Client, Lonc, Peer, QUICK, wait_until};

const MILLI: Duration = Duration::from_millis(1);

#[test]
fn links_come_with_the_load_and_go_without_it() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "[link]\nmax_connections = 6\nidle_timeout = '2s'\n");
    peer.pace(Pace::of(5 * MILLI));
    let mut clients: Vec<_> = (0..32).map(|_| lonc.client()).collect();
    everyone_asks(&mut clients, 20);
    let most = peer.most_open_connections();
    assert!((4..=6).contains(&most), "{most} links under load");
    peer.await_links(|_, open| open == 1);
    assert_eq!(clients[0].ask("encrypt:echo:still"), "still");
    assert_eq!(peer.connections(), most, "links were opened again");
    assert!(!lonc.log().contains("is lost"), "{}", lonc.log());
}

#[test]
fn where_none_is_kept_the_first_request_opens_one_and_the_last_one_goes() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "[link]\nconnections = 0\nidle_timeout = '300ms'\n");
    assert_eq!((state(&lonc).as_str(), peer.connections()), ("idle", 0));
    let mut client = lonc.client();
    for _ in 0..3 {
        let before = peer.connections();
        assert_eq!(client.ask("echo:1"), "1");
        // Where the machine is busy lond seems to be, and a second one may come.
        peer.await_links(|accepted, open| accepted > before && open == 0);
        wait_until("idle", || state(&lonc) == "idle");
    }
    let mut clients: Vec<_> = (0..8).map(|_| lonc.client()).collect();
    everyone_asks(&mut clients, 50);
    peer.await_links(|_, open| open == 0);
    assert!(!lonc.log().contains("is lost"), "{}", lonc.log());
}

#[test]
fn slow_requests_hold_up_nobody() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, AS_MANY_AS_NEEDED);
    take_time(&peer, &lonc);
    let mut slow = [lonc.client(), lonc.client()];
    let mut light: Vec<_> = (0..16).map(|_| lonc.client()).collect();
    for (client, name) in slow.iter_mut().zip(["one", "two"]) {
        client.say(format!("hold:{name}"));
    }
    let begun = Instant::now();
    everyone_asks(&mut light, 5);
    let waited = begun.elapsed();
    assert!(
        waited < Duration::from_secs(30),
        "light ones waited for {waited:?}"
    );
    for client in &mut slow {
        client.assert_nothing();
    }
    peer.release();
    assert_eq!(slow.each_mut().map(Client::hear), ["one", "two"]);
}

#[test]
fn a_lond_that_takes_no_time_has_few_links() {
    // While the machine is busy with other things lond does take its time.
    wait_until("few links", || {
        let peer = Peer::start();
        peer.keep_journal(false);
        let lonc = Lonc::start_linked(&peer, "");
        let mut clients: Vec<_> = (0..64).map(|_| lonc.client()).collect();
        everyone_asks(&mut clients, 100);
        peer.most_open_connections() <= 3
    });
}

#[test]
fn with_a_link_only_its_own_requests_are_lost() {
    let peer = Peer::start();
    // Nothing was asked on any of them, so nobody is put behind others' requests.
    let lonc = Lonc::start(&peer, &format!("{QUICK}connections = 3\nmax_connections = 3\n"));
    wait_until("three links", || lonc.log().matches(" is up").count() == 3);
    let mut holding = [lonc.client(), lonc.client()];
    for (client, name) in holding.iter_mut().zip(["one", "two"]) {
        client.say(format!("hold:{name}"));
        peer.await_command(&format!("hold:{name}"));
    }
    let mut lost = lonc.client();
    assert_eq!(lost.ask("die"), "con_lost");
    lonc.await_log("1 request was sent and got no reply");
    assert_eq!(lost.ask("echo:on"), "on");
    for client in &mut holding {
        client.assert_nothing();
    }
    peer.release();
    assert_eq!(holding.each_mut().map(Client::hear), ["one", "two"]);
    assert_eq!((state(&lonc).as_str(), peer.connections()), ("up", 4));
}

/// Has each request take a moment, and lonc know it: behind a slow one it then puts nothing, be it ever so soon.
fn take_time(peer: &Peer, lonc: &Lonc) {
    peer.pace(Pace::of(5 * MILLI));
    let mut client = lonc.client();
    // These take none, and show how long the way is.
    for _ in 0..20 {
        assert_eq!(client.ask("ping"), "msul1");
    }
    for _ in 0..60 {
        assert_eq!(client.ask("echo:1"), "1");
    }
}

/// Each asks so many times, one request after the other, and gets its own replies.
fn everyone_asks(clients: &mut [Client], times: usize) {
    thread::scope(|scope| {
        for (number, client) in clients.iter_mut().enumerate() {
            scope.spawn(move || {
                for time in 0..times {
                    let word = format!("{number}-{time}");
                    assert_eq!(client.ask(&format!("echo:{word}")), word);
                }
            });
        }
    });
}

/// The state of the peer, as `loncctl status` has it.
pub(crate) fn state(lonc: &Lonc) -> String {
    told(lonc)["state"].as_str().unwrap().to_owned()
}

/// What `loncctl status` tells of the peer.
pub(crate) fn told(lonc: &Lonc) -> Value {
    let mut command = Command::new(built("loncctl"));
    command.arg("--config").arg(lonc.site.path("lonc.toml"));
    let arguments = ["status", "--json", "--timeout", "30s", "msul1"];
    let output = command.args(arguments).output().unwrap();
    let mut told: Value = serde_json::from_slice(&output.stdout).unwrap();
    told[0].take()
}
