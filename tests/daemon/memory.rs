//! Memory stays bounded, and a slow client slows only itself.

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use stand_in_lond::Behaviour;
use test_harness::{Lonc, Peer, wait_until};

#[test]
fn ten_thousand_requests_of_a_client_that_reads_nothing_are_all_answered_in_the_end() {
    let peer = Peer::start();
    peer.keep_journal(false);
    let mut lonc = Lonc::start_linked(&peer, "[client]\nmax_client_bytes = '256KiB'\n");
    let mut greedy = lonc.client();
    let sender = greedy.stream().try_clone().unwrap();
    // Replies of 1000 bytes, ten MB in all.
    let sending = thread::spawn(move || {
        for number in 0..10_000 {
            let line = format!("echo:{number}-{}\n", "x".repeat(1000));
            (&sender).write_all(line.as_bytes()).unwrap();
        }
    });
    for round in 0..200 {
        let word = format!("other {round}");
        assert_eq!(lonc.client().ask(&format!("encrypt:echo:{word}")), word);
    }
    let peak = lonc.peak_memory();
    assert!(peak < 48, "{peak} MiB");
    let tail = "x".repeat(1000);
    for number in 0..10_000 {
        assert_eq!(greedy.hear(), format!("{number}-{tail}"));
    }
    sending.join().unwrap();
    greedy.assert_nothing();
    assert_eq!(greedy.ask("ping"), "msul1");
    lonc.assert_alive();
    let peak = lonc.peak_memory();
    assert!(peak < 48, "{peak} MiB");
}

#[test]
fn ten_thousand_small_requests_in_one_go_are_answered_in_order() {
    let peer = Peer::start();
    peer.keep_journal(false);
    let lonc = Lonc::start_linked(&peer, "");
    let mut greedy = lonc.client();
    let sender = greedy.stream().try_clone().unwrap();
    let sending = thread::spawn(move || {
        let lines: Vec<_> = (0..10_000).map(|number| format!("echo:{number}\n")).collect();
        (&sender).write_all(lines.concat().as_bytes()).unwrap();
    });
    for round in 0..100 {
        assert_eq!(
            lonc.client().ask(&format!("echo:other {round}")),
            format!("other {round}")
        );
    }
    for number in 0..10_000 {
        assert_eq!(greedy.hear(), number.to_string());
    }
    sending.join().unwrap();
}

#[test]
fn a_slow_reader_of_big_replies_is_not_served_ahead() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(
        &peer,
        "[link]\npipeline = 4\n[client]\nmax_client_bytes = '1MiB'\n",
    );
    let mut slow = lonc.client();
    // A hundred MB of replies.
    slow.send("big:1000000\n".repeat(100));
    wait_until("the first replies", || peer.count("big:1000000") > 2);
    let mut other = lonc.client();
    for round in 0..50 {
        assert_eq!(other.ask(&format!("echo:{round}")), round.to_string());
    }
    let served = peer.count("big:1000000");
    assert!(
        served < 20,
        "{served} requests of a client that reads nothing were sent"
    );
    for _ in 0..100 {
        assert_eq!(slow.answer().len(), 1_000_000);
    }
    let peak = lonc.peak_memory();
    assert!(peak < 64, "{peak} MiB");
    assert_eq!(other.ask("ping"), "msul1");
}

#[test]
fn slow_readers_of_big_encrypted_replies_stay_within_bounds_too() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(
        &peer,
        "[link]\npipeline = 4\n[client]\nmax_client_bytes = '512KiB'\n",
    );
    let mut slow: Vec<_> = (0..4).map(|_| lonc.client()).collect();
    for client in &mut slow {
        client.send("encbig:200000\n".repeat(10));
    }
    wait_until("the first replies", || peer.count("encbig:200000") > 8);
    assert_eq!(lonc.client().ask("echo:1"), "1");
    for client in &mut slow {
        for _ in 0..10 {
            assert_eq!(client.answer().len(), 200_000);
        }
    }
    let peak = lonc.peak_memory();
    assert!(peak < 48, "{peak} MiB");
}

#[test]
fn large_lines_of_many_clients_complete_although_all_together_are_too_much() {
    let peer = Peer::start();
    peer.keep_journal(false);
    let lonc = Lonc::start_linked(
        &peer,
        "[client]\nmax_request_bytes = '4MiB'\nmax_client_bytes = '256KiB'\nmax_queued_bytes = '512KiB'\n",
    );
    let mut clients: Vec<_> = (0..6).map(|_| lonc.client()).collect();
    let line = format!("len:{}\n", "x".repeat(3 << 20));
    // Little enough for the kernel to take it whether lonc reads or not.
    let (begun, rest) = line.split_at(128 << 10);
    for client in &mut clients {
        client.send(begun);
    }
    thread::scope(|scope| {
        for mut client in clients {
            let line = &line;
            scope.spawn(move || {
                client.send(rest);
                assert_eq!(client.hear(), (line.len() - 1).to_string());
            });
        }
        // The small request of another is served meanwhile.
        for round in 0..20 {
            assert_eq!(lonc.client().ask(&format!("echo:{round}")), round.to_string());
            thread::sleep(Duration::from_millis(10));
        }
    });
    let peak = lonc.peak_memory();
    assert!(peak < 48, "{peak} MiB");
}

#[test]
fn small_requests_that_come_one_by_one_cost_what_they_are() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    peer.behave(Behaviour::NeverReply);
    let mut clients: Vec<_> = (0..50).map(|_| lonc.client()).collect();
    let mut last = lonc.client();
    for round in 0..1000 {
        for client in &mut clients {
            client.say(format!("n:{round}"));
        }
        // Whoever comes last is heard after all of them, so each line is read on its own.
        assert_eq!(last.ask(""), "unknown_cmd");
    }
    let peak = lonc.peak_memory();
    assert!(peak < 48, "{peak} MiB");
}

#[test]
fn a_client_that_has_taken_a_big_answer_costs_nothing_more() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let mut clients: Vec<_> = (0..20).map(|_| lonc.client()).collect();
    for client in &mut clients {
        client.say("big:8000000");
        assert_eq!(client.answer().len(), 8_000_000);
    }
    let peak = lonc.peak_memory();
    assert!(peak < 96, "{peak} MiB");
}

#[test]
fn answers_nobody_takes_do_not_grow_beyond_what_all_may_have() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(
        &peer,
        "[link]\npipeline = 4\n[client]\nmax_client_bytes = '1MiB'\nmax_queued_bytes = '4MiB'\n",
    );
    let mut slow: Vec<_> = (0..8).map(|_| lonc.client()).collect();
    for client in &mut slow {
        client.send("big:2000000\n".repeat(20));
    }
    let mut other = lonc.client();
    for round in 0..50 {
        assert_eq!(other.ask(&format!("echo:{round}")), round.to_string());
    }
    let peak = lonc.peak_memory();
    assert!(peak < 96, "{peak} MiB");
    for client in &mut slow {
        for _ in 0..20 {
            assert_eq!(client.answer().len(), 2_000_000);
        }
    }
}

#[test]
fn a_client_that_stops_within_a_large_line_does_not_keep_others_from_theirs() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(
        &peer,
        "[client]\nmax_client_bytes = '512KiB'\nmax_queued_bytes = '512KiB'\n",
    );
    let mut stalled = lonc.client();
    stalled.send("x".repeat(700_000));
    let command = format!("len:{}", "x".repeat(1_000_000));
    assert_eq!(lonc.client().ask(&command), command.len().to_string());
    stalled.say("");
    assert_eq!(stalled.hear(), "unknown_cmd");
}
