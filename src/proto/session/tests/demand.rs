//! How many links there are, and how much is on each.

use std::format;
use std::prelude::v1::*;
use std::vec;

use core::time::Duration;

use super::rig::{Rig, SECOND, config};
use crate::session::{
    Cause, ClientId, Config, Event, LinkError, LinkId, LinkState, LinkStatus, State, Stored,
};

const MILLI: Duration = Duration::from_millis(1);

fn on_demand(connections: usize) -> Config {
    Config {
        connections,
        max_connections: 6,
        ..config()
    }
}

/// So many clients, each with a request.
fn ask(rig: &mut Rig, clients: usize) -> Vec<ClientId> {
    let ask = |number| {
        let client = rig.client();
        rig.say(client, &format!("r{number}\n"));
        client
    };
    (0..clients).map(ask).collect()
}

/// Opens what is to be opened; how many links are there then.
fn open_all(rig: &mut Rig) -> usize {
    rig.open_all();
    for link in rig.wires.keys().copied().collect::<Vec<_>>() {
        rig.write_all(link);
    }
    rig.wires.len()
}

/// Requests on each of the links, as lond sees them.
fn waiting(rig: &Rig) -> Vec<usize> {
    rig.wires.values().map(|wire| wire.lond.waiting.len()).collect()
}

/// lond takes so long for each of the requests on a link, and answers them.
fn work(rig: &mut Rig, link: usize, each: Duration) {
    rig.write_all(link);
    while !rig.lond(link).waiting.is_empty() {
        rig.pass(each);
        if rig.wires.contains_key(&link) {
            rig.reply(link, "ok");
            rig.write_all(link);
        }
    }
}

#[test]
fn nobody_is_put_behind_others_before_lond_has_shown_its_pace() {
    let mut rig = Rig::up(config());
    ask(&mut rig, 3);
    rig.write_all(0);
    assert_eq!(rig.seen(0), ["r0"]);
    rig.reply(0, "ok");
    rig.write_all(0);
    // It takes no time.
    assert_eq!(rig.seen(0), ["r0", "r1", "r2"]);
}

#[test]
fn a_lond_that_takes_time_has_one_request_at_a_time_and_the_rest_waits_for_any_link() {
    let mut rig = Rig::up(config());
    let clients = ask(&mut rig, 5);
    rig.write_all(0);
    for _ in 0..4 {
        rig.pass(5 * MILLI);
        rig.reply(0, "ok");
        rig.write_all(0);
        assert_eq!(waiting(&rig), [1]);
    }
    assert_eq!(rig.session.status().links[0].depth, Some(1));
    assert!(clients[..4].iter().all(|client| rig.answers.contains_key(client)));
}

#[test]
fn links_grow_fast_while_requests_wait_up_to_the_most() {
    let mut rig = Rig::up(on_demand(1));
    ask(&mut rig, 20);
    let mut counts = vec![];
    let begun = rig.now;
    while rig.wires.len() < 6 {
        rig.pass(MILLI);
        counts.push(open_all(&mut rig));
        assert!(rig.now.since(begun) < 30 * MILLI, "{counts:?}");
    }
    open_all(&mut rig);
    assert_eq!(waiting(&rig), [1; 6]);
    rig.pass(SECOND);
    assert_eq!(rig.wires.len(), 6);
    let causes = rig
        .session
        .status()
        .links
        .iter()
        .map(|link| link.cause)
        .collect::<Vec<_>>();
    assert_eq!(causes.iter().filter(|cause| **cause == Cause::Demand).count(), 5);
}

#[test]
fn no_link_is_opened_for_a_wait_of_a_few_round_trips() {
    let mut rig = Rig::new(on_demand(1));
    rig.connect(0);
    for _ in 0..6 {
        // A round trip of 20 ms.
        rig.write_all(0);
        rig.pass(20 * MILLI);
        rig.deliver(0, usize::MAX);
    }
    ask(&mut rig, 2);
    rig.pass(82 * MILLI);
    assert_eq!(rig.wires.len(), 1);
    rig.pass(2 * MILLI);
    assert_eq!(rig.wires.len(), 2);
}

#[test]
fn one_after_the_other_may_not_always_have_to_wait_either() {
    let mut rig = Rig::up(Config {
        max_connections: 2,
        ..on_demand(1)
    });
    let clients = ask(&mut rig, 3);
    rig.write_all(0);
    let begun = rig.now;
    let mut next = 0;
    while rig.wires.len() == 1 {
        rig.pass(MILLI);
        rig.reply(0, "ok");
        rig.say(clients[next % 3], "again\n");
        rig.write_all(0);
        next += 1;
        assert!(rig.now.since(begun) < 100 * MILLI);
    }
    assert!(rig.now.since(begun) > 10 * MILLI, "each waited 2 ms only");
}

