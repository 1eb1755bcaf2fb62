//! Tries at several addresses, and tries beside each other.

use std::prelude::v1::*;
use std::vec;

use core::time::Duration;

use super::opening::reconnect;
use super::rig::{Rig, SECOND, config};
use crate::session::{Config, ConnectFault, Event, LinkError, LinkId, Others, State};

/// One that has not failed yet.
const UNTRIED: Others = Others {
    num: 1,
    any_untried: true,
};

#[test]
fn while_the_host_has_other_addresses_a_failed_opening_is_followed_at_once_and_nobody_loses_by_it() {
    let mut rig = Rig::new(config());
    let client = rig.client();
    rig.say(client, "one\n");
    rig.others = UNTRIED;
    rig.connect(0);
    rig.shake(0, 2);
    rig.fail(0);
    assert!(rig.events.iter().any(|event| matches!(
        event,
        Event::TryFailed {
            retry_in: Some(Duration::ZERO),
            ..
        }
    )));
    assert_eq!(
        (rig.state(), rig.got(client)),
        (State::Connecting, Vec::<String>::new())
    );
    // The last of them fails as any.
    rig.others = Others::default();
    rig.connect(0);
    rig.fail(0);
    assert!(rig.session.status().next_try.is_some());
    assert_eq!(
        (rig.state(), rig.got(client)),
        (State::Down, vec!["con_lost".into()])
    );
}

/// How long a session that is down waits for its next try after many have failed in this way, and how long when somebody
/// asks then.
fn waits(why: &LinkError) -> [Duration; 2] {
    let mut rig = Rig::new(config());
    let wait = |rig: &Rig| rig.session.status().next_try.expect("backs off").since(rig.now);
    let fail = |rig: &mut Rig| {
        rig.session.handle_failed(LinkId(0), why.clone(), rig.now);
        rig.obey();
        wait(rig)
    };
    let mut alone = fail(&mut rig);
    // The wait is a random part of what it may be.
    while alone < 10 * SECOND {
        rig.pass(alone);
        alone = fail(&mut rig);
    }
    let client = rig.client();
    rig.say(client, "one\n");
    assert_eq!(rig.got(client), ["con_lost"]);
    [alone, wait(&rig)]
}

#[test]
fn a_host_that_cannot_be_reached_is_tried_soon_while_somebody_asks() {
    for fault in [
        ConnectFault::TimedOut,
        ConnectFault::Unreachable,
        ConnectFault::Refused,
    ] {
        let error = String::new();
        let [_, asked] = waits(&LinkError::Connect { fault, error });
        assert_eq!(asked, config().backoff.soon());
    }
    // A lond that accepts has a process for each try.
    let [alone, asked] = waits(&LinkError::Closed);
    assert_eq!(asked, alone);
}

#[test]
fn a_try_that_gets_no_answer_has_another_beside_it_at_each_other_address() {
    for steps in 0..5 {
        let mut rig = Rig::new(config());
        let client = rig.client();
        rig.say(client, "one\n");
        let tries = 3;
        for link in 0..tries {
            // Whether they failed before is of no account.
            rig.others = Others {
                num: tries - 1,
                any_untried: false,
            };
            rig.connect(link);
            rig.shake(link, steps);
            assert_eq!(rig.wires.len(), link + 1, "a try that gets on");
            rig.pass(SECOND);
            assert_eq!(rig.passed_by.last(), Some(&link));
        }
        // There is one at each.
        assert_eq!(rig.wires.len(), tries);
        // Whichever is the first is taken, and the others are given up.
        rig.finish(steps % tries);
        rig.serve(steps % tries);
        assert_eq!(rig.got(client), ["re:one"]);
        assert_eq!(rig.wires.keys().copied().collect::<Vec<_>>(), [steps % tries]);
    }
}

#[test]
fn a_try_that_gets_no_answer_is_alone_where_there_is_no_other_address() {
    let mut rig = Rig::new(config());
    rig.connect(0);
    rig.pass(59 * SECOND);
    assert_eq!((rig.wires.len(), rig.passed_by.len()), (1, 0));
}

/// A server whose one address is silent and whose other one comes back is as good as any.
#[test]
fn a_try_beside_a_silent_one_that_fails_is_followed_by_others() {
    let mut rig = Rig::new(config());
    rig.others.num = 1;
    rig.connect(0);
    rig.pass(SECOND);
    for _ in 0..5 {
        rig.fail(1);
        assert_eq!(rig.state(), State::Connecting);
        let next = rig.session.status().next_try.expect("another try");
        rig.pass(next.since(rig.now));
        assert_eq!(rig.wires.keys().copied().collect::<Vec<_>>(), [0, 1]);
    }
    // The silent one goes first, and nothing is left that would come back.
    rig.fail(1);
    rig.finish(0);
    rig.pass(600 * SECOND);
    assert_eq!(rig.session.status().links.len(), 1);
    assert_eq!(rig.state(), State::Up);
}

