//! What an operator is told: troubles of links, what clients ask, what was counted and measured.

use std::format;
use std::prelude::v1::*;

use core::time::Duration;

use super::rig::{Rig, SECOND, config};
use crate::handshake::Step;
use crate::session::{Config, LinkError, LinkId, LinkStatus, Lost, MessageId, RECENT, Reached, Stage, State};

const MILLI: Duration = Duration::from_millis(1);

#[test]
fn a_try_tells_what_it_is_at() {
    let mut rig = Rig::new(config());
    let told = |rig: &Rig| (rig.state().to_string(), link(rig).state.to_string());
    assert_eq!(told(&rig), ("connecting".into(), "looking up the name".into()));
    rig.session.handle_stage(LinkId(0), Stage::Connect, rig.now);
    assert_eq!(told(&rig).1, "connecting");
    rig.connect(0);
    // It is past that.
    rig.session.handle_stage(LinkId(0), Stage::Lookup, rig.now);
    assert_eq!(told(&rig).1, "in its handshake, asked init");
    rig.finish(0);
    assert_eq!(told(&rig), ("up".into(), "up".into()));
    assert_eq!(Lost::NeverSent.to_string(), "never sent");
}

#[test]
fn a_link_tells_how_far_it_came_and_since_when_it_fails() {
    let mut rig = Rig::new(config());
    assert_eq!((link(&rig).trouble, link(&rig).failing_since), (None, None));
    let first = rig.now;
    rig.fail(0);
    let reached = |rig: &Rig| link(rig).trouble.map(|trouble| trouble.reached);
    assert_eq!(reached(&rig), Some(Reached::Connect));
    let next = link(&rig).next_try.expect("backs off");
    rig.pass(next.since(rig.now));
    rig.connect(0);
    rig.shake(0, 2);
    rig.pass(60 * SECOND);
    assert_eq!(reached(&rig), Some(Reached::Handshake(Step::SetHost)));
    let failing = link(&rig);
    assert_eq!((failing.failing_since, failing.failed_tries), (Some(first), 2));
    assert_eq!(
        failing.trouble.unwrap().why,
        LinkError::StepTimeout(Step::SetHost)
    );
}

#[test]
fn a_link_that_is_up_again_remembers_only_its_last_trouble() {
    let mut rig = Rig::up(config());
    rig.pass(SECOND);
    let lost = rig.now;
    rig.fail(0);
    assert_eq!(
        (link(&rig).failing_since, link(&rig).failed_tries),
        (Some(lost), 0)
    );
    rig.pass(SECOND);
    rig.open_all();
    let up = link(&rig);
    assert_eq!((up.failing_since, up.failed_tries), (None, 0));
    let trouble = up.trouble.unwrap();
    assert_eq!((trouble.reached, trouble.at), (Reached::Up, lost));
}

#[test]
fn reply_times_count_from_when_a_request_is_on_a_link() {
    let mut rig = Rig::up(Config {
        pipeline: 1,
        ..config()
    });
    let client = rig.client();
    rig.say(client, "one\ntwo\n");
    for _ in 0..2 {
        rig.write_all(0);
        rig.pass(7 * MILLI);
        rig.reply(0, "ok");
    }
    let measured = rig.session.status().histograms.reply_time;
    assert_eq!((measured.count(), measured.sum()), (2, 14 * MILLI));
}

#[test]
fn a_time_out_that_is_not_due_takes_nothing_back() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "one\ntwo\n");
    rig.pass(3 * MILLI);
    rig.session.handle_timeout(rig.now);
    rig.obey();
    rig.pass(4 * MILLI);
    rig.write_all(0);
    for _ in 0..2 {
        rig.reply(0, "ok");
    }
    // They count from when they were put on the link.
    assert_eq!(rig.session.status().histograms.reply_time.sum(), 14 * MILLI);
}

#[test]
fn bytes_received_are_those_of_whole_lines() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "one\n");
    rig.write_all(0);
    let before = rig.session.status().counters.bytes_received;
    for (bytes, received) in [("re", 0), ("ply", 0), ("\n", "reply\n".len())] {
        rig.receive(0, bytes.as_bytes());
        let now = rig.session.status().counters.bytes_received;
        assert_eq!(now - before, received as u64);
    }
}

