//! Several links, and links that are replaced.

use std::prelude::v1::*;

use super::lond::OWN;
use super::rig::{Rig, SECOND, Wire, config};
use crate::session::{ClientId, Config, LinkId, LinkState, State};

#[test]
fn clients_spread_over_the_links_and_stay_while_anything_is_in_flight() {
    let mut rig = Rig::up(three());
    let [a, ..] = three_busy(&mut rig);
    rig.say(a, "a2\n");
    rig.say(a, "a3\n");
    write_everywhere(&mut rig);
    assert_eq!(rig.seen(0), ["a", "a2", "a3"]);
    assert_eq!(
        (rig.seen(1), rig.seen(2)),
        (["b".into()].into(), ["c".into()].into())
    );
    rig.serve(0);
    assert_eq!(rig.got(a), ["re:a", "re:a2", "re:a3"]);
}

#[test]
fn what_lonc_asks_of_its_own_accord_sends_nobody_behind_anothers_request() {
    let mut rig = Rig::new(three());
    rig.open(0);
    let [_, b, c] = three_busy(&mut rig);
    rig.serve(0);
    rig.connect(1);
    while links_up(&rig) < 2 {
        rig.shake(1, 1);
    }
    rig.say(b, "b2\n");
    rig.say(c, "c2\n");
    write_everywhere(&mut rig);
    assert_eq!(rig.seen(0), ["a", "b", "c", "b2"]);
    assert_eq!(
        rig.seen(1),
        ["c2"],
        "it goes right behind the question who is there"
    );
}

#[test]
fn one_link_up_is_up_and_losing_one_of_three_leaves_the_others_working() {
    let mut rig = Rig::new(three());
    rig.open(1);
    assert_eq!(rig.state(), State::Up);
    rig.open_all();
    let clients = three_busy(&mut rig);
    write_everywhere(&mut rig);
    let first = rig.seen(1).remove(0);
    rig.fail(1);
    assert_eq!((rig.state(), links_up(&rig)), (State::Up, 2));
    rig.serve_all();
    for (client, asked) in clients.into_iter().zip(["a", "b", "c"]) {
        let lost = asked == first;
        let expected = if lost {
            "con_lost".into()
        } else {
            ["re:", asked].concat()
        };
        assert_eq!(rig.got(client), [expected]);
        rig.say(client, "again\n");
    }
    rig.serve_all();
    for client in clients {
        assert_eq!(rig.got(client), ["re:again"]);
    }
}

#[test]
fn what_was_not_written_on_a_lost_link_goes_out_on_another() {
    let mut rig = Rig::up(three());
    let clients = three_busy(&mut rig);
    rig.fail(0);
    rig.serve_all();
    assert_eq!(
        clients.map(|client| rig.got(client).remove(0)),
        ["re:a", "re:b", "re:c"]
    );
}

#[test]
fn another_address_finishes_what_is_in_flight_on_the_old_link() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "old\n");
    rig.write_all(0);
    reconfigure(&mut rig, config(), true);
    assert_eq!(rig.state(), State::Connecting);
    rig.say(client, "new\n");
    rig.open(1);
    rig.write_all(0);
    assert_eq!(rig.seen(0), ["old"]);
    rig.reply(0, "re:old");
    assert!(!rig.wires.contains_key(&0), "the old link is closed");
    rig.serve(1);
    assert_eq!(rig.seen(1), ["new"]);
    assert_eq!(rig.got(client), ["re:old", "re:new"]);
}

#[test]
fn another_address_is_tried_at_once_instead_of_the_old_one() {
    let mut rig = Rig::new(config());
    rig.connect(0);
    let old = rig.lond(0).serial;
    reconfigure(&mut rig, config(), true);
    assert_eq!(rig.wires.len(), 1);
    rig.open_all();
    assert_eq!(rig.state(), State::Up);
    assert!(rig.wires.values().all(|wire| wire.lond.serial != old));
}

