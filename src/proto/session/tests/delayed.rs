//! Delayed messages.

use std::format;
use std::prelude::v1::*;
use std::vec;

use core::time::Duration;

use super::rig::{Rig, SECOND, config};
use crate::session::{Config, LinkId, MessageId, State};

#[test]
fn clients_are_let_in_behind_the_delayed_messages() {
    let mut rig = Rig::new(spooling(2));
    let client = rig.client();
    rig.say(client, "live\n");
    rig.open_all();
    assert_eq!((rig.flushes, rig.state()), (1, State::Connecting));
    for id in 1..4 {
        rig.delay(id, &format!("m{id}"));
    }
    rig.catch_up();
    rig.write_all(0);
    assert_eq!(rig.seen(0), ["m1", "m2"]);
    rig.reply(0, "ok");
    // Answered is not removed: after a crash it would go a second time.
    rig.write_all(0);
    assert_eq!(rig.seen(0), ["m1", "m2"]);
    rig.removed();
    rig.write_all(0);
    assert_eq!(rig.seen(0), ["m1", "m2", "m3"]);
    rig.reply(0, "ok");
    rig.reply(0, "any");
    assert_eq!(through(&rig), [(1, true), (2, true), (3, true)]);
    rig.removed();
    rig.removed();
    rig.serve_all();
    assert_eq!(rig.got(client), Vec::<String>::new());
    rig.removals_safe();
    rig.serve_all();
    assert_eq!(rig.got(client), ["re:live"]);
}

#[test]
fn messages_are_wanted_where_they_can_be_sent_and_may_be_there() {
    let mut rig = Rig::new(spooling(8));
    assert!(!rig.session.wants_messages());
    rig.open_all();
    assert!(rig.session.wants_messages());
    rig.catch_up();
    assert!(!rig.session.wants_messages());
    rig.session.handle_fell_behind(rig.now);
    assert!(rig.session.wants_messages() && !rig.session.is_at_rest());
    rig.fail(0);
    assert!(!rig.session.wants_messages());
}

#[test]
fn after_a_break_messages_go_one_by_one() {
    let mut rig = clear(8);
    for id in 1..5 {
        rig.delay(id, &format!("m{id}"));
    }
    rig.write_all(0);
    rig.fail(0);
    rig.pass(SECOND);
    rig.open_all();
    for id in 1..5 {
        rig.write_all(0);
        assert_eq!(rig.seen(0).len(), id, "{:?}", rig.seen(0));
        rig.reply(0, "ok");
        rig.removed();
    }
    assert_eq!(through(&rig), [(1, true), (2, true), (3, true), (4, true)]);
    // And from then on together again.
    for id in 5..8 {
        rig.delay(id, &format!("m{id}"));
    }
    rig.write_all(0);
    assert_eq!(rig.seen(0).len(), 7);
}

#[test]
fn of_those_that_go_one_by_one_there_is_one_less_when_it_is_taken_back() {
    // Of five messages two broke the link; what lond has seen after each answer.
    for (withdrawn, seen) in [(2, [1, 4]), (3, [1, 2])] {
        let mut rig = clear(8);
        for id in 1..3 {
            rig.delay(id, &format!("m{id}"));
        }
        rig.write_all(0);
        rig.fail(0);
        for id in 3..6 {
            rig.delay(id, &format!("m{id}"));
        }
        assert!(rig.session.handle_withdraw(MessageId(withdrawn), rig.now));
        rig.pass(SECOND);
        rig.open_all();
        for seen in seen {
            rig.write_all(0);
            assert_eq!(rig.seen(0).len(), seen, "{withdrawn}: {:?}", rig.seen(0));
            rig.reply(0, "ok");
            rig.removed();
        }
    }
}

#[test]
fn one_with_an_empty_answer_goes_alone_from_then_on() {
    let mut rig = clear(8);
    rig.delay(1, "m1");
    rig.write_all(0);
    rig.reply(0, "");
    rig.delay(2, "m2");
    rig.write_all(0);
    assert_eq!(rig.seen(0), ["m1", "m1"]);
}

#[test]
fn what_was_not_alone_on_a_link_or_not_on_it_at_all_is_not_to_blame_for_its_end() {
    let both = "live\nm1\n".len();
    for written in [both, "live\n".len(), 0] {
        let mut rig = Rig::up(Config {
            max_attempts: 1,
            ..spooling(8)
        });
        rig.catch_up();
        // Until lond has shown its pace nobody is put behind others' requests.
        let client = rig.client();
        rig.say(client, "first\n");
        rig.serve(0);
        rig.say(client, "live\n");
        rig.delay(1, "m1");
        rig.write(0, written);
        rig.fail(0);
        assert_eq!((through(&rig), rig.session.num_messages()), (vec![], 1));
    }
}

