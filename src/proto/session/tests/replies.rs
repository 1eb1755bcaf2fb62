//! What lond says, and in which state it may.

use std::format;
use std::prelude::v1::*;

use super::lond::{Fault, Style, is_change};
use super::rig::{Rig, SECOND, config};
use crate::session::{Config, Event, LinkError, LinkId, State, Stored};

#[test]
fn replies_go_to_whoever_asked_however_they_are_cut() {
    let mut rig = Rig::up(config());
    let (one, two) = (rig.client(), rig.client());
    // Until lond has shown its pace nothing is put behind others' requests.
    rig.say(one, "0\n");
    rig.serve(0);
    rig.got(one);
    rig.say(one, "a\nencrypt:b\n");
    rig.say(two, "c\n");
    rig.write_all(0);
    for (words, style) in [
        ("A", Style::Plain),
        ("B", Style::Encrypted),
        ("C", Style::Encrypted),
    ] {
        let command = rig.lond(0).answer(words.as_bytes(), style);
        assert_eq!(command.to_ascii_uppercase(), words.as_bytes());
    }
    while !rig.lond(0).outbox.is_empty() {
        rig.deliver(0, 1);
    }
    assert_eq!(rig.got(one), ["A", "B"]);
    assert_eq!(rig.got(two), ["C"]);
}

#[test]
fn large_replies_keep_their_place_among_small_ones() {
    let mut rig = Rig::up(Config {
        spool: true,
        ..config()
    });
    rig.catch_up();
    let client = rig.client();
    rig.say(client, "critical:a\nb\nc\nd\n");
    rig.write_all(0);
    let large = |letter: &str| letter.repeat(1000);
    // The first is to be stored, and those behind it wait for that.
    rig.lond(0).answer(b"", Style::Malformed(Fault::NotHex));
    rig.lond(0).answer(b"B", Style::Plain);
    rig.lond(0).answer(large("C").as_bytes(), Style::Plain);
    rig.lond(0).answer(large("D").as_bytes(), Style::Encrypted);
    rig.deliver(0, usize::MAX);
    assert_eq!(rig.got(client), Vec::<String>::new());
    rig.store(Stored::Safe);
    assert_eq!(
        rig.got(client),
        ["con_delayed".into(), "B".into(), large("C"), large("D")]
    );

    rig.say(client, "a\nb\nc\n");
    rig.write_all(0);
    for words in ["A".to_owned(), large("B"), "C".to_owned()] {
        rig.lond(0).answer(words.as_bytes(), Style::Plain);
    }
    rig.deliver(0, usize::MAX);
    assert_eq!(rig.got(client), ["A".into(), large("B"), "C".into()]);
}

#[test]
fn a_malformed_reply_costs_its_own_request_only() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "encrypt:a\ncritical:encrypt:b\nc\n");
    rig.write_all(0);
    rig.lond(0).answer(b"", Style::Malformed(Fault::NotHex));
    rig.lond(0).answer(b"", Style::Malformed(Fault::Newline));
    rig.reply(0, "C");
    assert_eq!(rig.got(client), ["con_lost", "con_failed", "C"]);
    assert_eq!(rig.session.status().counters.malformed, 2);
    assert_eq!(rig.state(), State::Up);
}

#[test]
fn a_reply_before_its_request_is_wholly_written_is_a_fault() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "one\n");
    rig.write(0, 3);
    rig.receive(0, b"hasty\n");
    assert_eq!(rig.ends(), [LinkError::Unasked]);
    assert_eq!(rig.got(client), ["con_lost"]);
}

#[test]
fn unasked_bytes_are_a_fault() {
    let mut rig = Rig::up(config());
    rig.receive(0, b"\n");
    assert_eq!(rig.ends(), [LinkError::Unasked]);

    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "one\n");
    rig.write_all(0);
    rig.receive(0, b"1\nand more");
    assert_eq!(rig.ends(), [LinkError::Unasked]);
    assert_eq!(rig.got(client), ["1"]);
}

#[test]
fn a_reply_may_be_as_long_as_allowed_and_no_longer() {
    let mut rig = Rig::up(Config {
        max_reply_bytes: 100,
        ..config()
    });
    let client = rig.client();
    rig.say(client, "one\ntwo\n");
    rig.write_all(0);
    rig.reply(0, &"x".repeat(100));
    assert_eq!(rig.got(client), ["x".repeat(100)]);
    // It need not be complete to be too long.
    rig.receive(0, &[b'x'; 101]);
    assert_eq!(rig.ends(), [LinkError::ReplyTooLong]);
    assert_eq!(rig.got(client), ["con_lost"]);
}

