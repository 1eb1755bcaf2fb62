//! Turns among clients, those that do not read, and those that leave.

use std::prelude::v1::*;

use super::rig::{Rig, SECOND, config};
use crate::session::{Config, State};

#[test]
fn a_client_with_many_requests_delays_another_by_the_pipelines_depth_at_most() {
    let mut rig = Rig::up(shallow());
    let (greedy, modest) = (rig.client(), rig.client());
    rig.say(greedy, &"many\n".repeat(10_000));
    rig.say(modest, "single\n");
    rig.write_all(0);
    let mut before = 0;
    while rig.lond(0).waiting[0] != b"single" {
        rig.reply(0, "re");
        rig.write_all(0);
        before += 1;
    }
    // Those in flight, and the one whose turn was before.
    assert_eq!(before, 4 + 1);
    rig.reply(0, "once");
    assert_eq!(rig.got(modest), ["once"]);
    rig.serve(0);
    assert_eq!(rig.got(greedy).len(), 10_000);
}

#[test]
fn a_client_that_does_not_read_is_served_up_to_its_limit_and_others_go_on() {
    let mut rig = Rig::up(Config {
        max_client_bytes: 100,
        ..shallow()
    });
    let (slow, quick) = (rig.client(), rig.client());
    rig.say(slow, &"x\n".repeat(1000));
    rig.serve(0);
    // `re:x` and a newline are 5 bytes; what was in flight at the limit is answered beyond it.
    let got = rig.got(slow).len();
    assert!((20..20 + 4).contains(&got), "{got}");
    rig.say(quick, "y\n");
    rig.serve(0);
    assert_eq!(rig.got(quick), ["re:y"]);
    assert!(rig.got(slow).is_empty());
    rig.take(slow, got * 5);
    rig.serve(0);
    assert!(rig.got(slow).len() >= 20);
}

#[test]
fn a_client_is_served_as_long_as_it_is_below_its_limit() {
    let mut rig = Rig::up(Config {
        max_client_bytes: 100,
        pipeline: 1,
        ..config()
    });
    let client = rig.client();
    rig.say(client, &"x\n".repeat(30));
    rig.serve(0);
    assert_eq!(rig.got(client).len(), 20);
    rig.take(client, 1);
    rig.serve(0);
    assert_eq!(rig.got(client).len(), 1);
}

#[test]
fn where_memory_is_scarce_each_has_one_request_in_flight() {
    let mut rig = Rig::up(shallow());
    rig.spare(true);
    let (one, other) = (rig.client(), rig.client());
    rig.say(one, "1\n2\n3\n");
    for number in ["1", "2"] {
        rig.write_all(0);
        assert_eq!(rig.lond(0).waiting, [number.as_bytes().to_vec()]);
        rig.reply(0, "ok");
    }
    // Others have theirs beside it.
    rig.say(other, "other\n");
    rig.write_all(0);
    assert_eq!(rig.seen(0), ["1", "2", "3", "other"]);
    rig.spare(false);
    rig.say(one, "4\n5\n");
    rig.write_all(0);
    assert_eq!(rig.seen(0)[4..], ["4", "5"]);
}

#[test]
fn where_memory_is_scarce_each_is_served_only_while_it_takes_its_answers() {
    // With the newline that many bytes of answers, of which a client may have this many at other times.
    for (bytes, limit, goes_on) in [
        (9, 20, true),
        (10, 20, false),
        (32 * 1024 - 1, 1 << 20, true),
        (32 * 1024, 1 << 20, false),
    ] {
        let mut rig = Rig::up(Config {
            max_client_bytes: limit,
            ..shallow()
        });
        rig.spare(true);
        let client = rig.client();
        rig.say(client, "1\n2\n");
        rig.write_all(0);
        rig.reply(0, &"x".repeat(bytes - 1));
        rig.write_all(0);
        assert_eq!(rig.seen(0).len() == 2, goes_on, "{bytes} of {limit}");
        rig.take(client, bytes);
        rig.write_all(0);
        assert_eq!(rig.seen(0).len(), 2);
    }
}

