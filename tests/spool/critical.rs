//! `critical:` in every state of the link.

use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use stand_in_lond::{Behaviour, Step};
use test_harness::spool::{await_messages, check_received, received, word};
use test_harness::{Lonc, Peer, QUICK, Site, Stop, wait_until};

#[test]
fn while_the_link_is_up_the_reply_comes() {
    let peer = Peer::start();
    let lonc = linked(&peer, "");
    let mut client = lonc.client();
    assert_eq!(client.ask("critical:echo:m0"), "m0");
    assert_eq!(client.ask("critical:encrypt:echo:m1"), "m1");
    assert_eq!(client.ask("critical:echo:"), "");
    assert_eq!(client.ask("critical:"), "unknown_cmd");
    assert_eq!(check_received(&peer, 2), 0);
    assert!(lonc.site.left().is_empty());
    assert!(!lonc.site.path("perm.log").exists());
}

#[test]
fn while_the_peer_is_down_it_is_delayed_at_once() {
    let peer = Peer::dead();
    let lonc = Site::office(&peer, "[link]\nbackoff_min = '50s'\nconnect_wait = '50s'\n").start();
    let mut client = lonc.client();
    client.await_down();
    let asked = Instant::now();
    assert_eq!(client.ask("critical:echo:m0"), "con_delayed");
    assert_eq!(client.ask("critical:encrypt:echo:m1"), "con_delayed");
    assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
    let left = lonc.site.left();
    assert_eq!(left.len(), 2);
    assert!(
        left[0].ends_with(".echo.msul1") && left[1].ends_with(".encrypt.msul1"),
        "{left:?}"
    );
    let content = std::fs::read(lonc.site.spool(&left[1])).unwrap();
    assert_eq!(content, b"encrypt:echo:m1\n");
    let mode = std::fs::metadata(lonc.site.spool(&left[0])).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(lonc.site.logged('D'), ["echo:m0", "encrypt:7"]);
    peer.revive();
    lonc.signal(Signal::SIGUSR1);
    lonc.site.await_empty();
    assert_eq!(check_received(&peer, 2), 0);
    wait_until("the log", || lonc.site.logged('S').len() == 2);
    assert_eq!(lonc.site.logged('S'), lonc.site.logged('D'));
    assert!(lonc.site.logged('F').is_empty());
    // Told once, logged once: nothing of the secret one.
    let log = std::fs::read_to_string(lonc.site.path("perm.log")).unwrap();
    assert!(!log.contains("m1"), "{log}");
}

#[test]
fn while_connecting_it_waits_for_the_link_or_is_delayed() {
    let peer = Peer::that(Behaviour::StallAt(Step::Pong));
    let link = "pong = true\nconnect_wait = '500ms'\nhandshake_timeout = '20s'\n";
    let lonc = Site::office(&peer, &format!("{QUICK}{link}")).start();
    assert_eq!(lonc.client().ask("critical:echo:m0"), "con_delayed");
    peer.behave(Behaviour::Normal);
    peer.drop_links();
    lonc.site.await_empty();
    assert_eq!(check_received(&peer, 1), 0);
    // Lost just now, and soon there again.
    let mut client = lonc.client();
    wait_until("up", || client.ask("echo:x") == "x");
    peer.drop_links();
    let heard = client.ask("critical:echo:m1");
    assert!(heard == "m1" || heard == "con_delayed", "{heard}");
    lonc.site.await_empty();
    check_received(&peer, 2);
}