#[test]
fn lock_step_sends_one_request_at_a_time() {
    let mut rig = Rig::up(Config {
        pipeline: 1,
        ..config()
    });
    let (one, two) = (rig.client(), rig.client());
    rig.say(one, "a\nb\nc\n");
    rig.say(two, "d\n");
    for expected in ["a", "b", "d", "c"] {
        rig.write_all(0);
        assert_eq!(rig.lond(0).waiting, [expected.as_bytes().to_vec()]);
        assert_eq!(rig.session.status().in_flight, 1);
        rig.reply(0, expected);
    }
    assert_eq!(rig.got(one), ["a", "b", "c"]);
    assert_eq!(rig.got(two), ["d"]);
}

#[test]
fn a_large_encrypted_request_is_encoded_in_slices() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    let body = "0123456789abcdef".repeat(65_536);
    rig.say(client, &format!("encrypt:{body}\nafter\n"));
    while !rig.session.unsent(LinkId(0)).is_empty() {
        assert!(rig.session.unsent(LinkId(0)).len() < 100_000);
        rig.write(0, 10_007);
    }
    assert_eq!(rig.seen(0), [body, "after".into()]);
    rig.reply(0, "stored");
    rig.reply(0, "done");
    assert_eq!(rig.got(client), ["stored", "done"]);
}

#[test]
fn a_large_request_lost_half_way_is_not_sent_again_but_the_one_after_it_is() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, &format!("encrypt:{}\nafter\n", "x".repeat(200_000)));
    rig.write(0, 100_000);
    rig.fail(0);
    assert_eq!(rig.got(client), ["con_lost"]);
    rig.pass(SECOND);
    rig.open(0);
    rig.serve(0);
    assert_eq!(rig.got(client), ["re:after"]);
}

#[test]
fn what_lond_says_unexpectedly_in_the_middle_steps_is_noted() {
    let mut rig = Rig::new(config());
    rig.connect(0);
    rig.shake(0, 2);
    rig.write_all(0);
    rig.lond(0).outbox.clear();
    rig.receive(0, b"unknown_cmd\n");
    rig.shake(0, 3);
    assert_eq!(rig.state(), State::Up);
    let notes = rig.events.iter();
    let notes = notes.filter(|event| matches!(event, Event::HandshakeNote(_)));
    assert_eq!(notes.count(), 1);
}

#[test]
fn small_replies_are_handed_out_together_and_each_large_one_as_it_is() {
    // What is large is less in these tests.
    for (len, times) in [(11, 1), (12, 2), (13, 2)] {
        let mut rig = Rig::up(config());
        let client = rig.client();
        rig.say(client, "a\nb\n");
        rig.write_all(0);
        for _ in 0..2 {
            rig.lond(0).answer(&[b'x'].repeat(len), Style::Plain);
        }
        let before = rig.handed_out;
        rig.deliver(0, usize::MAX);
        assert_eq!(rig.handed_out - before, times, "{len} bytes");
    }
}

#[test]
fn no_more_is_put_on_a_link_than_is_written_soon() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    let most = 64 * 1024;
    rig.say(client, &["x".repeat(most - 1).as_str(), "\nnext\n"].concat());
    assert_eq!(rig.session.unsent(LinkId(0)).len(), most);
    rig.write(0, 1);
    assert_eq!(rig.session.unsent(LinkId(0)).len(), most);
    rig.serve(0);
    assert_eq!(rig.got(client).len(), 2);
}

#[test]
fn after_a_request_for_another_id_the_next_says_the_peers_own_and_those_behind_it_none() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "sethost:msul1b:a\nb\nc\n");
    let unsent = rig.session.unsent(LinkId(0));
    assert_eq!(unsent, b"sethost:msul1b:a\nsethost:msul1:b\nc\n");
}

#[test]
fn a_lond_of_old_is_told_of_each_other_id_before_the_request_that_is_for_it() {
    let mut rig = Rig::new(config());
    rig.is_old = true;
    rig.open(0);
    let client = rig.client();
    rig.say(client, "sethost:msul1b:a\nsethost:msul1c:b\nsethost:msul1b:c\n");
    rig.serve(0);
    let commands = rig.wires[&0].lond.seen.iter().zip(&rig.wires[&0].lond.seen_by);
    let commands = commands.filter(|(command, _)| !is_change(command));
    let by: Vec<_> = commands.map(|(_, by)| by.as_str()).collect();
    assert_eq!(by, ["msul1b", "msul1c", "msul1b"]);
    assert_eq!(rig.got(client), ["re:a", "re:b", "re:c"]);
}

#[test]
fn an_answer_to_the_other_id_before_lond_was_told_all_of_it_is_a_fault() {
    let mut rig = Rig::new(config());
    rig.is_old = true;
    rig.open(0);
    let client = rig.client();
    rig.say(client, "sethost:msul1b:a\n");
    rig.write(0, "sethost:msul1b".len());
    rig.receive(0, b"ok\n");
    assert_eq!(rig.ends(), [LinkError::Unasked]);
}
