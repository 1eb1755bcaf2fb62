//! Links that lond will not have, and londs that ask back while one opens.

use std::thread;
use std::time::{Duration, Instant};

use stand_in_lond::{Behaviour, CallBack, Pace, Step};
use test_harness::{AS_MANY_AS_NEEDED, Client, Lonc, Peer, Site, Stop};

use crate::demand::told;

/// Beyond three links in growth: tries that were under way when the first of them was refused.
const TRIES: usize = 5;

#[test]
fn a_lond_that_allows_three_links_is_served_over_three() {
    for beyond in [
        Behaviour::Refuse,
        Behaviour::CloseAt(Step::Challenge),
        Behaviour::CloseAt(Step::BuildKey),
    ] {
        let peer = Peer::start();
        peer.limit_links(3, beyond);
        peer.pace(Pace::of(Duration::from_millis(5)));
        let lonc = Lonc::start_linked(&peer, AS_MANY_AS_NEEDED);
        let mut clients: Vec<_> = (0..32).map(|_| lonc.client()).collect();
        let stop = Stop::default();
        thread::scope(|scope| {
            for client in &mut clients {
                scope.spawn(|| ask_until(client, &stop));
            }
            let _at_last = stop.at_last();
            peer.await_links(|accepted, _| accepted > 3);
            // More tries would come in this time.
            thread::sleep(Duration::from_secs(3));
        });
        let tries = peer.connections() - 3;
        assert!((1..=TRIES).contains(&tries), "{beyond:?}: {tries} tries");
        lonc.await_log("those that are open go on, no other is tried for 30 s");
        peer.await_links(|_, open| open == 3);
        let told = told(&lonc);
        assert_eq!(told["state"], "up", "{beyond:?}");
        assert!(told["status"]["refused"].is_object(), "{beyond:?}: {told}");
        assert!(!lonc.log().contains("is lost"), "{}", lonc.log());
    }
}

#[test]
fn two_that_face_each_other_and_are_called_back_are_up_at_once() {
    let (msul1, msul2) = (Peer::named("msul1"), Peer::named("msul2"));
    msul2.caller("msul1");
    let (site_of_2, site_of_1) = (site("msul2", "msul1", &msul1), site("msul1", "msul2", &msul2));
    // Each lond asks back through the lonc of its own host.
    msul1.call_back(Some(CallBack::through(site_of_1.path("sockets/msul2"))));
    msul2.call_back(Some(CallBack::through(site_of_2.path("sockets/msul1"))));
    let begun = Instant::now();
    let commands = [site_of_2.command_for("msul1"), site_of_1.command_for("msul2")];
    let [on_2, on_1] = commands;
    let loncs = [Lonc::spawn(site_of_2, on_2), Lonc::spawn(site_of_1, on_1)];
    for lonc in &loncs {
        lonc.await_log(" is up");
    }
    let took = begun.elapsed();
    // One that waited for the other would wait for connect_wait, and lond for its ten seconds.
    assert!(took < Duration::from_secs(9), "{took:?}");
    for (lonc, peer) in loncs.iter().zip(["msul1", "msul2"]) {
        let mut client = Client::connect(&lonc.site.path(format!("sockets/{peer}")));
        assert_eq!(client.ask("ping"), peer);
    }
}

/// Where host `own` has its lonc for `peer`.
fn site(own: &str, id: &str, peer: &Peer) -> Site {
    let site = Site::new(peer.addr(), "");
    site.write_config(&format!(
        "host_id = '{own}'\nsocket_dir = 'DIR/sockets'\ncontrol_dir = 'DIR/control'\nspool_dir = 'DIR/delayed'\n\
         permanent_log = 'DIR/perm.log'\n[peer.{id}]\naddress = '{}'\nport = {}\n",
        peer.addr().ip(),
        peer.addr().port()
    ));
    site
}

fn ask_until(client: &mut Client, stop: &Stop) {
    while !stop.is_set() {
        assert_eq!(client.ask("encrypt:echo:mine"), "mine");
    }
}
