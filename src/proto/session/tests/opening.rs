//! How links open, what waits for them meanwhile, and what follows if they do not.

use std::prelude::v1::*;
use std::vec;

use core::time::Duration;

use super::rig::{Rig, SECOND, config};
use crate::backoff::Bounds;
use crate::handshake::{HandshakeError, Step};
use crate::session::{Config, Event, LinkError, LinkId, Lost, Others, State, TlsFault};

#[test]
fn nothing_precedes_the_handshake() {
    let mut rig = Rig::new(config());
    let client = rig.client();
    rig.say(client, "one\nencrypt:two\n");
    assert_eq!(unsent(&rig), b"");
    rig.connect(0);
    for line in [
        &b"init\n"[..],
        b"challenge 1\n",
        b"sethost:msul1\n",
        b"version:1.0\n",
        b"ekey\n",
    ] {
        assert_eq!(unsent(&rig), line);
        rig.shake(0, 1);
    }
    // Who is there is asked first, and holds up nobody.
    assert!(unsent(&rig).starts_with(b"ping\none\nenc:3:"));
    rig.finish(0);
    rig.serve(0);
    assert_eq!(rig.got(client), ["re:one", "re:two"]);
    assert_eq!(rig.session.status().peer_version.as_deref(), Some("2.11"));
}

#[test]
fn the_first_request_waits_at_most_connect_wait_and_later_ones_not_at_all() {
    let mut rig = Rig::new(config());
    let client = rig.client();
    rig.say(client, "one\n");
    rig.pass(9 * SECOND + Duration::from_millis(999));
    assert!(rig.got(client).is_empty());
    rig.pass(Duration::from_millis(1));
    assert_eq!(
        (rig.got(client), rig.state()),
        (vec!["con_lost".into()], State::Down)
    );
    rig.say(client, "two\ncritical:three\n");
    assert_eq!(rig.got(client), ["con_lost", "con_failed"]);
    let told = Event::Unanswered {
        client,
        count: 2,
        lost: Lost::NeverSent,
    };
    assert!(rig.events.contains(&told));
    assert_eq!(rig.session.status().counters.never_sent, 3);
}

#[test]
fn reconnect_makes_the_next_request_wait_for_the_try() {
    let mut rig = down();
    rig.session.handle_reconnect(rig.now);
    rig.obey();
    assert_eq!(rig.state(), State::Connecting);
    let client = rig.client();
    rig.say(client, "one\n");
    assert!(rig.got(client).is_empty());
    rig.open(0);
    rig.serve(0);
    assert_eq!(rig.got(client), ["re:one"]);
}

pub(super) fn reconnect(rig: &mut Rig) -> bool {
    rig.session.handle_reconnect(rig.now);
    rig.obey()
}

#[test]
fn no_reconnect_lengthens_anybodys_wait() {
    let mut rig = Rig::new(config());
    let client = rig.client();
    rig.say(client, "one\n");
    for _ in 0..4 {
        rig.pass(2 * SECOND);
        reconnect(&mut rig);
    }
    rig.pass(2 * SECOND);
    assert_eq!(
        (rig.got(client), rig.state()),
        (vec!["con_lost".into()], State::Down)
    );
    reconnect(&mut rig);
    rig.say(client, "two\n");
    rig.pass(9 * SECOND);
    let late = rig.client();
    rig.say(late, "late\n");
    // Another address makes a new start, and still nobody waits longer.
    rig.session.handle_reconfigure(config(), true, rig.now);
    rig.obey();
    assert!(rig.got(client).is_empty());
    rig.pass(SECOND);
    assert_eq!(
        (rig.got(client), rig.state()),
        (vec!["con_lost".into()], State::Connecting)
    );
    rig.say(client, "three\n");
    rig.open_all();
    rig.serve_all();
    assert_eq!(rig.got(client), ["re:three"]);
    assert_eq!(rig.got(late), ["re:late"], "it had not waited as long");
}

#[test]
fn whoever_calls_itself_otherwise_is_told_of_and_the_link_stays() {
    let mut rig = Rig::new(config());
    rig.connect(0);
    rig.shake(0, 5);
    rig.write_all(0);
    rig.lond(0).outbox.clear();
    rig.receive(0, b"hubl14\n");
    let told = Event::OtherHost {
        link: LinkId(0),
        answer: "hubl14".into(),
    };
    assert!(rig.events.contains(&told));
    assert_eq!(
        rig.session.status().links[0].other_host.as_deref(),
        Some("hubl14")
    );
    assert_eq!(rig.state(), State::Up);
}