#[test]
fn no_message_is_to_blame_for_the_end_of_this_instance_or_of_a_disabled_peers_links() {
    for is_stop in [true, false] {
        let settings = Config {
            max_attempts: 1,
            ..spooling(8)
        };
        let mut rig = Rig::up(settings.clone());
        rig.catch_up();
        rig.delay(1, "m1");
        rig.write_all(0);
        if is_stop {
            rig.session.handle_stop(rig.now);
        } else {
            let disabled = Config {
                disabled: true,
                ..settings
            };
            rig.session.handle_reconfigure(disabled, false, rig.now);
        }
        rig.obey();
        rig.pass(30 * SECOND);
        assert!(rig.wires.is_empty());
        assert_eq!((through(&rig), rig.session.num_messages()), (vec![], 1));
    }
}

#[test]
fn one_that_may_break_a_link_waits_for_what_is_on_it() {
    let mut rig = two_links(4);
    // Until lond has shown its pace nothing is put behind others' requests.
    let clients = [rig.client(), rig.client()];
    for client in clients {
        rig.say(client, "first\n");
    }
    rig.serve_all();
    rig.delay(1, "one");
    rig.delay(2, "two");
    let link = usize::from(!rig.session.unsent(LinkId(1)).is_empty());
    rig.write_all(link);
    rig.say(clients[0], "live\n");
    rig.write_all(1 - link);
    rig.fail(link);
    rig.write_all(1 - link);
    assert_eq!(rig.seen(1 - link), ["first", "live"]);
    rig.reply(1 - link, "ok");
    rig.write_all(1 - link);
    assert_eq!(rig.seen(1 - link), ["first", "live", "one"]);
}

#[test]
fn clients_share_the_link_of_messages_while_the_other_is_not_open() {
    let mut rig = Rig::new(Config {
        connections: 2,
        max_connections: 2,
        ..spooling(1)
    });
    rig.open(0);
    rig.catch_up();
    for id in 0..10 {
        rig.delay(id, &format!("m{id}"));
    }
    let client = rig.client();
    rig.say(client, "live\n");
    for _ in 0..4 {
        rig.write_all(0);
        let delivered = rig.through.len();
        rig.reply(0, "ok");
        if rig.through.len() > delivered {
            rig.removed();
        }
    }
    assert_eq!(rig.got(client), ["ok"]);
}

#[test]
fn who_comes_while_messages_go_waits_for_them_as_long_as_for_a_link() {
    let mut rig = Rig::new(spooling(8));
    rig.pass(9 * SECOND);
    rig.open_all();
    rig.delay(1, "slow");
    rig.write_all(0);
    let client = rig.client();
    rig.say(client, "live\n");
    rig.pass(9 * SECOND);
    assert_eq!(rig.state(), State::Connecting);
    rig.pass(SECOND);
    assert_eq!(rig.state(), State::Up);
}

#[test]
fn a_message_is_given_up_only_on_a_link_that_answers() {
    let mut rig = clear(8);
    rig.delay(1, "poison");
    rig.delay(2, "m2");
    let breaks = |rig: &mut Rig, tells: bool| {
        rig.write_all(0);
        let seen = rig.seen(0);
        rig.fail(0);
        rig.pass(400 * SECOND);
        rig.connect(0);
        rig.shake(0, 5);
        if tells {
            rig.finish(0);
        }
        seen
    };
    assert_eq!(breaks(&mut rig, true), ["poison", "m2"]);
    assert_eq!(breaks(&mut rig, true), ["poison"]);
    assert_eq!(breaks(&mut rig, false), ["poison"]);
    // For the last try lond must show that it answers at all.
    for _ in 0..4 {
        assert_eq!(breaks(&mut rig, false), Vec::<String>::new());
    }
    rig.finish(0);
    assert_eq!(breaks(&mut rig, true), ["poison"]);
    assert_eq!(through(&rig), [(1, false)]);
    assert_eq!(breaks(&mut rig, true), ["m2"]);
}