#[test]
fn a_client_that_does_not_read_is_refused_up_to_its_limit_and_the_rest_when_it_reads() {
    let mut rig = Rig::new(Config {
        max_client_bytes: 18,
        ..config()
    });
    rig.fail(0);
    let client = rig.client();
    rig.say(client, "a\nb\nc\n");
    assert_eq!(rig.got(client).len(), 2);
    rig.take(client, 18);
    assert_eq!(rig.got(client), ["con_lost"]);
}

#[test]
fn what_comes_back_unwritten_is_refused_up_to_the_clients_limit_too() {
    let mut rig = Rig::up(Config {
        max_client_bytes: 18,
        ..config()
    });
    let client = rig.client();
    rig.say(client, "a\nb\nc\n");
    rig.fail(0);
    rig.pass(SECOND);
    rig.fail(0);
    assert_eq!((rig.state(), rig.got(client).len()), (State::Down, 2));
    rig.take(client, 1);
    assert_eq!(rig.got(client), ["con_lost"]);
}

#[test]
fn of_a_client_that_left_the_queue_is_dropped_and_what_is_in_flight_keeps_its_place() {
    let mut rig = Rig::up(shallow());
    let (gone, stays) = (rig.client(), rig.client());
    rig.say(gone, "1\n2\n3\n4\n5\n6\n");
    rig.say(stays, "mine\n");
    rig.write_all(0);
    rig.session.handle_client_left(gone, rig.now);
    rig.serve(0);
    assert_eq!(rig.seen(0), ["1", "2", "3", "4", "mine"]);
    assert_eq!(rig.got(stays), ["re:mine"]);
    assert!(rig.got(gone).is_empty());
    assert_eq!(
        (rig.session.status().clients, rig.session.status().queued),
        (1, 0)
    );
}

#[test]
fn what_a_client_that_left_had_unwritten_on_a_lost_link_is_dropped() {
    let mut rig = Rig::up(config());
    let gone = rig.client();
    rig.say(gone, "1\n2\n");
    rig.session.handle_client_left(gone, rig.now);
    rig.fail(0);
    rig.pass(SECOND);
    rig.open(0);
    rig.serve(0);
    assert!(rig.seen(0).is_empty());
}

#[test]
fn a_newcomer_in_the_same_place_is_somebody_else() {
    let mut rig = Rig::up(config());
    let gone = rig.client();
    rig.say(gone, "secret\n");
    rig.write_all(0);
    rig.session.handle_client_left(gone, rig.now);
    let newcomer = rig.client();
    assert_eq!(newcomer.slot(), gone.slot());
    rig.say(newcomer, "own\n");
    rig.serve(0);
    assert_eq!(rig.got(newcomer), ["re:own"]);
    assert!(rig.got(gone).is_empty());
}

#[test]
fn stop_answers_everything_and_refuses_what_comes_after() {
    let mut rig = Rig::up(shallow());
    let client = rig.client();
    rig.say(client, "1\ncritical:2\n3\n4\n5\n\ncritical:6\n");
    rig.write(0, 3);
    rig.session.handle_stop(rig.now);
    rig.obey();
    let mut answers = ["con_lost"; 7];
    (answers[1], answers[5], answers[6]) = ("con_failed", "unknown_cmd", "con_failed");
    assert_eq!(rig.got(client), answers);
    let counters = rig.session.status().counters;
    assert_eq!((counters.sent_no_reply, counters.never_sent), (2, 4));
    assert!(rig.wires.is_empty());
    assert_eq!((rig.state(), rig.session.poll_timeout()), (State::Down, None));
    rig.say(client, "late\n");
    assert_eq!(rig.got(client), ["con_lost"]);
    rig.session.handle_reconnect(rig.now);
    rig.session.handle_reconfigure(config(), true, rig.now);
    assert!(!rig.obey());
}

fn shallow() -> Config {
    Config {
        pipeline: 4,
        ..config()
    }
}
