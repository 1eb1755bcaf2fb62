//! Critical requests that cannot go at once.

use std::prelude::v1::*;
use std::vec;

use core::time::Duration;

use super::delayed::{clear, spooling, two_links};
use super::lond::{Fault, Style};
use super::rig::{Rig, SECOND};
use crate::session::{Config, Event, MessageId, PER_REQUEST, State, Stored};

#[test]
fn the_critical_go_behind_what_is_delayed_and_hold_their_place() {
    let mut rig = clear(8);
    let client = rig.client();
    rig.say(client, "a\ncritical:b\nc\n");
    rig.write_all(0);
    rig.fail(0);
    // Answers behind the critical one wait for it.
    assert_eq!(rig.got(client), ["con_lost"]);
    rig.say(client, "critical:d\ncritical:\ne\n");
    rig.pass(SECOND);
    rig.open_all();
    rig.catch_up();
    rig.serve_all();
    // `b` is not on disk yet, so `d` must not go either.
    assert_eq!(rig.got(client), Vec::<String>::new());
    assert_eq!(rig.store(Stored::Safe), "b");
    assert_eq!(rig.got(client), ["con_delayed", "con_lost"]);
    // It is on disk, and not handed in.
    rig.serve_all();
    assert!(rig.got(client).is_empty() && rig.to_store.is_empty());
    rig.delay(1, "b");
    rig.catch_up();
    rig.serve_all();
    rig.removed();
    rig.removals_safe();
    rig.serve_all();
    assert_eq!(rig.seen(0), ["b", "d", "e"]);
    assert_eq!(rig.got(client), ["re:d", "unknown_cmd", "re:e"]);
}

#[test]
fn the_critical_wait_until_no_crash_brings_back_what_is_older() {
    let mut rig = two_links(8);
    let client = rig.client();
    rig.session.handle_fell_behind(rig.now);
    rig.say(client, "critical:late\n");
    for link in 0..2 {
        rig.write_all(link);
        assert!(rig.seen(link).is_empty());
    }
    rig.delay(1, "old");
    rig.catch_up();
    let plain = rig.client();
    rig.say(plain, "plain\n");
    rig.serve_all();
    assert_eq!(rig.got(plain), ["re:plain"]);
    rig.removed();
    // Others wait on, too, and new ones with them.
    rig.say(plain, "critical:later\n");
    rig.serve_all();
    assert!(rig.got(client).is_empty() && rig.got(plain).is_empty());
    rig.removals_safe();
    rig.serve_all();
    assert_eq!(
        (rig.got(client), rig.got(plain)),
        (vec!["re:late".into()], vec!["re:later".into()])
    );
    assert!(rig.to_store.is_empty());
}

#[test]
fn a_disk_that_does_not_remove_what_was_answered_holds_up_plain_requests_for_a_second() {
    let mut rig = Rig::new(spooling(8));
    let (plain, critical) = (rig.client(), rig.client());
    rig.open_all();
    rig.delay(1, "old");
    rig.catch_up();
    rig.say(plain, "plain\n");
    rig.say(critical, "critical:late\n");
    rig.pass(5 * SECOND);
    rig.serve_all();
    assert_eq!(
        (rig.state(), &rig.through[..]),
        (State::Connecting, &[(MessageId(1), true)][..])
    );
    rig.pass(Duration::from_millis(999));
    assert_eq!(rig.state(), State::Connecting);
    rig.pass(Duration::from_millis(1));
    rig.serve_all();
    assert_eq!(
        (rig.state(), rig.got(plain)),
        (State::Up, vec!["re:plain".into()])
    );
    assert!(rig.got(critical).is_empty());
    // It has waited long enough before it had its turn.
    assert_eq!(rig.store(Stored::Safe), "late");
    assert_eq!(rig.got(critical), ["con_delayed"]);
}

