//! What memory is kept for whom, to the byte.

use std::format;
use std::prelude::v1::*;

use bytes::Bytes;

use super::delayed::clear;
use super::lond::{Fault, Style};
use super::rig::{Rig, config};
use crate::buffer::Buffer;
use crate::line::Lines;
use crate::session::{Answers, Event, LinkId, MessageId, PER_REQUEST, Stored};

#[test]
fn answers_that_wait_for_the_disk_count_until_they_are_handed_out() {
    let mut rig = clear(8);
    let client = rig.client();
    rig.say(client, "critical:a\nb\nencrypt:c\n\n");
    rig.write_all(0);
    // It is to be stored, and those behind it wait for that.
    rig.lond(0).answer(b"", Style::Malformed(Fault::NotHex));
    rig.deliver(0, usize::MAX);
    let mut expected = 0;
    assert_eq!(rig.session.weight(), expected);
    for (words, style) in [("B", Style::Plain), ("a large one indeed", Style::Encrypted)] {
        rig.lond(0).answer(words.as_bytes(), style);
        rig.deliver(0, 10);
        rig.deliver(0, usize::MAX);
        expected += words.len();
        if words == "B" {
            assert_eq!(rig.session.weight(), expected);
        }
    }
    // With nothing in flight lonc has answered the last itself.
    expected += "unknown_cmd".len();
    assert_eq!(rig.session.weight(), expected);
    rig.store(Stored::Safe);
    assert_eq!(rig.got(client).len(), 4);
    assert_eq!(rig.session.weight(), 0);
}

#[test]
fn answers_that_nobody_takes_any_more_count_no_longer() {
    let mut rig = clear(8);
    let client = rig.client();
    let lines = "critical:a\nb\n";
    rig.say(client, lines);
    rig.write_all(0);
    rig.lond(0).answer(b"", Style::Malformed(Fault::NotHex));
    rig.reply(0, "B");
    assert_eq!(rig.session.weight(), 1);
    rig.leave(client);
    assert_eq!(rig.session.weight(), lines.len());
    rig.store(Stored::Safe);
    assert_eq!(rig.session.weight(), 0);
}

#[test]
fn what_has_come_of_a_reply_that_nobody_wants_is_not_kept() {
    for (is_old, begun) in [(false, "half a re"), (true, "half a re"), (true, "o")] {
        let mut rig = Rig::new(config());
        rig.is_old = is_old;
        rig.open(0);
        let (gone, stays) = (rig.client(), rig.client());
        rig.say(gone, "sethost:msul1b:a\n");
        rig.write_all(0);
        rig.leave(gone);
        if is_old && begun != "o" {
            rig.reply(0, "ok");
        }
        rig.receive(0, begun.as_bytes());
        // What lond says of the other id is lonc's own business.
        assert_eq!(rig.num_unread(0), usize::from(begun == "o"));
        if begun == "o" {
            rig.receive(0, b"k\nhalf a re");
            rig.lond(0).waiting.pop_front();
        }
        rig.receive(0, b"ply\n");
        rig.lond(0).waiting.pop_front();
        rig.say(stays, "b\n");
        rig.serve(0);
        assert_eq!(rig.got(stays), ["re:b"]);
        let notes = rig.events.iter();
        let notes = notes.filter(|event| matches!(event, Event::HandshakeNote(_)));
        assert_eq!(notes.count(), 0);
    }
}

#[test]
fn requests_of_one_who_left_count_until_they_are_done() {
    let mut rig = clear(1);
    let client = rig.client();
    let lines = "critical:a\ncritical:b\nplain\n";
    rig.say(client, lines);
    rig.write_all(0);
    assert_eq!((rig.session.weight(), rig.session.num_departed()), (0, 0));
    rig.leave(client);
    // What is dropped shares its memory with the others.
    let mut bytes = lines.len();
    for left in [2, 1] {
        assert_eq!(rig.session.weight(), bytes + left * PER_REQUEST);
        assert_eq!((rig.session.num_clients(), rig.session.num_departed()), (0, 1));
        assert!(rig.session.has_critical_waiting() && !rig.session.is_at_rest());
        rig.reply(0, "ok");
        rig.write_all(0);
        bytes -= "critical:a\n".len();
    }
    assert_eq!((rig.session.weight(), rig.session.num_departed()), (0, 0));
    assert!(!rig.session.has_critical_waiting() && rig.session.is_at_rest());
}