#[test]
fn lost_or_timed_out_in_flight_it_is_delayed_and_answers_stay_in_order() {
    let peer = Peer::start();
    let lonc = linked(&peer, "request_timeout = '4s'\n");
    let mut client = lonc.client();
    for round in 0..4 {
        lonc.await_spool();
        let timed_out = round % 2 == 1;
        let number = 2 * round;
        // So that lonc knows that lond is fast, and puts all that follows on the link at once.
        client.send("echo:fast\n".repeat(400));
        for _ in 0..400 {
            assert_eq!(client.hear(), "fast");
        }
        client.send(format!(
            "echo:a\nhold:b\ncritical:echo:m{number}\necho:c\ncritical:encrypt:echo:m{}\nencrypt:echo:d\n\n",
            number + 1
        ));
        peer.await_received(|lines| lines.iter().filter(|line| line.raw == b"hold:b").count() > round);
        if !timed_out {
            peer.await_received(|lines| {
                let last = format!("echo:m{}", number + 1);
                lines.iter().any(|line| line.command() == last.as_bytes())
            });
            peer.drop_links();
        }
        let heard: Vec<_> = (0..7).map(|_| client.hear()).collect();
        let lost = [
            "a",
            "con_lost",
            "con_delayed",
            "con_lost",
            "con_delayed",
            "con_lost",
            "unknown_cmd",
        ];
        // On a busy machine what was not on the link yet when the time began to run is served on the next.
        let (first, second) = (format!("m{number}"), format!("m{}", number + 1));
        let served = ["a", "con_lost", &first, "c", &second, "d", "unknown_cmd"];
        for (at, heard) in heard.iter().enumerate() {
            assert!(
                heard == lost[at] || (timed_out && heard == served[at]),
                "{at}: {heard}"
            );
        }
        lonc.site.await_empty();
        wait_until("up", || client.ask("echo:x") == "x");
    }
    wait_until("the log", || {
        lonc.site.logged('S').len() == lonc.site.logged('D').len()
    });
    assert_eq!(lonc.site.logged('S'), lonc.site.logged('D'));
    assert!(lonc.site.logged('S').len() >= 4);
    let mut came: Vec<_> = received(&peer).into_iter().map(|(_, number)| number).collect();
    came.sort_unstable();
    came.dedup();
    assert_eq!(came, (0..8).collect::<Vec<_>>());
}

#[test]
fn a_client_that_leaves_before_the_answer_has_asked_all_the_same() {
    let peer = Peer::start();
    let lonc = ready(&peer, "");
    // In flight.
    let mut client = lonc.client();
    client.send("hold:x\ncritical:echo:m0\ncritical:echo:m1\n");
    peer.await_command("echo:m1");
    drop(client);
    peer.kill();
    wait_until("m0 and m1", || lonc.site.left().len() == 2);
    lonc.client().await_down();
    // Waiting for a link: an answer would come too late.
    let mut client = lonc.client();
    client.send("critical:echo:m2\ncritical:echo:m3\n");
    drop(client);
    wait_until("m2 and m3", || lonc.site.left().len() == 4);
    wait_until("the log", || lonc.site.logged('D').len() == 4);
    assert_eq!(lonc.site.logged('D'), (0..4).map(word).collect::<Vec<_>>());
    peer.revive();
    lonc.site.await_empty();
    let came: Vec<_> = received(&peer).into_iter().map(|(_, number)| number).collect();
    assert_eq!(came, [0, 1, 0, 1, 2, 3]);
}

#[test]
fn it_goes_behind_older_messages() {
    let peer = Peer::that(Behaviour::LateReply(Duration::from_millis(50)));
    let link = "connect_wait = '60s'\npipeline = 2\n";
    let site = Site::office(&peer, &format!("{QUICK}{link}"));
    site.put_words(10);
    let lonc = site.start();
    let mut client = lonc.client();
    client.send("critical:echo:m10\necho:live\ncritical:echo:m11\n");
    wait_until("the first message", || !received(&peer).is_empty());
    lonc.site.put(10_000, "echo:later");
    let heard: Vec<_> = (0..3).map(|_| client.hear()).collect();
    assert_eq!(heard[1], "live");
    lonc.site.await_empty();
    peer.await_command("echo:later");
    assert_eq!(check_received(&peer, 12), 0);
    for (heard, own) in [(&heard[0], "m10"), (&heard[2], "m11")] {
        assert!(heard == own || heard == "con_delayed", "{heard}");
    }
    // While up, too: those that appeared are older.
    for number in 12..30 {
        lonc.site.put(number, &word(number));
    }
    wait_until("one of them", || received(&peer).len() > 12);
    let heard = client.ask("critical:echo:m30");
    assert!(heard == "m30" || heard == "con_delayed", "{heard}");
    lonc.site.await_empty();
    assert_eq!(check_received(&peer, 31), 0);
}