#[test]
fn who_is_caught_behind_a_slow_request_is_a_reason_for_another_link() {
    let mut rig = Rig::up(Config {
        max_connections: 3,
        ..on_demand(1)
    });
    let clients = ask(&mut rig, 4);
    work(&mut rig, 0, MILLI / 20);
    rig.say(clients[0], "slow\n");
    rig.say(clients[1], "behind\n");
    rig.write_all(0);
    assert_eq!(waiting(&rig), [2]);
    rig.pass(11 * MILLI);
    assert_eq!(rig.wires.len(), 1, "a fast lond has that now and then");
    let mut rig = Rig::up(on_demand(1));
    let clients = ask(&mut rig, 4);
    work(&mut rig, 0, MILLI / 5);
    rig.say(clients[0], "slow\n");
    rig.say(clients[1], "behind\n");
    rig.write_all(0);
    assert_eq!(waiting(&rig), [2]);
    rig.pass(11 * MILLI);
    assert_eq!(rig.wires.len(), 2);
    rig.pass(SECOND);
    assert_eq!(rig.wires.len(), 2, "one for one");
    open_all(&mut rig);
    rig.pass(SECOND);
    assert_eq!(rig.wires.len(), 2, "it helps the next, not this one");
}

#[test]
fn a_client_alone_may_have_many_behind_its_own_slow_one() {
    let mut rig = Rig::up(on_demand(1));
    let client = rig.client();
    rig.say(client, &"mine\n".repeat(50));
    rig.write_all(0);
    assert_eq!(waiting(&rig), [50]);
    rig.pass(SECOND);
    assert_eq!(rig.wires.len(), 1);
}

#[test]
fn light_clients_pass_by_heavy_ones() {
    let mut rig = Rig::up(on_demand(1));
    let heavy = [rig.client(), rig.client()];
    for client in heavy {
        rig.say(client, "heavy\n");
    }
    rig.write_all(0);
    let light = rig.client();
    rig.say(light, "light\n");
    for _ in 0..20 {
        rig.pass(MILLI);
        open_all(&mut rig);
    }
    let on = |rig: &Rig, words: &[u8]| {
        let holds = |link: &&usize| rig.wires[link].lond.waiting.iter().any(|asked| asked == words);
        rig.wires.keys().find(holds).copied()
    };
    let link = on(&rig, b"light").expect("it is on a link of its own");
    rig.reply(link, "soon");
    assert_eq!(rig.got(light), ["soon"]);
    for _ in heavy {
        let link = on(&rig, b"heavy").expect("it is still there");
        rig.reply(link, "late");
    }
    assert!(heavy.into_iter().all(|client| rig.got(client) == ["late"]));
}

#[test]
fn a_stalled_link_takes_nothing_new_and_gives_back_what_was_not_written() {
    let mut rig = Rig::up(Config {
        max_connections: 2,
        ..on_demand(2)
    });
    let (one, other) = (rig.client(), rig.client());
    rig.say(one, "a\nb\nc\n");
    // Of `b` a byte is written, and of `c` none.
    rig.write(0, 3);
    rig.pass(11 * MILLI);
    assert!(rig.session.status().links[0].stalled);
    rig.write_all(0);
    assert_eq!(rig.seen(0), ["a", "b"]);
    rig.say(other, "d\n");
    rig.write_all(1);
    assert_eq!(rig.seen(1), ["d"]);
    rig.fail(0);
    assert_eq!(rig.got(one), ["con_lost", "con_lost"]);
    rig.serve(1);
    assert_eq!(rig.got(one), ["re:c"]);
}

#[test]
fn links_that_are_not_needed_are_closed_down_to_those_that_are_kept() {
    let mut rig = Rig::up(on_demand(2));
    let clients = ask(&mut rig, 20);
    for _ in 0..30 {
        rig.pass(MILLI);
        open_all(&mut rig);
    }
    assert_eq!(rig.wires.len(), 6);
    while clients.iter().any(|client| !rig.answers.contains_key(client)) {
        rig.serve_all();
    }
    rig.pass(299 * SECOND);
    assert_eq!(rig.wires.len(), 6);
    // One client needs one link.
    rig.say(clients[0], "again\n");
    rig.serve_all();
    rig.pass(2 * SECOND);
    assert_eq!((rig.wires.len(), rig.state()), (2, State::Up));
    assert_eq!(rig.session.status().counters.links_retired, 4);
    assert_eq!(rig.session.status().counters.links_on_demand, 4);
}