#[test]
fn pong_is_asked_only_where_it_is_wanted() {
    let mut rig = Rig::new(Config {
        pong: true,
        ..config()
    });
    rig.connect(0);
    rig.shake(0, 4);
    assert_eq!(unsent(&rig), b"pong\n");
    rig.finish(0);
    assert_eq!(rig.state(), State::Up);
}

#[test]
fn reconnect_leaves_a_link_that_is_up_alone() {
    let mut rig = Rig::up(config());
    rig.pass(100 * SECOND);
    rig.session.handle_reconnect(rig.now);
    assert!(!rig.obey());
}

#[test]
fn the_back_off_grows_and_only_an_answered_request_resets_it() {
    let mut rig = down();
    for round in 0..20 {
        wait_for_try(&mut rig);
        if round % 2 == 0 {
            // lond is there, but says only half of what is needed.
            rig.connect(0);
            rig.shake(0, 3);
        }
        rig.fail(0);
    }
    let grown = waits(&rig);
    assert!(grown[0] <= SECOND && grown.iter().all(|wait| *wait <= 120 * SECOND));
    assert!(grown[8..].iter().any(|wait| *wait > 30 * SECOND), "{grown:?}");
    for _ in 0..8 {
        wait_for_try(&mut rig);
        rig.open(0);
        rig.fail(0);
    }
    let next = |rig: &Rig| rig.session.status().next_try.unwrap().since(rig.now);
    assert!(next(&rig) > SECOND, "it was open, and did nothing");
    wait_for_try(&mut rig);
    rig.open(0);
    let client = rig.client();
    rig.say(client, "one\n");
    rig.serve(0);
    rig.fail(0);
    assert!(next(&rig) <= SECOND);
}

#[test]
fn each_step_has_its_own_time() {
    let mut rig = Rig::new(Config {
        opening_timeout: 1000 * SECOND,
        ..config()
    });
    rig.connect(0);
    for _ in 0..4 {
        rig.pass(59 * SECOND);
        rig.shake(0, 1);
    }
    rig.pass(60 * SECOND);
    assert_eq!(rig.ends(), [LinkError::StepTimeout(Step::BuildKey)]);
    let told = rig.session.status().last_error;
    assert_eq!(told.as_deref(), Some("no answer in time to ekey"));
}

#[test]
fn all_steps_together_have_theirs() {
    let mut rig = Rig::new(config());
    rig.connect(0);
    for _ in 0..2 {
        rig.pass(50 * SECOND);
        rig.shake(0, 1);
    }
    rig.pass(19 * SECOND);
    assert_eq!(rig.ends(), []);
    rig.pass(SECOND);
    assert_eq!(rig.ends(), [LinkError::OpeningTimeout(Step::SetHost)]);
}

#[test]
fn nothing_is_said_before_the_connection_is_secured() {
    let mut rig = Rig::new(config());
    rig.secures = true;
    rig.connect(0);
    assert_eq!(unsent(&rig), b"");
    let client = rig.client();
    rig.say(client, "one\n");
    assert_eq!(unsent(&rig), b"");
    // Nor is anything heard.
    rig.receive(0, b"challenge\n");
    assert_eq!(rig.ends(), [LinkError::Unasked]);
    wait_for_try(&mut rig);
    rig.connect(0);
    rig.secure(0);
    assert_eq!(unsent(&rig), b"init\n");
    rig.finish(0);
    rig.serve(0);
    assert_eq!(rig.state(), State::Up);
}

#[test]
fn to_secure_it_takes_the_time_of_a_step_and_of_all() {
    let mut rig = Rig::new(config());
    rig.secures = true;
    rig.connect(0);
    rig.pass(59 * SECOND);
    assert_eq!(rig.ends(), []);
    rig.pass(SECOND);
    assert_eq!(rig.ends(), [LinkError::StepTimeout(Step::Tls)]);
    wait_for_try(&mut rig);
    rig.connect(0);
    rig.pass(50 * SECOND);
    rig.secure(0);
    rig.write_all(0);
    rig.pass(50 * SECOND);
    rig.shake(0, 1);
    rig.pass(20 * SECOND);
    assert_eq!(
        rig.ends().last(),
        Some(&LinkError::OpeningTimeout(Step::Challenge))
    );
}

#[test]
fn one_that_is_not_secured_for_long_has_another_try_beside_it() {
    let mut rig = Rig::new(config());
    rig.secures = true;
    rig.others = Others {
        num: 1,
        any_untried: true,
    };
    rig.connect(0);
    rig.pass(SECOND);
    assert_eq!(rig.passed_by, [0]);
    assert!(rig.wires.contains_key(&1));
}