#[test]
fn its_answer_does_not_overtake_the_reply_before_it() {
    let peer = Peer::start();
    // What is in flight for long holds up nothing on the other.
    let lonc = linked(&peer, "connections = 2\n");
    let mut client = lonc.client();
    client.send("hold:first\n");
    peer.await_command("hold:first");
    // What is critical goes behind what appeared, or is stored, while the first has no reply yet.
    lonc.site.put(0, &word(0));
    await_messages(&peer, 1);
    client.send("critical:echo:m1\necho:last\n");
    let mut other = lonc.client();
    other.send("critical:echo:other\n");
    client.assert_nothing();
    peer.release();
    assert_eq!(client.hear(), "first");
    let heard = client.hear();
    assert!(heard == "m1" || heard == "con_delayed", "{heard}");
    assert_eq!(client.hear(), "last");
    let heard = other.hear();
    assert!(heard == "other" || heard == "con_delayed", "{heard}");
    lonc.site.await_empty();
    assert_eq!(check_received(&peer, 2), 0);
}

#[test]
fn stopped_with_one_in_flight_it_is_delayed() {
    let peer = Peer::start();
    let mut lonc = ready(&peer, "[daemon]\ndrain_timeout = '500ms'\n");
    let mut client = lonc.client();
    client.send("hold:x\ncritical:echo:m0\necho:plain\ncritical:encrypt:echo:m1\n");
    peer.await_command("echo:m1");
    lonc.signal(Signal::SIGTERM);
    let heard: Vec<_> = (0..4).map(|_| client.hear()).collect();
    assert_eq!(heard, ["con_lost", "con_delayed", "con_lost", "con_delayed"]);
    assert!(client.rest().is_empty());
    lonc.ended_well();
    assert_eq!(lonc.site.left().len(), 2);
    assert_eq!(lonc.site.logged('D'), ["echo:m0", "encrypt:7"]);
    let lonc = lonc.site.clone().start();
    lonc.site.await_empty();
    wait_until("the log", || lonc.site.logged('S').len() == 2);
    let came: Vec<_> = received(&peer).into_iter().map(|(_, number)| number).collect();
    assert_eq!(came, [0, 1, 0, 1]);
}

#[test]
fn what_looks_like_a_prefix_survives_the_disk() {
    let peer = Peer::dead();
    let lonc = Site::office(&peer, QUICK).start();
    let mut client = lonc.client();
    client.await_down();
    let odd = [
        "critical:echo:a",
        "close_connection_exit",
        "critical:",
        "critical:b:c",
    ];
    for command in odd {
        assert_eq!(client.ask(&format!("critical:{command}")), "con_delayed");
    }
    peer.revive();
    lonc.site.await_empty();
    assert!(lonc.site.failed().is_empty(), "{:?}", lonc.site.failed());
    let commands = peer.commands();
    assert_eq!(commands[commands.len() - 4..], odd);
}

/// Sixteen workers that send one after the other do not keep each other's messages going to disk.
#[test]
fn after_an_outage_the_replies_are_direct_again_however_many_go_on_asking() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, QUICK).start();
    let stop = Stop::default();
    let direct_since_return = AtomicUsize::new(0);
    let delayed = AtomicUsize::new(0);
    thread::scope(|scope| {
        for worker in 0..16 {
            let (mut client, stop) = (lonc.client(), &stop);
            let (direct, delayed) = (&direct_since_return, &delayed);
            scope.spawn(move || {
                for number in 0.. {
                    let words = format!("{worker}.{number}");
                    match &*client.ask(&format!("critical:echo:{words}")) {
                        "con_delayed" => {
                            delayed.fetch_add(1, Ordering::SeqCst);
                            direct.store(0, Ordering::SeqCst);
                        }
                        heard => {
                            assert_eq!(heard, words);
                            direct.fetch_add(1, Ordering::SeqCst);
                        }
                    }
                    if stop.is_set() {
                        break;
                    }
                }
            });
        }
        let _at_last = stop.at_last();
        let many = || direct_since_return.load(Ordering::SeqCst) > 1000;
        wait_until("direct replies", many);
        peer.kill();
        lonc.await_log("is down");
        wait_until("delayed ones", || delayed.load(Ordering::SeqCst) > 100);
        peer.revive();
        wait_until("direct replies and nothing else", many);
    });
    lonc.site.await_empty();
}

/// One for this peer, with these settings of `[link]` first, that knows that its spool is empty. As it knows nothing of its
/// lond, it puts on a link all that a client asks in one go.
fn ready(peer: &Peer, toml: &str) -> Lonc {
    let lonc = Site::office(peer, &format!("{QUICK}{toml}")).start();
    lonc.await_spool();
    lonc
}

/// The same, when its link is up.
fn linked(peer: &Peer, toml: &str) -> Lonc {
    let lonc = ready(peer, toml);
    lonc.await_link();
    lonc
}
