//! Deadlines of requests and probes.

use std::prelude::v1::*;

use core::time::Duration;

use super::rig::{Rig, SECOND, config};
use crate::session::{Config, Event, LinkError, LinkId, State};

/// All but an instant of a second.
const ALMOST: Duration = Duration::from_millis(999);
const INSTANT: Duration = Duration::from_millis(1);

#[test]
fn a_late_reply_reaches_nobody_and_what_was_not_written_goes_out_on_the_next_link() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "one\ntwo\nthree\n");
    rig.write(0, b"one\ntwo\n".len());
    rig.pass(299 * SECOND + ALMOST);
    assert!(rig.got(client).is_empty());
    rig.pass(INSTANT);
    let lost = Event::LinkLost {
        link: LinkId(0),
        why: LinkError::RequestTimeout,
        lost: 2,
        // The third went back long before, when the first turned out slow.
        requeued: 0,
    };
    assert!(rig.events.contains(&lost));
    assert_eq!(rig.got(client), ["con_lost", "con_lost"]);
    assert_eq!(rig.state(), State::Connecting);
    let mut late = b"re:one\nre:two\n"[..].into();
    rig.session.handle_input(LinkId(0), &mut late, rig.now);
    rig.obey();
    assert!(rig.got(client).is_empty());
    rig.pass(SECOND);
    rig.open(0);
    rig.serve(0);
    assert_eq!(rig.seen(0), ["three"]);
    assert_eq!(rig.got(client), ["re:three"]);
}

#[test]
fn a_link_that_takes_no_bytes_comes_to_its_time_out_and_the_request_goes_out_on_the_next() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "one\n");
    rig.pass(299 * SECOND + ALMOST);
    assert!(rig.ends().is_empty());
    rig.pass(INSTANT);
    assert_eq!(rig.ends(), [LinkError::RequestTimeout]);
    rig.pass(SECOND);
    rig.open(0);
    rig.serve(0);
    assert_eq!(rig.got(client), ["re:one"]);
}

#[test]
fn who_wakes_an_idle_peer_waits_for_it_however_old_the_request_is() {
    let mut rig = Rig::new(Config {
        connections: 0,
        idle_timeout: SECOND,
        max_client_bytes: 1,
        ..config()
    });
    let (client, other) = (rig.client(), rig.client());
    rig.say(other, "gone\n");
    rig.session.handle_client_left(other, rig.now);
    rig.open(0);
    // It does not take its first answer, so its request is not served.
    rig.say(client, "\nlate\n");
    rig.pass(60 * SECOND);
    assert_eq!(rig.state(), State::Idle);
    rig.take(client, b"unknown_cmd\n".len());
    rig.pass(9 * SECOND);
    rig.open(0);
    rig.serve(0);
    assert_eq!(rig.got(client), ["unknown_cmd", "re:late"]);
}

#[test]
fn a_request_written_in_part_is_not_sent_again() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "one\ncritical:two\n");
    rig.write(0, 1);
    rig.fail(0);
    assert_eq!(rig.got(client), ["con_lost"]);
    rig.pass(SECOND);
    rig.open(0);
    rig.write(0, 1);
    rig.fail(0);
    assert_eq!(rig.got(client), ["con_failed"]);
    assert_eq!(rig.session.status().counters.sent_no_reply, 2);
}

#[test]
fn the_time_counts_from_when_nothing_is_before_the_request() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "one\ntwo\n");
    rig.write_all(0);
    rig.pass(299 * SECOND);
    rig.reply(0, "1");
    rig.pass(299 * SECOND);
    rig.reply(0, "2");
    assert_eq!(rig.got(client), ["1", "2"]);
    rig.pass(1000 * SECOND);
    rig.say(client, "three\n");
    rig.write_all(0);
    rig.pass(299 * SECOND + ALMOST);
    assert_eq!(rig.state(), State::Up);
    rig.pass(INSTANT);
    assert_eq!(rig.got(client), ["con_lost"]);
}

#[test]
fn an_idle_link_is_probed_and_the_reply_is_nobodys() {
    let mut rig = Rig::up(probing());
    let client = rig.client();
    rig.pass(59 * SECOND + ALMOST);
    assert_eq!(rig.session.unsent(LinkId(0)), b"");
    rig.pass(INSTANT);
    rig.write_all(0);
    assert_eq!(rig.seen(0), ["ping"]);
    rig.say(client, "one\n");
    rig.write_all(0);
    rig.pass(2 * SECOND);
    rig.reply(0, "msul1:ok");
    assert_eq!(rig.session.status().rtt, Some(2 * SECOND));
    assert!(rig.got(client).is_empty());
    rig.reply(0, "1");
    assert_eq!(rig.got(client), ["1"]);
    rig.pass(60 * SECOND);
    assert_eq!(rig.session.unsent(LinkId(0)), b"ping\n");
}