#[test]
fn messages_count_until_they_are_reported_or_taken_back() {
    let mut rig = clear(1);
    let lines = ["encrypt:m1\n", "message 2\n", "m3\n"];
    for (id, line) in (1..).zip(lines) {
        rig.delay(id, line.trim_end());
    }
    let check = |rig: &Rig, left: &[&str]| {
        let bytes = left.iter().map(|line| line.len() + PER_REQUEST).sum();
        let session = &rig.session;
        assert_eq!(
            (session.num_messages(), session.message_bytes()),
            (left.len(), bytes)
        );
        assert_eq!(session.weight(), bytes);
        assert_eq!(session.is_at_rest(), left.is_empty());
    };
    check(&rig, &lines);
    rig.serve(0);
    check(&rig, &lines[1..]);
    assert!(rig.session.handle_withdraw(MessageId(2), rig.now));
    check(&rig, &lines[2..]);
    rig.removed();
    // It is set aside at last.
    for _ in 0..3 {
        rig.write_all(0);
        rig.reply(0, "");
    }
    rig.removals_safe();
    check(&rig, &[]);
}

#[test]
fn a_request_that_is_written_and_is_not_to_be_sent_again_holds_no_memory() {
    for (prefix, is_let_go) in [("", true), ("sethost:msul1b:", true), ("critical:", false)] {
        let mut rig = Rig::up(config());
        let client = rig.client();
        let lines = [1, 2].map(|number| Bytes::from(format!("{prefix}body {number}\n")));
        for bytes in lines.clone() {
            let lines = Lines { bytes, count: 1 };
            rig.session.handle_lines(client, lines, rig.now);
            rig.obey();
        }
        let unsent = rig.session.unsent(LinkId(0)).len();
        let are_free = || [lines[0].is_unique(), lines[1].is_unique()];
        for (to_be_written, free) in [
            (unsent / 2 - 1, [false, false]),
            (1, [is_let_go, false]),
            (unsent / 2 - 1, [is_let_go, false]),
            (1, [is_let_go, is_let_go]),
        ] {
            rig.write(0, to_be_written);
            assert_eq!(are_free(), free, "{prefix}");
        }
        rig.serve(0);
        assert_eq!(are_free(), [true, true]);
        assert_eq!(rig.got(client).len(), 2);
    }
}

#[test]
fn memory_is_given_back_request_by_request_however_many_there_were_before() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    for _ in 0..3 {
        let line = Bytes::from(b"body\n".to_vec());
        let lines = Lines {
            bytes: line.clone(),
            count: 1,
        };
        rig.session.handle_lines(client, lines, rig.now);
        rig.obey();
        rig.write_all(0);
        assert!(line.is_unique());
        rig.reply(0, "ok");
    }
}

#[test]
fn a_log_shows_how_much_is_answered_and_nothing_of_it() {
    let answers = Answers {
        bytes: Buffer::copy_of(b"one\nsecret\n"),
        count: 2,
        retired: 10,
    };
    assert_eq!(format!("{answers:?}"), "2 answers of 11 bytes");
}

#[test]
fn what_has_come_of_an_encrypted_reply_counts_until_it_is_whole() {
    let mut rig = Rig::up(config());
    let client = rig.client();
    rig.say(client, "encrypt:a\n");
    rig.write_all(0);
    rig.lond(0).answer(&[b'x'; 20], Style::Encrypted);
    rig.deliver(0, "enc:20:".len() + 2 * 16);
    assert_eq!(rig.session.decrypted(LinkId(0)), 16);
    rig.deliver(0, usize::MAX);
    assert_eq!(rig.session.decrypted(LinkId(0)), 0);
    assert_eq!(rig.got(client), ["x".repeat(20)]);
}