#[test]
fn what_is_critical_waits_a_while_for_what_is_older_and_then_is_stored_a_client_after_the_other() {
    let mut rig = clear(8);
    let (many, one, plain) = (rig.client(), rig.client(), rig.client());
    rig.session.handle_fell_behind(rig.now);
    rig.say(many, &"critical:many\n".repeat(100));
    rig.say(one, "critical:one\n");
    rig.say(plain, "plain\n");
    rig.serve(0);
    assert_eq!((rig.got(plain), rig.to_store.len()), (vec!["re:plain".into()], 0));
    rig.pass(2 * SECOND);
    assert_eq!(rig.to_store.len(), 32);
    for number in 0..101 {
        let command = rig.store(Stored::Safe);
        assert_eq!(command, if number == 1 { "one" } else { "many" });
    }
    assert_eq!((rig.got(many).len(), rig.got(one).len()), (100, 1));
}

#[test]
fn a_disk_that_hangs_costs_con_failed_and_what_lands_later_is_sent() {
    let mut rig = Rig::new(spooling(8));
    let client = rig.client();
    rig.pass(10 * SECOND);
    assert_eq!(rig.state(), State::Down);
    rig.say(client, "critical:a\nplain\n");
    rig.pass(9 * SECOND);
    assert!(rig.got(client).is_empty() && rig.session.has_critical_waiting());
    let held = "con_lost".len();
    assert_eq!((rig.session.weight(), rig.session.num_storing()), (held, 1));
    rig.pass(SECOND);
    assert_eq!(rig.got(client), ["con_failed", "con_lost"]);
    // The disk has it still, and nobody else accounts for it.
    let weight = "critical:a\n".len() + PER_REQUEST;
    assert_eq!((rig.session.weight(), rig.session.num_storing()), (weight, 0));
    assert!(!rig.session.has_critical_waiting());
    assert!(rig.events.contains(&Event::NotStored {
        count: 1,
        is_handed_in: true
    }));
    // The link comes back while the disk still hangs: nobody learns what is on it.
    rig.open(0);
    rig.say(client, "plain\n");
    rig.pass(SECOND);
    rig.serve(0);
    assert_eq!(
        (rig.state(), rig.got(client)),
        (State::Up, vec!["re:plain".into()])
    );
    assert_eq!(rig.store(Stored::Safe), "a");
    assert_eq!(rig.session.weight(), 0);
    assert!(rig.events.contains(&Event::StoredLate(Stored::Safe)));
    assert!(rig.session.wants_messages());
}

#[test]
fn at_the_end_nobody_waits_for_the_disk() {
    let mut rig = Rig::new(spooling(8));
    let client = rig.client();
    rig.pass(10 * SECOND);
    rig.say(client, &"critical:a\n".repeat(100));
    rig.session.handle_stop(rig.now);
    rig.obey();
    assert!(rig.session.has_critical_waiting());
    rig.session.handle_no_disk(rig.now);
    rig.obey();
    assert!(!rig.session.has_critical_waiting());
    assert_eq!(rig.got(client), vec!["con_failed"; 100]);
}

#[test]
fn the_answer_to_a_stored_one_does_not_overtake_a_reply() {
    let mut rig = clear(8);
    let client = rig.client();
    rig.say(client, "a\n");
    rig.session.handle_fell_behind(rig.now);
    rig.say(client, "critical:b\ncritical:c\nd\n");
    rig.pass(3 * SECOND);
    assert!(rig.to_store.is_empty());
    rig.write_all(0);
    rig.reply(0, "re:a");
    // Together, so that one sync serves both.
    assert_eq!(rig.to_store.len(), 2);
    assert_eq!(
        (rig.store(Stored::Safe), rig.store(Stored::Safe)),
        ("b".into(), "c".into())
    );
    rig.serve_all();
    assert_eq!(rig.got(client), ["re:a", "con_delayed", "con_delayed", "re:d"]);
}

