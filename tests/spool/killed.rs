//! lonc is killed at any moment, again and again.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::thread::sleep;
use std::time::Duration;

use fastrand::Rng;
use stand_in_lond::Behaviour;
use test_harness::spool::{await_messages, check_received, received};
use test_harness::{Peer, QUICK, Site, wait_until};

const PIPELINE: usize = 16;

#[test]
fn three_thousand_messages_survive_kills_at_random_moments() {
    let seed = 20_021;
    let mut rng = Rng::with_seed(seed);
    let peer = Peer::start();
    let site = Site::office(&peer, &format!("{QUICK}pipeline = {PIPELINE}\n"));
    let count = 3000;
    site.put_words(count);
    let mut kills = 0;
    while !site.left().is_empty() {
        // At times lond is the slower one, at times the disk.
        let slow = Behaviour::LateReply(Duration::from_millis(1));
        peer.behave(if rng.bool() { slow } else { Behaviour::Normal });
        let lonc = site.clone().launch();
        if rng.u8(..) < 40 {
            sleep(Duration::from_millis(rng.u64(0..60)));
        } else {
            let more = received(&peer).len() + rng.usize(1..100);
            wait_until("more messages", || {
                received(&peer).len() >= more || site.left().is_empty()
            });
        }
        lonc.slay();
        kills += 1;
    }
    let duplicates = check_received(&peer, count);
    eprintln!("{kills} kills, {duplicates} duplicates");
    assert!(duplicates <= kills * PIPELINE, "{duplicates} for {kills} kills");
    let sent = site.logged('S');
    assert!(
        sent.len() + kills >= count && sent.len() <= count,
        "{}",
        sent.len()
    );
    assert!(site.failed().is_empty());
}

#[test]
fn what_was_said_to_be_delayed_survives_kills_at_random_moments() {
    let mut rng = Rng::with_seed(7);
    let peer = Peer::dead();
    let site = Site::office(&peer, QUICK);
    let (mut asked, mut told) = (0, HashSet::new());
    for _ in 0..25 {
        let lonc = site.clone().start();
        lonc.client().await_down();
        let mut stream = UnixStream::connect(site.socket()).unwrap();
        let first = asked;
        asked += rng.usize(1..200);
        let lines: Vec<_> = (first..asked)
            .map(|at| format!("critical:echo:m{at}\n"))
            .collect();
        stream.write_all(lines.concat().as_bytes()).unwrap();
        let mut answers = BufReader::new(stream).lines().map_while(Result::ok);
        let before = rng.usize(..=asked - first);
        let mut heard: Vec<_> = answers.by_ref().take(before).collect();
        sleep(Duration::from_micros(rng.u64(..2000)));
        lonc.slay();
        // What it had said before it died is still there to be read.
        heard.extend(answers);
        let words = ["con_delayed", "con_failed"];
        assert!(heard.iter().all(|line| words.contains(&&**line)), "{heard:?}");
        // On a busy disk one may not be there in time, and is not promised.
        let promised = |(at, line): (_, &String)| (line == "con_delayed").then_some(first + at);
        told.extend(heard.iter().enumerate().filter_map(promised));
    }
    peer.revive();
    let lonc = site.start();
    lonc.site.await_empty();
    let came = received(&peer);
    let numbers: HashSet<_> = came.iter().map(|(_, number)| *number).collect();
    assert_eq!(came.len(), numbers.len(), "some came twice");
    assert!(came.is_sorted(), "{came:?}");
    let lost: Vec<_> = told.difference(&numbers).collect();
    assert!(lost.is_empty(), "{lost:?} of {} are lost", told.len());
    assert!(!told.is_empty());
    assert!(numbers.iter().all(|number| *number < asked));
    eprintln!("{asked} asked, {} promised, {} came", told.len(), came.len());
    await_messages(&peer, told.len());
    assert!(lonc.site.failed().is_empty());
}