#[test]
fn a_probe_without_a_reply_ends_the_link() {
    let mut rig = Rig::up(probing());
    rig.pass(60 * SECOND);
    rig.write_all(0);
    let client = rig.client();
    rig.say(client, "one\n");
    rig.pass(60 * SECOND);
    assert_eq!(rig.ends(), [LinkError::ProbeTimeout]);
    assert!(rig.got(client).is_empty(), "it was not written, and waits");
    rig.pass(SECOND);
    rig.open(0);
    rig.serve(0);
    assert_eq!(rig.got(client), ["re:one"]);
}

#[test]
fn what_had_arrived_is_read_before_time_is_judged() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "one\ntwo\n");
    rig.write_all(0);
    rig.stall(1000 * SECOND);
    rig.unread(0);
    rig.pass(ALMOST);
    rig.reply(0, "1");
    assert_eq!(rig.got(client), ["1"]);
    // The next has its whole time.
    rig.pass(299 * SECOND + ALMOST);
    assert!(rig.ends().is_empty());
    rig.pass(INSTANT);
    assert_eq!(rig.ends(), [LinkError::RequestTimeout]);
}

#[test]
fn one_that_never_stops_talking_gains_a_second() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "one\n");
    rig.write_all(0);
    // What is not due yet gains nothing.
    rig.unread(0);
    rig.pass(299 * SECOND + ALMOST);
    rig.stall(INSTANT);
    for _ in 0..1000 {
        assert!(rig.ends().is_empty());
        rig.unread(0);
        rig.receive(0, b"x");
        rig.pass(INSTANT);
    }
    assert_eq!(rig.ends(), [LinkError::RequestTimeout]);
    assert_eq!(rig.got(client), ["con_lost"]);
}

#[test]
fn an_answer_to_the_handshake_that_had_arrived_counts_however_late_all_of_it_is() {
    let mut rig = Rig::new(config());
    let client = rig.client();
    rig.say(client, "one\n");
    rig.connect(0);
    rig.write_all(0);
    rig.stall(1000 * SECOND);
    rig.unread(0);
    rig.session.handle_timeout(rig.now);
    rig.pass(INSTANT);
    rig.finish(0);
    rig.serve(0);
    assert_eq!(rig.got(client), ["re:one"]);
    assert!(rig.ends().is_empty());
}

#[test]
fn who_has_waited_longest_for_a_link_waits_for_what_had_arrived() {
    let mut rig = Rig::up(config());
    let (client, other) = (rig.client(), rig.client());
    rig.fail(0);
    rig.pass(SECOND);
    rig.open(0);
    // It is lost again before it has answered anything, and the wait of this one goes on.
    rig.say(client, "one\n");
    rig.pass(5 * SECOND);
    rig.fail(0);
    rig.pass(2 * SECOND);
    rig.connect(0);
    rig.write_all(0);
    rig.stall(4 * SECOND);
    rig.unread(0);
    rig.say(other, "two\n");
    rig.finish(0);
    rig.serve(0);
    assert_eq!(
        (rig.got(client), rig.got(other)),
        (vec!["re:one".into()], vec!["re:two".into()])
    );
}

#[test]
fn a_handshake_that_goes_on_for_ever_gains_a_second_too() {
    let mut rig = Rig::new(config());
    rig.connect(0);
    rig.write_all(0);
    rig.stall(1000 * SECOND);
    rig.unread(0);
    rig.shake(0, 1);
    rig.pass(ALMOST);
    rig.unread(0);
    assert!(rig.ends().is_empty());
    rig.pass(INSTANT);
    assert!(matches!(rig.ends()[..], [LinkError::OpeningTimeout(_)]));
}

#[test]
fn no_interval_means_no_probes() {
    let mut rig = Rig::up(config());
    assert_eq!(rig.session.poll_timeout(), None);
    rig.pass(100_000 * SECOND);
    assert_eq!(rig.session.unsent(LinkId(0)), b"");
}

fn probing() -> Config {
    Config {
        probe_interval: 60 * SECOND,
        ..config()
    }
}