#[test]
fn a_link_is_needed_where_none_before_it_has_room() {
    // With one request at a time the first has none for the second client.
    for (pipeline, links) in [(1, 2), (64, 1)] {
        let mut rig = Rig::up(Config {
            pipeline,
            ..on_demand(2)
        });
        let clients = ask(&mut rig, 2);
        rig.serve_all();
        rig.session.handle_reconfigure(
            Config {
                pipeline,
                ..on_demand(1)
            },
            false,
            rig.now,
        );
        rig.obey();
        for _ in 0..10 {
            rig.pass(100 * SECOND);
            for client in &clients {
                rig.say(*client, "again\n");
            }
            rig.serve_all();
        }
        assert_eq!(rig.wires.len(), links, "pipeline {pipeline}");
    }
}

#[test]
fn a_lond_that_takes_no_time_gets_few_links_though_many_wait() {
    let mut rig = Rig::up(Config {
        pipeline: 1,
        ..on_demand(1)
    });
    ask(&mut rig, 8000);
    let mut counts = vec![];
    for _ in 0..8000 {
        rig.pass(MILLI / 20);
        open_all(&mut rig);
        for link in 0..rig.wires.len() {
            if !rig.lond(link).waiting.is_empty() {
                rig.reply(link, "ok");
            }
        }
        counts.push(rig.wires.len());
    }
    assert_eq!((counts[900], counts.last()), (1, Some(&3)));
}

#[test]
fn whoever_no_longer_asks_needs_no_link_that_is_being_opened() {
    let mut rig = Rig::new(on_demand(0));
    let clients = ask(&mut rig, 2);
    rig.open(0);
    rig.write_all(0);
    rig.pass(5 * MILLI);
    assert_eq!(rig.wires.len(), 2);
    for client in clients {
        rig.leave(client);
    }
    rig.fail(0);
    assert_eq!((rig.state(), rig.wires.len()), (State::Idle, 0));
}

#[test]
fn the_loss_of_a_link_that_served_is_no_refusal() {
    let mut rig = Rig::up(on_demand(2));
    ask(&mut rig, 2);
    rig.serve_all();
    rig.fail(1);
    assert_eq!(rig.session.status().refused, None);
    // One that never did is.
    rig.pass(2 * SECOND);
    rig.open(1);
    rig.fail(1);
    assert_eq!(rig.session.status().refused.map(|refused| refused.open), Some(1));
}

#[test]
fn where_none_is_kept_the_first_request_opens_one_and_the_last_closes() {
    let mut rig = Rig::new(Config {
        probe_interval: 60 * SECOND,
        ..on_demand(0)
    });
    assert_eq!((rig.state(), rig.wires.len()), (State::Idle, 0));
    assert_eq!(rig.session.poll_timeout(), None);
    let client = rig.client();
    rig.say(client, "one\n");
    assert_eq!((rig.state(), rig.wires.len()), (State::Connecting, 1));
    rig.open(0);
    rig.serve(0);
    assert_eq!(rig.got(client), ["re:one"]);
    for _ in 0..5 {
        rig.pass(59 * SECOND);
        rig.serve_all();
    }
    assert_eq!(rig.state(), State::Up);
    rig.pass(6 * SECOND);
    rig.serve_all();
    assert_eq!((rig.state(), rig.wires.len()), (State::Idle, 0));
    rig.say(client, "two\n");
    rig.open_all();
    // lond closes a link that nobody uses.
    rig.serve_all();
    rig.fail(0);
    assert_eq!((rig.state(), rig.wires.len()), (State::Idle, 0));
}

#[test]
fn where_none_is_kept_what_is_on_disk_opens_one() {
    let mut rig = Rig::new(Config {
        spool: true,
        ..on_demand(0)
    });
    rig.session.handle_fell_behind(rig.now);
    rig.obey();
    rig.open_all();
    rig.delay(1, "m1");
    rig.catch_up();
    rig.serve_all();
    rig.removed();
    rig.pass(301 * SECOND);
    assert_eq!(rig.state(), State::Idle);
    let client = rig.client();
    rig.say(client, "critical:now\n");
    rig.fail(0);
    assert_eq!(rig.store(Stored::Safe), "now");
    assert_eq!(
        (rig.got(client), rig.state()),
        (vec!["con_delayed".into()], State::Down)
    );
    rig.pass(2 * SECOND);
    assert_eq!(rig.wires.len(), 1, "it is to be sent");
}

