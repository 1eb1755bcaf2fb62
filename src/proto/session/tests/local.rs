//! What lonc answers itself.

use std::prelude::v1::*;
use std::vec;

use core::time::Duration;

use super::rig::{Rig, SECOND, config};
use crate::session::{Config, State};

#[test]
fn local_answers_need_no_link() {
    let mut rig = Rig::new(config());
    let client = rig.client();
    rig.say(client, "\ncritical:\nclose_connection_exit\n");
    assert_eq!(rig.got(client), ["unknown_cmd", "unknown_cmd", "refused"]);
}

#[test]
fn local_answers_do_not_wait_for_others_replies() {
    let mut rig = Rig::up(Config {
        pipeline: 1,
        ..config()
    });
    let (other, client) = (rig.client(), rig.client());
    rig.say(other, "slow\n");
    rig.say(client, "\n");
    assert_eq!(rig.got(client), ["unknown_cmd"]);
}

#[test]
fn local_answers_keep_their_place_behind_what_is_in_flight() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "1\n\n2\n3\n");
    rig.write_all(0);
    assert_eq!(rig.seen(0), ["1"], "what follows a local answer waits for it");
    assert!(rig.got(client).is_empty());
    rig.reply(0, "one");
    assert_eq!(rig.got(client), ["one", "unknown_cmd"]);
    rig.serve(0);
    assert_eq!(rig.got(client), ["re:2", "re:3"]);
}

#[test]
fn a_local_answer_keeps_its_place_behind_what_waits_for_a_link() {
    let mut rig = Rig::new(config());
    let client = rig.client();
    rig.say(client, "1\n\n");
    assert!(rig.got(client).is_empty());
    rig.pass(10 * SECOND);
    assert_eq!(rig.got(client), ["con_lost", "unknown_cmd"]);
}

#[test]
fn after_a_lost_link_requests_are_pipelined_again_up_to_the_local_answer() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "1\n2\n\n");
    rig.fail(0);
    rig.pass(SECOND);
    rig.open(0);
    assert_eq!(rig.seen(0), ["1", "2"]);
    rig.serve(0);
    assert_eq!(rig.got(client), ["re:1", "re:2", "unknown_cmd"]);
}

#[test]
fn only_a_client_that_may_stops_the_instance() {
    let mut rig = Rig::up(config());
    let (root, worker) = (rig.session.handle_client_joined(true, rig.now), rig.client());
    rig.say(worker, "close_connection_exit\n");
    assert_eq!((rig.stops, rig.got(worker)), (0, ["refused".into()].into()));
    rig.say(root, "1\nclose_connection_exit\n");
    assert_eq!(rig.stops, 0, "not before its turn");
    rig.serve(0);
    assert_eq!(
        (rig.stops, rig.got(root)),
        (1, ["re:1".into(), "ok".into()].into())
    );
    assert!(rig.seen(0) == ["1"], "lond hears nothing of it");
}

#[test]
fn local_answers_are_given_up_to_the_clients_limit_and_wake_no_peer() {
    let mut rig = Rig::new(Config {
        connections: 0,
        max_client_bytes: "unknown_cmd\n".len(),
        ..config()
    });
    let client = rig.client();
    rig.say(client, "\n\n");
    assert_eq!(rig.got(client), ["unknown_cmd"]);
    rig.take(client, 1);
    assert_eq!(rig.got(client), ["unknown_cmd"]);
    assert_eq!((rig.state(), rig.wires.len()), (State::Idle, 0));
    let mut rig = Rig::new(Config {
        connections: 0,
        ..config()
    });
    let client = rig.client();
    rig.say(client, "\n\n");
    assert_eq!(rig.got(client).len(), 2);
    assert_eq!((rig.state(), rig.wires.len()), (State::Idle, 0));
}

#[test]
fn a_wish_for_a_try_is_heeded_now_and_then_and_only_where_there_is_no_link() {
    let mut rig = Rig::new(config());
    let client = rig.client();
    for (span, retries) in [(0, 1), (0, 1), (1999, 1), (1, 2), (500, 2)] {
        rig.stall(Duration::from_millis(span));
        rig.say(client, "reset_retries\n");
        assert_eq!((rig.got(client), rig.retries), (vec!["ok".into()], retries));
    }
    rig.open(0);
    rig.stall(10 * SECOND);
    rig.say(client, "reset_retries\n");
    assert_eq!((rig.got(client), rig.retries), (vec!["ok".into()], 2));
}
