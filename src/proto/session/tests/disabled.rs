//! A peer that an administrator has disabled.

use std::prelude::v1::*;

use super::rig::{Rig, SECOND, config};
use crate::session::{Config, State};

fn disabled() -> Config {
    Config {
        disabled: true,
        drain_timeout: 20 * SECOND,
        ..config()
    }
}

#[test]
fn there_is_no_link_and_who_asks_is_answered_at_once() {
    let mut rig = Rig::new(disabled());
    let client = rig.client();
    rig.say(client, "one\n");
    rig.session.handle_reconnect(rig.now);
    rig.obey();
    assert_eq!((rig.state(), rig.wires.len()), (State::Disabled, 0));
    assert_eq!(rig.got(client), ["con_lost"]);
    assert_eq!(rig.session.poll_timeout(), None);
    rig.session.handle_reconfigure(config(), false, rig.now);
    rig.obey();
    assert_eq!((rig.state(), rig.wires.len()), (State::Connecting, 1));
}

#[test]
fn what_is_in_flight_is_finished_or_ended_in_time() {
    for is_answered in [true, false] {
        let mut rig = Rig::up(config());
        let client = rig.client();
        rig.say(client, "one\n");
        rig.write(0, b"one\n".len());
        rig.session.handle_reconfigure(disabled(), false, rig.now);
        rig.obey();
        rig.say(client, "two\n");
        assert_eq!(rig.state(), State::Disabled);
        assert!(rig.got(client).is_empty());
        if is_answered {
            rig.serve(0);
        } else {
            rig.pass(19 * SECOND);
            assert!(rig.got(client).is_empty());
            rig.pass(SECOND);
        }
        let first = if is_answered { "re:one" } else { "con_lost" };
        assert_eq!(rig.got(client), [first, "con_lost"]);
        assert_eq!((rig.wires.len(), rig.session.poll_timeout()), (0, None));
    }
}