#[test]
fn the_loss_of_an_old_link_says_nothing_of_a_new_address_that_is_down() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "old\n");
    rig.write_all(0);
    reconfigure(&mut rig, config(), true);
    rig.fail(1);
    assert_eq!(rig.state(), State::Down);
    rig.fail(0);
    assert_eq!(rig.state(), State::Down);
    rig.say(client, "new\n");
    assert_eq!(rig.got(client), ["con_lost", "con_lost"]);
}

#[test]
fn fewer_connections_let_the_others_finish() {
    let mut rig = Rig::up(three());
    let clients = three_busy(&mut rig);
    write_everywhere(&mut rig);
    reconfigure(&mut rig, config(), false);
    assert_eq!((rig.wires.len(), rig.state()), (3, State::Up));
    rig.serve_all();
    assert_eq!(rig.wires.len(), 1);
    assert_eq!(
        clients.map(|client| rig.got(client).remove(0)),
        ["re:a", "re:b", "re:c"]
    );
    rig.say(clients[1], "on the one\n");
    rig.serve_all();
    assert_eq!(rig.got(clients[1]), ["re:on the one"]);
}

#[test]
fn nothing_new_goes_onto_a_link_that_is_to_end_however_little_is_on_it() {
    let mut rig = Rig::up(Config {
        connections: 2,
        max_connections: 2,
        ..config()
    });
    let clients = [rig.client(), rig.client(), rig.client()];
    // Until lond has shown its pace nobody is put behind others' requests.
    for client in clients {
        rig.say(client, "first\n");
    }
    rig.serve_all();
    rig.say(clients[0], "a\nb\nc\n");
    rig.say(clients[1], "d\n");
    write_everywhere(&mut rig);
    assert_eq!([0, 1].map(|link| rig.lond(link).waiting.len()), [3, 1]);
    reconfigure(&mut rig, config(), false);
    rig.say(clients[2], "e\n");
    write_everywhere(&mut rig);
    assert_eq!([0, 1].map(|link| rig.lond(link).waiting.len()), [4, 1]);
}

#[test]
fn fewer_connections_keep_one_that_works() {
    let mut rig = Rig::up(three());
    rig.fail(0);
    reconfigure(&mut rig, config(), false);
    assert_eq!((rig.state(), links_up(&rig)), (State::Up, 1));
}

#[test]
fn more_connections_are_opened_and_used() {
    let mut rig = Rig::up(config());
    reconfigure(&mut rig, three(), false);
    assert_eq!((rig.wires.len(), rig.state()), (3, State::Up));
    rig.open_all();
    three_busy(&mut rig);
    write_everywhere(&mut rig);
    let seen = [0, 1, 2].map(|link| rig.seen(link).len());
    assert_eq!(seen, [1, 1, 1]);
}

#[test]
fn of_links_that_wait_for_their_next_try_no_more_stay_than_are_kept() {
    let mut rig = Rig::up(three());
    rig.fail(0);
    let fewer = Config {
        connections: 1,
        ..three()
    };
    reconfigure(&mut rig, fewer.clone(), false);
    assert_eq!((links_up(&rig), rig.session.status().links.len()), (2, 2));
    rig.fail(1);
    rig.fail(2);
    reconfigure(&mut rig, fewer, false);
    assert_eq!((links_up(&rig), rig.session.status().links.len()), (0, 1));
}

#[test]
fn another_id_of_this_host_is_a_reason_for_new_links() {
    for (own, is_new) in [("msul3", true), (OWN, false)] {
        let mut rig = Rig::up(config());
        let mut other = config();
        other.identity.own = own.into();
        reconfigure(&mut rig, other, false);
        let is_old = |wire: &Wire| wire.lond.serial == 1;
        assert_eq!(rig.wires.len(), 1);
        assert_eq!(!rig.wires.values().any(is_old), is_new, "{own}");
    }
}