#[test]
fn a_host_with_new_addresses_all_the_time_is_left_alone_in_the_end() {
    let mut rig = Rig::new(config());
    rig.others = UNTRIED;
    let mut tries = 0;
    while rig.session.status().next_try.is_none() {
        rig.connect(0);
        rig.fail(0);
        tries += 1;
        assert!(tries < 100);
    }
    assert_eq!((rig.state(), tries), (State::Down, 1 + 16));
}

#[test]
fn reconnect_lets_a_try_go_on_and_tries_beside_one_that_stands_still() {
    let mut rig = Rig::new(config());
    rig.connect(0);
    rig.pass(SECOND);
    assert!(!reconnect(&mut rig));
    for _ in 0..3 {
        // It takes long, but gets on.
        rig.pass(SECOND);
        rig.shake(0, 1);
        rig.pass(SECOND);
        assert!(!reconnect(&mut rig));
    }
    rig.pass(SECOND);
    assert!(reconnect(&mut rig));
    // A flood is one.
    for _ in 0..100 {
        assert!(!reconnect(&mut rig));
    }
    assert_eq!(rig.wires.len(), 2);
    rig.open(1);
    assert_eq!((rig.state(), rig.wires.len()), (State::Up, 1));
}

#[test]
fn one_try_that_was_asked_for_is_enough_unless_it_is_all_there_is() {
    let mut rig = Rig::new(config());
    for link in 0..2 {
        rig.connect(link);
        rig.pass(3 * SECOND);
        // Neither gets on.
        assert_eq!(reconnect(&mut rig), link == 0);
    }
    rig.fail(0);
    assert_eq!(rig.wires.len(), 1);
    // With no link open it is a try that failed, and not one that lond would not have beside others.
    let counters = rig.session.status().counters;
    assert_eq!((counters.tries_failed, counters.links_refused), (1, 0));
    assert_eq!(rig.session.status().refused, None);
    assert!(reconnect(&mut rig));
    assert_eq!(rig.wires.len(), 2);
}

#[test]
fn however_many_tries_stand_still_one_more_is_made_for_who_asks() {
    let mut rig = Rig::new(Config {
        connections: 2,
        max_connections: 2,
        ..config()
    });
    (0..2).for_each(|link| rig.connect(link));
    rig.pass(3 * SECOND);
    assert!(reconnect(&mut rig));
    assert_eq!(rig.wires.len(), 3);
}

#[test]
fn what_was_opened_on_demand_and_is_all_there_is_gives_way_as_any() {
    let mut rig = growing();
    // It is all that is left, fails, and is tried again in vain.
    rig.fail(0);
    rig.fail(1);
    rig.pass(2 * SECOND);
    rig.connect(1);
    rig.pass(2 * SECOND);
    assert!(reconnect(&mut rig));
    rig.open(0);
    assert_eq!(rig.wires.keys().copied().collect::<Vec<_>>(), [0]);
}

#[test]
fn one_that_is_opened_on_demand_is_given_up_if_it_is_one_too_many() {
    let mut rig = growing();
    rig.fail(0);
    rig.session.handle_reconfigure(config(), false, rig.now);
    rig.obey();
    rig.connect(1);
    rig.pass(2 * SECOND);
    assert!(reconnect(&mut rig));
    rig.open(0);
    assert_eq!(rig.wires.keys().copied().collect::<Vec<_>>(), [0]);
}

#[test]
fn of_spare_tries_the_silent_one_goes_first() {
    let mut rig = Rig::new(Config {
        connections: 2,
        max_connections: 2,
        ..config()
    });
    rig.others = Others {
        num: 1,
        any_untried: true,
    };
    // The second is silent, the first is at an address without others in its way.
    rig.connect(1);
    rig.pass(SECOND);
    assert_eq!(rig.passed_by, [1]);
    assert_eq!(rig.wires.len(), 3);
    rig.open(2);
    rig.pass(5 * SECOND);
    assert!(
        rig.wires.contains_key(&0),
        "the try that is not silent was given up"
    );
}

#[test]
fn the_old_try_may_be_the_first_after_all() {
    let mut rig = Rig::new(config());
    rig.connect(0);
    rig.pass(2 * SECOND);
    reconnect(&mut rig);
    rig.connect(1);
    rig.finish(0);
    assert_eq!((rig.state(), rig.wires.len()), (State::Up, 1));
    assert!(rig.wires.contains_key(&0));
}

/// A link, and another that is tried since a request waits.
fn growing() -> Rig {
    let mut rig = Rig::new(Config {
        max_connections: 2,
        ..config()
    });
    rig.open(0);
    let clients = [rig.client(), rig.client()];
    rig.say(clients[0], "one\n");
    rig.say(clients[1], "two\n");
    rig.pass(SECOND);
    assert_eq!(rig.wires.len(), 2, "one on demand");
    rig
}