#[test]
fn a_link_tells_since_when_its_oldest_request_waits_for_a_reply() {
    let mut rig = Rig::up(config());
    assert_eq!(link(&rig).oldest, None);
    let client = rig.client();
    let mut put = Vec::new();
    for request in ["one\n", "two\n"] {
        rig.say(client, request);
        rig.write_all(0);
        put.push(rig.now);
        rig.pass(MILLI);
    }
    for oldest in [Some(put[0]), Some(put[1]), None] {
        assert_eq!(link(&rig).oldest, oldest);
        if oldest.is_some() {
            rig.reply(0, "ok");
        }
    }
}

#[test]
fn round_trips_are_those_of_handshakes_and_probes() {
    let mut rig = Rig::new(Config {
        probe_interval: SECOND,
        ..config()
    });
    rig.open_all();
    assert_eq!(rig.session.status().histograms.rtt.count(), 1);
    rig.pass(SECOND);
    rig.write_all(0);
    rig.pass(3 * MILLI);
    rig.reply(0, "msul1");
    let status = rig.session.status();
    assert_eq!(status.histograms.rtt.count(), 2);
    assert_eq!(status.histograms.rtt.sum(), 3 * MILLI);
    assert_eq!(status.histograms.reply_time.count(), 0);
}

#[test]
fn clients_are_told_apart_by_what_they_ask() {
    let mut rig = Rig::up(Config {
        pipeline: 1,
        ..config()
    });
    let (busy, idle) = (rig.client(), rig.client());
    rig.say(busy, "one\nlonger\n");
    let statuses = rig.session.client_statuses();
    let of = |id| *statuses.iter().find(|one| one.client == id).unwrap();
    let busy_now = of(busy);
    assert_eq!(
        (busy_now.requests, busy_now.queued, busy_now.in_flight),
        (2, 1, 1)
    );
    assert_eq!(of(idle).requests, 0);
    rig.serve(0);
    let statuses = rig.session.client_statuses();
    let served = *statuses.iter().find(|one| one.client == busy).unwrap();
    assert_eq!((served.requests, served.queued, served.in_flight), (2, 0, 0));
}

#[test]
fn the_rate_is_that_of_the_last_seconds() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "a\nb\n");
    rig.pass(SECOND);
    assert_eq!(rig.session.recent_requests(rig.now), 2);
    rig.pass(RECENT);
    assert_eq!(rig.session.recent_requests(rig.now), 0);
}

#[test]
fn a_message_that_waits_can_be_withdrawn() {
    let mut rig = spooling();
    for id in 1..=3 {
        rig.delay(id, &format!("m{id}"));
    }
    rig.catch_up();
    // The first is on the link.
    assert!(!rig.session.handle_withdraw(MessageId(1), rig.now));
    assert!(rig.session.handle_withdraw(MessageId(2), rig.now));
    assert!(!rig.session.handle_withdraw(MessageId(2), rig.now));
    rig.serve(0);
    rig.removed();
    rig.serve(0);
    assert_eq!(rig.seen(0), ["m1", "m3"]);
    assert_eq!(rig.through, [(MessageId(1), true), (MessageId(3), true)]);
    rig.removed();
    rig.removals_safe();
    assert_eq!(rig.state(), State::Up);
}

#[test]
fn a_message_that_breaks_the_link_can_be_withdrawn_and_clients_are_let_in() {
    let mut rig = spooling();
    let client = rig.client();
    rig.say(client, "live\n");
    rig.delay(1, "poison");
    rig.catch_up();
    rig.write_all(0);
    rig.fail(0);
    assert_eq!(rig.session.status().failing, Some((MessageId(1), 1)));
    assert!(rig.session.handle_withdraw(MessageId(1), rig.now));
    assert_eq!(rig.session.status().failing, None);
    rig.pass(2 * SECOND);
    rig.open_all();
    rig.catch_up();
    rig.serve(0);
    assert_eq!(rig.state(), State::Up);
    assert_eq!(rig.seen(0), ["live"]);
}

fn link(rig: &Rig) -> LinkStatus {
    rig.session.status().links[0].clone()
}

/// A session that sends delayed messages one by one.
fn spooling() -> Rig {
    Rig::up(Config {
        spool: true,
        pipeline: 1,
        ..config()
    })
}