#[test]
fn what_one_who_left_had_in_flight_goes_in_its_order() {
    let mut rig = clear(8);
    let client = rig.client();
    rig.say(client, "critical:a\ncritical:b\nplain\ncritical:c\ncritical:d\n");
    // Of `a` and half of `b` are written; the rest is in flight, and nobody waits for it.
    rig.write(0, 3);
    rig.session.handle_client_left(client, rig.now);
    rig.obey();
    rig.fail(0);
    let stored: Vec<_> = (0..2).map(|_| rig.store(Stored::Safe)).collect();
    assert_eq!(stored, ["a", "b"]);
    // What was not written waits for the next link, behind them.
    rig.pass(SECOND);
    rig.open_all();
    rig.delay(1, "a");
    rig.delay(2, "b");
    rig.catch_up();
    rig.serve(0);
    for _ in 0..2 {
        rig.removed();
    }
    rig.removals_safe();
    rig.serve(0);
    assert_eq!(rig.seen(0), ["a", "b", "c", "d"]);
    assert!(rig.to_store.is_empty() && !rig.session.has_critical_waiting());
}

#[test]
fn what_one_who_left_had_queued_does_not_overtake_what_it_had_in_flight() {
    let mut rig = clear(1);
    let client = rig.client();
    rig.say(client, "critical:a\ncritical:b\nplain\ncritical:c\n");
    rig.write_all(0);
    rig.session.handle_client_left(client, rig.now);
    rig.obey();
    assert!(rig.to_store.is_empty() && rig.session.has_critical_waiting());
    assert_eq!(rig.session.num_clients(), 0);
    rig.fail(0);
    rig.pass(20 * SECOND);
    let stored: Vec<_> = (0..3).map(|_| rig.store(Stored::Safe)).collect();
    assert_eq!(stored, ["a", "b", "c"]);
    assert!(!rig.session.has_critical_waiting());
    assert!(rig.got(client).is_empty());
}

#[test]
fn once_the_disk_is_given_up_it_is_waited_for_by_nobody() {
    let mut rig = Rig::new(spooling(8));
    let client = rig.client();
    rig.pass(10 * SECOND);
    rig.say(client, "critical:a\n");
    rig.session.handle_stop(rig.now);
    rig.obey();
    rig.session.handle_no_disk(rig.now);
    rig.obey();
    assert_eq!(rig.got(client), ["con_failed"]);
    rig.say(client, "critical:b\n");
    assert!(
        !rig.session.has_critical_waiting(),
        "the end waits for the disk again"
    );
    assert_eq!(rig.got(client), ["con_failed"]);
}

#[test]
fn once_the_disk_is_given_up_who_takes_answers_late_is_answered_too() {
    let mut rig = Rig::new(Config {
        max_client_bytes: 50,
        ..spooling(8)
    });
    let client = rig.client();
    rig.pass(10 * SECOND);
    rig.say(client, &"critical:a\n".repeat(100));
    rig.session.handle_stop(rig.now);
    rig.obey();
    rig.session.handle_no_disk(rig.now);
    rig.obey();
    let mut got = 0;
    for _ in 0..100 {
        let lines = rig.got(client);
        got += lines.len();
        rig.take(client, lines.iter().map(|line| line.len() + 1).sum());
    }
    assert!(
        !rig.session.has_critical_waiting(),
        "after {got} answers the disk is waited for again"
    );
    assert_eq!(got, 100);
}

#[test]
fn a_disk_that_hangs_holds_no_more_than_the_window() {
    let mut rig = Rig::new(spooling(8));
    let client = rig.client();
    rig.pass(10 * SECOND);
    rig.say(client, &"critical:a\n".repeat(1000));
    rig.pass(400 * SECOND);
    assert_eq!(rig.got(client).len(), 1000);
    assert!(
        rig.to_store.len() <= 64,
        "the spool holds {} of them",
        rig.to_store.len()
    );
}

