//! Who gets a place when all are taken.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use test_harness::programs::{Running, installed};
use test_harness::{Client, Lonc, Peer, another_user, wait_until};

/// More than it takes to find a place or to be told that there is none, and less than a wait that nothing ends.
const SOON: Duration = Duration::from_secs(30);
/// One fewer than may wait for a place: none of them has to make room for the next who comes.
const WAVE: usize = 31;

#[test]
fn those_who_ask_nothing_make_room_for_those_who_do() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "[client]\nmax_clients = 20\n");
    let idle: Vec<_> = (0..60).map(|_| lonc.client()).collect();
    for number in 0..10 {
        let begun = Instant::now();
        assert_eq!(lonc.client().ask(&format!("echo:{number}")), number.to_string());
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    }
    drop(idle);
}

#[test]
fn many_who_come_at_once_all_find_a_place() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "[client]\nmax_clients = 100\n");
    let idle: Vec<_> = (0..100).map(|_| lonc.client()).collect();
    sleep(Duration::from_secs(2));
    // They stay, and so do not leave their places to those who come after them.
    let mut there = Vec::new();
    for wave in 0..10 {
        let come = || {
            let socket = lonc.site.socket();
            spawn(move || {
                let mut client = Client::connect(&socket);
                let word = wave.to_string();
                assert_eq!(client.ask(&format!("echo:{word}")), word);
                client
            })
        };
        let workers: Vec<_> = (0..WAVE).map(|_| come()).collect();
        there.extend(workers.into_iter().map(|worker| worker.join().unwrap()));
    }
    drop((idle, there));
    assert!(!lonc.log().contains("had no place in time"), "{}", lonc.log());
}

#[test]
fn one_that_begins_a_request_and_does_not_end_it_is_no_better() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "[client]\nmax_clients = 20\n");
    let mut idle: Vec<_> = (0..20).map(|_| lonc.client()).collect();
    for client in &mut idle {
        client.send("e");
    }
    assert_eq!(lonc.client().ask("echo:1"), "1");
}

#[test]
fn who_is_owed_an_answer_keeps_its_place_and_who_finds_none_is_told_so() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(
        &peer,
        "[client]\nmax_clients = 4\n[link]\nconnect_wait = '2s'\nmax_connections = 10\n",
    );
    let mut busy = hold_all_four(&peer, &lonc);
    let mut late = lonc.client();
    late.send("echo:1\ncritical:echo:2\n");
    let mut next = lonc.client();
    let begun = Instant::now();
    next.say("echo:3");
    assert_eq!(late.rest(), b"con_lost\ncon_failed\n");
    assert_eq!(next.hear(), "con_lost");
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    peer.release();
    for client in &mut busy {
        assert_eq!(client.hear(), "1");
    }
    assert_eq!(
        peer.count("echo:1") + peer.count("echo:2") + peer.count("echo:3"),
        0
    );
}

#[test]
fn a_crowd_that_waits_is_answered_one_and_all() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(
        &peer,
        "[client]\nmax_clients = 4\n[link]\nconnect_wait = '3s'\nmax_connections = 10\n",
    );
    let busy = hold_all_four(&peer, &lonc);
    // Each asks at once: who has nothing to ask is not waited for.
    let come = |_| {
        let mut client = lonc.client();
        client.say("echo:x");
        client
    };
    let mut crowd: Vec<_> = (0..200).map(come).collect();
    for client in &mut crowd {
        assert_eq!(client.hear(), "con_lost");
    }
    peer.release();
    drop(busy);
    assert_eq!(lonc.client().ask("echo:after"), "after");
}

#[test]
fn one_that_asks_while_it_is_asked_to_leave_is_answered() {
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "[client]\nmax_clients = 8\n");
    for _ in 0..3 {
        let mut idle: Vec<_> = (0..8).map(|_| lonc.client()).collect();
        for client in &mut idle {
            assert_eq!(client.ask("echo:1"), "1");
        }
        sleep(Duration::from_millis(990));
        let coming: Vec<_> = (0..8).map(|_| lonc.client()).collect();
        for (number, mut client) in idle.into_iter().enumerate() {
            sleep(Duration::from_millis(number as u64 * 5));
            // What was taken is answered; where it was not, the client is told that by its write.
            let taken = client.stream().write_all(b"echo:2\n").is_ok();
            let rest = if taken {
                // It may have ended by now.
                let _ = client.stream().write_all(b"echo:3\n");
                client.hear()
            } else {
                "2".to_owned()
            };
            assert_eq!(rest, "2", "of client {number}");
        }
        drop(coming);
    }
}

#[test]
fn a_few_places_are_for_root_and_the_service_alone() {
    let Some(perl) = installed("perl").filter(|_| another_user::is_possible()) else {
        return;
    };
    let peer = Peer::start();
    let lonc = Lonc::start(&peer, "[client]\nmax_clients = 20\n[link]\nconnect_wait = '1h'\n");
    std::fs::set_permissions(
        lonc.site.socket(),
        std::os::unix::fs::PermissionsExt::from_mode(0o666),
    )
    .unwrap();
    let crowd = Crowd::of(100, &perl, &lonc);
    peer.await_command("hold:1");
    let mut mine: Vec<_> = (0..4).map(|_| lonc.client()).collect();
    for client in &mut mine {
        let begun = Instant::now();
        // This it answers itself: lond is busy with theirs.
        assert_eq!(client.ask(""), "unknown_cmd");
        assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    }
    drop(crowd);
}

/// Four clients, each of which waits for an answer.
fn hold_all_four(peer: &Peer, lonc: &Lonc) -> Vec<Client> {
    let mut busy: Vec<_> = (0..4).map(|_| lonc.client()).collect();
    for client in &mut busy {
        client.say("hold:1");
    }
    wait_until("all four", || peer.count("hold:1") == 4);
    busy
}

/// So many clients of another user, each of which waits for an answer.
struct Crowd(#[expect(dead_code, reason = "it ends with this")] Running);

impl Crowd {
    fn of(count: usize, perl: &std::path::Path, lonc: &Lonc) -> Self {
        let mut command = another_user::command(perl);
        let script = "use IO::Socket::UNIX; my @all; for (1 .. $ARGV[1]) { \
                      my $one = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die $!; $one->print(\"hold:1\\n\"); \
                      $one->flush; push @all, $one } $| = 1; print \"there\\n\"; sleep 600";
        command
            .args(["-e", script])
            .arg(lonc.site.socket())
            .arg(count.to_string());
        let mut running = Running::start(command.stdout(Stdio::piped()));
        let mut line = String::new();
        BufReader::new(running.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert_eq!(line, "there\n");
        Self(running)
    }
}