#[test]
fn a_lond_that_will_not_have_more_is_left_alone_and_what_works_stays() {
    let mut rig = Rig::up(on_demand(1));
    let clients = ask(&mut rig, 4);
    rig.pass(5 * MILLI);
    rig.connect(1);
    rig.fail(1);
    let refused = Event::LinkRefused {
        link: LinkId(1),
        why: LinkError::Io("broken".into()),
        retry_in: Some(30 * SECOND),
    };
    assert!(rig.events.contains(&refused));
    let status = rig.session.status();
    assert_eq!(
        (status.state, status.last_error, status.counters.tries_failed),
        (State::Up, None, 0)
    );
    assert_eq!(status.refused.map(|refused| refused.open), Some(1));
    let mut tries = 0;
    for _ in 0..120 {
        rig.pass(SECOND);
        if rig.wires.contains_key(&1) {
            tries += 1;
            rig.fail(1);
        }
    }
    assert_eq!(tries, 2);
    rig.serve_all();
    let answers = clients.iter().map(|client| rig.got(*client).len());
    assert_eq!(answers.sum::<usize>(), 4);
    assert!(rig.session.status().refused.is_some());
    // Once none is left, one is more than it would have.
    rig.fail(0);
    rig.pass(2 * SECOND);
    rig.open(0);
    assert!(rig.session.status().refused.is_some());
    rig.say(clients[0], "again\n");
    rig.serve(0);
    assert_eq!(rig.session.status().refused, None);
}

#[test]
fn of_many_links_lost_together_the_last_has_the_back_off_and_one_comes_back() {
    let mut rig = Rig::up(on_demand(1));
    ask(&mut rig, 20);
    for _ in 0..30 {
        rig.pass(MILLI);
        open_all(&mut rig);
    }
    for link in 0..6 {
        rig.fail(link);
    }
    assert_eq!((rig.state(), rig.wires.len()), (State::Connecting, 0));
    rig.pass(2 * SECOND);
    assert_eq!(rig.wires.len(), 1);
}

#[test]
fn a_link_to_an_address_that_the_host_has_left_is_replaced_without_a_loss() {
    let mut rig = Rig::new(config());
    rig.session.handle_moved(LinkId(0), rig.now);
    rig.obey();
    assert_eq!(rig.wires.len(), 1, "it is not open yet");
    rig.open(0);
    let client = rig.client();
    rig.say(client, "old\n");
    rig.write_all(0);
    rig.session.handle_moved(LinkId(0), rig.now);
    rig.session.handle_moved(LinkId(0), rig.now);
    rig.obey();
    assert_eq!(rig.wires.len(), 2, "one for one");
    // The new address does not answer: the old link goes on.
    rig.fail(1);
    assert_eq!((rig.state(), rig.wires.len()), (State::Up, 1));
    rig.session.handle_moved(LinkId(0), rig.now);
    rig.obey();
    rig.open(1);
    rig.reply(0, "re:old");
    assert!(!rig.wires.contains_key(&0));
    rig.say(client, "new\n");
    rig.serve(1);
    assert_eq!(rig.got(client), ["re:old", "re:new"]);
}

#[test]
fn a_replacement_takes_no_other_links_place() {
    let mut rig = Rig::up(on_demand(3));
    ask(&mut rig, 1);
    rig.serve(0);
    rig.session.handle_moved(LinkId(0), rig.now);
    rig.obey();
    // The old link is lost before its replacement is up, and another one is opened with its number.
    rig.fail(0);
    ask(&mut rig, 5);
    rig.write_all(1);
    rig.write_all(2);
    rig.pass(5 * MILLI);
    assert!(rig.wires.contains_key(&0));
    rig.open(0);
    rig.open(3);
    let links = rig.session.status().links;
    let stays = |link: &LinkStatus| link.link == LinkId(0) && link.state == LinkState::Up;
    assert!(links.iter().any(stays));
}

#[test]
fn growth_after_quiet_hours_closes_nothing() {
    let mut rig = Rig::up(on_demand(1));
    rig.pass(10_000 * SECOND);
    ask(&mut rig, 2);
    rig.write_all(0);
    rig.pass(2 * MILLI);
    assert_eq!(rig.wires.len(), 1, "nobody has waited long");
    rig.pass(3 * MILLI);
    open_all(&mut rig);
    rig.pass(SECOND);
    assert_eq!((rig.wires.len(), waiting(&rig)), (2, vec![1, 1]));
}

#[test]
fn a_link_at_work_is_needed_however_long_it_works() {
    let mut rig = Rig::up(Config {
        idle_timeout: 2 * SECOND,
        ..on_demand(0)
    });
    assert_eq!(rig.state(), State::Idle);
    let client = rig.client();
    rig.say(client, "long\n");
    rig.open_all();
    rig.write_all(0);
    rig.pass(100 * SECOND);
    rig.reply(0, "at last");
    rig.pass(SECOND);
    assert_eq!(rig.state(), State::Up);
    rig.pass(2 * SECOND);
    assert_eq!(rig.state(), State::Idle);
}