#[test]
fn where_the_first_try_is_the_last_it_waits_for_a_link_that_answers() {
    for (max_attempts, seen) in [(1, 0), (2, 1)] {
        let mut rig = Rig::new(Config {
            max_attempts,
            ..spooling(8)
        });
        rig.delay(1, "poison");
        rig.connect(0);
        rig.shake(0, 5);
        rig.write_all(0);
        assert_eq!(rig.seen(0).len(), seen);
        rig.finish(0);
        rig.write_all(0);
        assert_eq!(rig.seen(0), ["poison"]);
        rig.fail(0);
        assert_eq!(rig.through.len(), 1 - seen);
    }
}

#[test]
fn a_message_that_comes_back_unanswered_opens_a_link_where_none_is_kept() {
    let mut rig = Rig::new(Config {
        connections: 0,
        ..spooling(8)
    });
    rig.session.handle_fell_behind(rig.now);
    rig.obey();
    rig.open_all();
    rig.catch_up();
    rig.delay(1, "m1");
    rig.write_all(0);
    assert_eq!(rig.state(), State::Up);
    rig.fail(0);
    assert_eq!((rig.state(), rig.session.num_messages()), (State::Connecting, 1));
    rig.pass(2 * SECOND);
    rig.open_all();
    rig.serve(0);
    assert_eq!(through(&rig), [(1, true)]);
}

#[test]
fn messages_have_a_link_of_their_own_where_clients_have_another() {
    let mut rig = two_links(8);
    let (busy, other) = (rig.client(), rig.client());
    // Until lond has shown its pace nobody is put behind others' requests.
    for link in 0..2 {
        for client in [busy, other] {
            rig.say(client, "first\n");
        }
        rig.serve(link);
    }
    rig.serve_all();
    rig.delay(1, "m1");
    let theirs = usize::from(rig.session.unsent(LinkId(0)).is_empty());
    rig.say(busy, "one\ntwo\n");
    rig.say(other, "three\n");
    for link in 0..2 {
        rig.write_all(link);
    }
    assert_eq!(rig.lond(theirs).waiting.len(), 1, "{:?}", rig.seen(theirs));
    assert_eq!(rig.lond(1 - theirs).waiting.len(), 3);
}

#[test]
fn each_message_has_its_own_empty_answers() {
    let mut rig = clear(8);
    for id in 1..5 {
        rig.delay(id, &format!("m{id}"));
    }
    rig.write_all(0);
    for answer in ["", "", "", "ok"] {
        rig.reply(0, answer);
    }
    rig.removed();
    assert_eq!(through(&rig), [(4, true)]);
    // From here one by one, and each its three times.
    for (name, times) in [("m1", 3), ("m2", 3), ("m3", 2)] {
        for _ in 0..times {
            rig.write_all(0);
            assert_eq!(rig.seen(0).last().map(String::as_str), Some(name));
            rig.reply(0, "");
        }
    }
    assert_eq!(through(&rig), [(4, true), (1, false), (2, false)]);
    rig.write_all(0);
    rig.reply(0, "ok");
    assert_eq!(through(&rig)[3], (3, true));
}

#[test]
fn while_up_messages_leave_room_for_the_clients() {
    for pipeline in [1, 2, 8] {
        let mut rig = clear(pipeline);
        for id in 0..100 {
            rig.delay(id, &format!("m{id}"));
        }
        let client = rig.client();
        rig.say(client, "live 1\nlive 2\n");
        let mut rounds = 0;
        while rig.answers.get(&client).is_none_or(|answers| answers.len() < 2) {
            rig.write_all(0);
            let delivered = rig.through.len();
            rig.reply(0, "ok");
            if rig.through.len() > delivered {
                rig.removed();
            }
            rounds += 1;
            assert!(
                rounds <= 4 * pipeline,
                "pipeline {pipeline}: still not after {rounds} replies"
            );
        }
        // Nor do clients hold up the messages.
        let before = rig.through.len();
        for _ in 0..20 {
            rig.say(client, "live\nlive\nlive\n");
            rig.write_all(0);
            let delivered = rig.through.len();
            rig.reply(0, "ok");
            if rig.through.len() > delivered {
                rig.removed();
            }
        }
        assert!(rig.through.len() > before + 5, "pipeline {pipeline}");
    }
}