#[test]
fn failures_of_tls_are_counted_by_reason() {
    let mut rig = Rig::new(config());
    rig.secures = true;
    rig.connect(0);
    let why = LinkError::Tls {
        fault: TlsFault::WrongName,
        text: "is for another".into(),
    };
    rig.session.handle_failed(LinkId(0), why.clone(), rig.now);
    rig.obey();
    assert_eq!(rig.ends(), [why]);
    let failures = rig.session.status().counters.tls_failures;
    let counted: Vec<_> = failures.iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [(TlsFault::WrongName, 1)]);
}

#[test]
fn bytes_out_of_turn_end_the_try() {
    let mut rig = Rig::new(config());
    rig.connect(0);
    rig.receive(0, b"welcome\n");
    assert_eq!(rig.ends(), [LinkError::Unasked]);
    wait_for_try(&mut rig);
    rig.connect(0);
    rig.write_all(0);
    rig.receive(0, b"and a second line\n");
    assert_eq!(rig.ends().last(), Some(&LinkError::Unasked));
}

#[test]
fn a_refused_challenge_and_an_endless_line_end_the_try() {
    let mut rig = Rig::new(config());
    rig.connect(0);
    rig.shake(0, 1);
    rig.write_all(0);
    rig.lond(0).outbox.clear();
    rig.receive(0, b"refused\n");
    let refused = HandshakeError::Refused("refused".into());
    assert_eq!(rig.ends(), [LinkError::Handshake(refused)]);
    wait_for_try(&mut rig);
    rig.connect(0);
    rig.write_all(0);
    rig.lond(0).outbox.clear();
    rig.receive(0, &vec![b'x'; 64 * 1024]);
    assert_eq!(rig.ends().len(), 1, "it may end yet");
    rig.receive(0, b"x");
    assert_eq!(rig.ends().last(), Some(&LinkError::EndlessLine(Step::Init)));
}

fn unsent(rig: &Rig) -> &[u8] {
    rig.session.unsent(LinkId(0))
}

/// A session whose first try has failed.
fn down() -> Rig {
    let mut rig = Rig::new(config());
    rig.fail(0);
    assert_eq!(rig.state(), State::Down);
    rig
}

/// The waits announced after failed tries, latest last.
fn waits(rig: &Rig) -> Vec<Duration> {
    let mut waits = vec![];
    for event in &rig.events {
        if let Event::TryFailed {
            retry_in: Some(retry_in),
            ..
        } = event
        {
            waits.push(*retry_in);
        }
    }
    waits
}

/// Lets time pass until the next try begins.
fn wait_for_try(rig: &mut Rig) {
    let next = rig.session.status().next_try.expect("backs off");
    rig.pass(next.since(rig.now));
}

#[test]
fn links_that_open_and_answer_nothing_are_tried_with_back_off_and_keep_nobody_waiting() {
    // With one request at a time none goes before lond has said who it is.
    for pipeline in [1, 64] {
        let mut rig = Rig::new(Config {
            pipeline,
            max_connections: 10,
            backoff: Bounds::new(SECOND / 10, SECOND / 2).unwrap(),
            ..config()
        });
        let clients = [(); 20].map(|()| rig.client());
        for client in clients {
            rig.say(client, "one\n");
        }
        let mut opened = open_unanswered(&mut rig);
        let mut tries = opened.len();
        for _ in 0..600 {
            rig.pass(SECOND / 50);
            // One that came beside it opens before it fails.
            let others = open_unanswered(&mut rig);
            tries += others.len();
            for link in opened {
                rig.fail(link);
            }
            opened = others;
        }
        for client in clients {
            assert_eq!(rig.got(client), ["con_lost"]);
        }
        assert!(tries < 120, "{tries} tries in 12 s");
        for link in opened {
            rig.fail(link);
        }
        rig.pass(SECOND);
        rig.open_all();
        rig.say(clients[0], "two\n");
        rig.serve_all();
        assert_eq!(rig.got(clients[0]), ["re:two"]);
        assert!(rig.session.status().refused.is_none());
    }
}

/// Takes all links that are tried through their handshakes; lond does not answer who it is.
fn open_unanswered(rig: &mut Rig) -> Vec<usize> {
    let tries = rig.wires.iter().filter(|(_, wire)| !wire.connected);
    let tries: Vec<_> = tries.map(|(link, _)| *link).collect();
    for link in &tries {
        rig.connect(*link);
        let steps = rig.lond(*link).num_steps();
        rig.shake(*link, steps);
        rig.write_all(*link);
    }
    tries
}