#[test]
fn where_a_disk_that_hangs_has_all_it_may_have_others_wait_as_long_for_it_as_those_before() {
    let mut rig = Rig::new(Config {
        disabled: true,
        ..spooling(8)
    });
    let (first, second) = (rig.client(), rig.client());
    rig.say(first, &"critical:a\n".repeat(32));
    rig.pass(5 * SECOND);
    rig.say(second, "critical:b\n");
    rig.pass(5 * SECOND);
    assert_eq!((rig.got(first).len(), rig.got(second).len()), (32, 0));
    rig.pass(4 * SECOND);
    assert!(rig.got(second).is_empty());
    rig.pass(SECOND);
    assert_eq!(rig.got(second), ["con_failed"]);
    assert!(rig.events.contains(&Event::NotStored {
        count: 1,
        is_handed_in: false
    }));
}

#[test]
fn what_one_who_left_asked_is_not_overtaken_by_what_it_asks_when_it_comes_again() {
    let mut rig = two_links(8);
    let client = rig.client();
    rig.say(client, "slow\n");
    rig.write_all(0);
    rig.write_all(1);
    let slow = usize::from(rig.seen(0).is_empty());
    // lond works on it for long, so that what follows is taken back to the queue, and waits for that link.
    rig.pass(3 * SECOND);
    rig.say(client, "critical:old\n");
    rig.session.handle_client_left(client, rig.now);
    rig.obey();
    let again = rig.client();
    rig.say(again, "critical:new\n");
    rig.serve(1 - slow);
    assert!(rig.got(again).is_empty());
    rig.serve(slow);
    rig.serve_all();
    assert_eq!(rig.got(again), ["re:new"]);
}

#[test]
fn what_one_who_left_asked_is_done_however_scarce_memory_is() {
    let mut rig = Rig::new(spooling(8));
    let client = rig.client();
    rig.fail(0);
    rig.spare(true);
    // Most are stored: more than one who takes no answers is served at such times.
    rig.say(client, &"critical:a\n".repeat(3000));
    rig.leave(client);
    for _ in 0..2900 {
        rig.store(Stored::Safe);
    }
    rig.pass(SECOND);
    rig.open(0);
    while !rig.to_store.is_empty() {
        rig.store(Stored::Safe);
    }
    rig.catch_up();
    rig.serve(0);
    assert!(!rig.session.has_critical_waiting());
}

#[test]
fn what_is_stored_for_one_who_takes_no_answers_comes_to_its_limit() {
    let limit = 30;
    let mut rig = Rig::new(Config {
        max_client_bytes: limit,
        ..spooling(8)
    });
    rig.fail(0);
    let client = rig.client();
    rig.say(client, &"critical:a\n".repeat(100));
    while !rig.to_store.is_empty() {
        rig.store(Stored::Safe);
    }
    let answered = rig.got(client).len();
    assert!(answered < 100);
    rig.take(client, answered * "con_delayed\n".len() - limit);
    assert!(rig.to_store.is_empty());
    rig.take(client, 1);
    assert!(!rig.to_store.is_empty());
}

#[test]
fn one_who_takes_no_answers_is_not_looked_at_without_an_end_where_nothing_can_be_stored() {
    let mut rig = Rig::new(Config {
        disabled: true,
        max_client_bytes: 30,
        ..spooling(8)
    });
    let (first, second) = (rig.client(), rig.client());
    rig.say(first, &"critical:a\n".repeat(32));
    rig.say(second, &"critical:b\n".repeat(5));
    rig.pass(20 * SECOND);
    assert_eq!(rig.got(second), ["con_failed"; 3]);
    rig.take(second, 3 * "con_failed\n".len());
    rig.pass(SECOND);
    assert_eq!(rig.got(second), ["con_failed"; 2]);
}

#[test]
fn answers_behind_one_that_is_stored_count_for_the_limit() {
    let mut rig = Rig::up(Config {
        max_client_bytes: 100,
        pipeline: 1,
        ..spooling(1)
    });
    rig.catch_up();
    let client = rig.client();
    rig.say(client, "critical:a\nb\nc\n");
    rig.write_all(0);
    rig.lond(0).answer(b"", Style::Malformed(Fault::NotHex));
    rig.deliver(0, usize::MAX);
    rig.write_all(0);
    rig.reply(0, &"x".repeat(99));
    rig.write_all(0);
    assert_eq!(rig.seen(0), ["a", "b"]);
}