#[test]
fn what_breaks_each_link_is_sent_alone_beside_links_that_carry_clients() {
    let mut rig = Rig::up(Config {
        connections: 2,
        max_connections: 2,
        max_attempts: 3,
        ..spooling(4)
    });
    rig.open_all();
    rig.catch_up();
    let clients = [rig.client(), rig.client()];
    rig.delay(1, "poison");
    let mut answered = [0; 2];
    for _ in 0..20 {
        for (link, answered) in answered.iter_mut().enumerate() {
            rig.write_all(link);
            while let Some(asked) = rig.seen(link).get(*answered) {
                if asked == "poison" {
                    // Requests that come now would go down with it.
                    for client in clients {
                        rig.say(client, "live\n");
                    }
                    rig.write_all(link);
                    rig.fail(link);
                    *answered = rig.seen(link).len();
                    break;
                }
                rig.reply(link, "ok");
                *answered += 1;
                rig.write_all(link);
            }
        }
        rig.pass(SECOND);
        rig.open_all();
        rig.catch_up();
    }
    assert_eq!(through(&rig), [(1, false)]);
    let answers: Vec<_> = clients.into_iter().flat_map(|client| rig.got(client)).collect();
    let lost = answers.iter().filter(|answer| *answer == "con_lost").count();
    assert!(lost <= clients.len(), "{lost} requests were lost beside it");
    assert!(lost < answers.len());
}

#[test]
fn what_broke_a_link_and_a_client_do_not_wait_for_each_other() {
    let mut rig = two_links(4);
    rig.delay(1, "one");
    rig.delay(2, "two");
    let link = usize::from(!rig.session.unsent(LinkId(1)).is_empty());
    rig.write_all(link);
    rig.fail(link);
    // Where it goes now nobody else is put, and the other link is not back.
    let client = rig.client();
    rig.say(client, "live\n");
    for _ in 0..2 {
        rig.serve(1 - link);
        rig.removed();
    }
    assert_eq!(through(&rig), [(1, true), (2, true)]);
    rig.serve(1 - link);
    assert_eq!(rig.got(client), ["re:live"]);
}

#[test]
fn a_link_that_a_message_was_put_on_is_not_retired_for_want_of_use_before() {
    let mut rig = Rig::new(Config {
        connections: 0,
        idle_timeout: 200 * SECOND,
        ..spooling(8)
    });
    let client = rig.client();
    rig.say(client, "live\n");
    rig.open_all();
    rig.catch_up();
    rig.serve(0);
    rig.pass(Duration::from_millis(199_990));
    // It goes behind a question that stands still, and comes back.
    rig.session.handle_reconnect(rig.now);
    rig.obey();
    rig.delay(1, "m");
    rig.pass(SECOND);
    assert_eq!((rig.state(), rig.wires.len()), (State::Up, 1));
    rig.serve(0);
    rig.pass(SECOND);
    rig.serve(0);
    assert_eq!(through(&rig), [(1, true)]);
}

#[test]
fn beside_a_slow_request_messages_and_clients_do_not_wait_for_each_other() {
    let mut rig = two_links(8);
    let (slow, client) = (rig.client(), rig.client());
    rig.say(slow, "slow\n");
    let busy = usize::from(!rig.session.unsent(LinkId(1)).is_empty());
    let free = 1 - busy;
    rig.write_all(busy);
    rig.pass(10 * SECOND);
    for id in 1..21 {
        rig.delay(id, &format!("m{id}"));
    }
    rig.say(client, "live\n");
    for _ in 0..60 {
        rig.write_all(free);
        let delivered = rig.through.len();
        if !rig.lond(free).waiting.is_empty() {
            rig.reply(free, "ok");
        }
        if rig.through.len() > delivered {
            rig.removed();
        }
        rig.pass(SECOND);
        if rig.through.len() == 15 {
            assert!(rig.answers.contains_key(&client), "it waits for all messages");
        }
    }
    assert_eq!(
        rig.through.len(),
        20,
        "messages through; seen on the idle link: {:?}",
        rig.seen(free)
    );
    assert_eq!(rig.got(client), ["ok"]);
}

/// Two links that are open, and nothing is delayed.
pub(super) fn two_links(pipeline: usize) -> Rig {
    let mut rig = Rig::up(Config {
        connections: 2,
        max_connections: 2,
        ..spooling(pipeline)
    });
    rig.open_all();
    rig.catch_up();
    rig
}

pub(super) fn spooling(pipeline: usize) -> Config {
    Config {
        spool: true,
        pipeline,
        ..config()
    }
}

fn through(rig: &Rig) -> Vec<(u64, bool)> {
    rig.through
        .iter()
        .map(|(MessageId(id), delivered)| (*id, *delivered))
        .collect()
}

/// A session whose link is up, with nothing on disk.
pub(super) fn clear(pipeline: usize) -> Rig {
    let mut rig = Rig::up(spooling(pipeline));
    rig.catch_up();
    assert_eq!(rig.state(), State::Up);
    rig
}