#[test]
fn other_settings_begin_a_new_wait_only_where_there_is_something_to_wait_for() {
    let none = || Config {
        connections: 0,
        ..config()
    };
    let disabled = Config {
        disabled: true,
        ..config()
    };
    for (before, fails, after, reopen, state) in [
        (none(), false, config(), false, State::Connecting),
        (none(), false, none(), false, State::Idle),
        (none(), false, none(), true, State::Idle),
        (disabled.clone(), false, config(), false, State::Connecting),
        (disabled, false, none(), false, State::Idle),
        (config(), true, config(), false, State::Down),
        (config(), true, config(), true, State::Connecting),
    ] {
        let mut rig = Rig::new(before);
        if fails {
            rig.fail(0);
        }
        reconfigure(&mut rig, after, reopen);
        assert_eq!(rig.state(), state);
        assert_eq!(rig.wires.len(), usize::from(state == State::Connecting));
    }
    let mut rig = Rig::up(config());
    reconfigure(&mut rig, none(), false);
    assert_eq!((rig.state(), links_up(&rig)), (State::Up, 1));
}

#[test]
fn waiting_clients_are_shared_with_a_link_that_comes_up() {
    let mut rig = Rig::new(Config {
        pipeline: 1,
        ..three()
    });
    rig.open(0);
    let clients = three_busy(&mut rig);
    rig.write_all(0);
    rig.open(1);
    rig.serve(1);
    assert_eq!(clients.map(|client| rig.got(client).len()), [0, 1, 1]);
}

#[test]
fn with_all_links_lost_requests_wait_again() {
    let mut rig = Rig::up(three());
    (0..3).for_each(|link| rig.fail(link));
    assert_eq!(rig.state(), State::Connecting);
    let client = rig.client();
    rig.say(client, "one\n");
    rig.pass(SECOND);
    rig.open(2);
    rig.serve(2);
    assert_eq!(rig.got(client), ["re:one"]);
}

#[test]
fn a_link_that_opens_beside_a_replacement_leaves_as_many_as_are_kept() {
    let mut rig = Rig::new(three());
    rig.open(0);
    move_from(&mut rig, 0);
    rig.open_all();
    assert_eq!((links_up(&rig), rig.wires.len()), (3, 3));
}

#[test]
fn a_link_that_is_lost_beside_a_replacement_is_opened_again() {
    let mut rig = Rig::up(three());
    move_from(&mut rig, 0);
    rig.fail(1);
    rig.open(3);
    rig.pass(SECOND);
    rig.open_all();
    assert_eq!((links_up(&rig), rig.wires.len()), (3, 3));
}

#[test]
fn a_replacement_whose_link_is_gone_is_one_like_the_others() {
    let mut rig = Rig::up(config());
    move_from(&mut rig, 0);
    rig.connect(1);
    rig.fail(0);
    assert_eq!(rig.wires.len(), 1, "it is tried already");
    rig.pass(3 * SECOND);
    rig.session.handle_reconnect(rig.now);
    rig.obey();
    assert_eq!(rig.wires.len(), 2, "for this one does not get on");
    rig.open_all();
    rig.finish(1);
    assert_eq!((links_up(&rig), rig.wires.len()), (1, 1));
}

fn three() -> Config {
    Config {
        connections: 3,
        max_connections: 3,
        ..config()
    }
}

/// Three clients with a request in flight each.
fn three_busy(rig: &mut Rig) -> [ClientId; 3] {
    ["a\n", "b\n", "c\n"].map(|line| {
        let client = rig.client();
        rig.say(client, line);
        client
    })
}

fn write_everywhere(rig: &mut Rig) {
    for link in rig.wires.keys().copied().collect::<Vec<_>>() {
        rig.write_all(link);
    }
}

fn reconfigure(rig: &mut Rig, config: Config, reopen: bool) {
    rig.session.handle_reconfigure(config, reopen, rig.now);
    rig.obey();
}

fn links_up(rig: &Rig) -> usize {
    rig.session
        .status()
        .links
        .iter()
        .filter(|link| link.state == LinkState::Up)
        .count()
}

fn move_from(rig: &mut Rig, link: usize) {
    rig.session.handle_moved(LinkId(link), rig.now);
    rig.obey();
}
