//! What goes when: delayed messages first and in order, for this peer only; then whoever is live.

use std::fs::{self, File};
use std::io::Write as _;
use std::time::{Duration, Instant};

use stand_in_lond::Behaviour;
use test_harness::spool::{await_messages, check_received, name, word};
use test_harness::{Client, Lonc, Peer, Site, wait_until};

/// Appearing files are to be sent within a second; a busy machine gets more, but less than where nobody tells of them.
const SOON: Duration = Duration::from_secs(25);

#[test]
fn delayed_messages_go_in_the_order_of_their_names_before_any_live_request() {
    let peer = Peer::that(Behaviour::LateReply(Duration::from_millis(200)));
    let site = Site::office(&peer, "[link]\nconnect_wait = '60s'\n");
    // Not written in order.
    for number in [7, 3, 11, 0, 9, 1, 10, 2, 8, 4, 6, 5] {
        site.put(number, &word(number));
    }
    let lonc = site.start();
    let mut client = lonc.client();
    client.send("echo:live 1\nencrypt:echo:live 2\n");
    await_messages(&peer, 1);
    peer.behave(Behaviour::Normal);
    assert_eq!((client.hear(), client.hear()), ("live 1".into(), "live 2".into()));
    assert_eq!(check_received(&peer, 12), 0);
    let commands = peer.commands();
    let first_live = commands.iter().position(|command| command == "echo:live 1");
    let last_delayed = commands.iter().rposition(|command| command.starts_with("echo:m"));
    assert!(last_delayed < first_live, "{commands:?}");
    lonc.site.await_empty();
    wait_until("the log", || lonc.site.logged('S').len() == 12);
    let words: Vec<_> = (0..12).map(word).collect();
    assert_eq!(lonc.site.logged('S'), words);
    assert!(lonc.site.logged('D').is_empty() && lonc.site.logged('F').is_empty());
}

#[test]
fn live_requests_wait_for_a_slow_flush_no_longer_than_connect_wait() {
    // All of them take fifty seconds.
    let peer = Peer::that(Behaviour::LateReply(Duration::from_millis(250)));
    let site = Site::office(&peer, "[link]\nconnect_wait = '1s'\npipeline = 1\n");
    site.put_words(200);
    let lonc = site.start();
    let mut client = lonc.client();
    let asked = Instant::now();
    assert_eq!(client.ask("echo:live"), "live");
    assert!(
        asked.elapsed() < Duration::from_secs(30),
        "waited {:?}",
        asked.elapsed()
    );
    assert!(!lonc.site.left().is_empty(), "beside what is delayed");
    peer.behave(Behaviour::Normal);
    let heard = client.ask("critical:echo:m200");
    lonc.site.await_empty();
    assert!(heard == "m200" || heard == "con_delayed", "{heard}");
    wait_until("live requests", || client.ask("echo:live") == "live");
    assert_eq!(check_received(&peer, 201), 0);
}

#[test]
fn they_do_not_wait_for_each_others_answers() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    for number in 0..10 {
        site.put(number, &format!("hold:{number}"));
    }
    let lonc = site.start();
    for number in 0..10 {
        peer.await_command(&format!("hold:{number}"));
    }
    assert_eq!(lonc.site.left().len(), 10);
    peer.release();
    lonc.site.await_empty();
}

#[test]
fn what_begins_with_encrypt_goes_encrypted() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    site.put(0, &word(0));
    site.put(1, &format!("encrypt:{}", word(1)));
    site.put(2, &word(2));
    let lonc = site.start();
    lonc.site.await_empty();
    assert_eq!(check_received(&peer, 3), 0);
    let encrypted: Vec<_> = peer
        .received()
        .into_iter()
        .filter(|line| line.decrypted.is_some())
        .collect();
    assert_eq!(encrypted.len(), 1);
    assert_eq!(encrypted[0].command(), b"echo:m1");
    // Only the length is logged of it.
    wait_until("the log", || lonc.site.logged('S').len() == 3);
    assert_eq!(lonc.site.logged('S'), ["echo:m0", "encrypt:7", "echo:m2"]);
}

#[test]
fn files_of_other_peers_stay_untouched() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let others = [
        "1.xmsul1",
        "1.msul10",
        "1.msul1.",
        "1.MSUL1",
        "msul1",
        "1-msul1",
        "1.msul1.bak",
        ".1.msul1",
        "1.msul1~",
    ];
    for other in others {
        fs::write(site.spool(other), "echo:not ours\n").unwrap();
    }
    site.put(0, &word(0));
    let lonc = site.start();
    await_messages(&peer, 1);
    // One of theirs appears, then one of ours.
    fs::write(lonc.site.spool("2.xmsul1"), "echo:not ours\n").unwrap();
    lonc.site.put(1, &word(1));
    wait_until("what is left", || lonc.site.left().len() == others.len() + 1);
    assert_eq!(check_received(&peer, 2), 0);
    assert_eq!(peer.count("echo:not ours"), 0);
    assert!(lonc.site.failed().is_empty());
}

#[test]
fn a_peers_id_may_end_like_anothers() {
    let peer = Peer::named("b");
    let site = Site::office(&peer, "");
    site.write(
        "hosts.tab",
        "b:d:library:b:127.0.0.1\na.b:d:library:ab:127.0.0.1\nmsul2:d:library:m:127.0.0.1\n",
    );
    site.write_config(&format!(
        "host_id = 'msul2'\nhosts_tab = 'DIR/hosts.tab'\nsocket_dir = 'DIR/sockets'\ncontrol_dir = 'DIR/control'\n\
         spool_dir = 'DIR/delayed'\npermanent_log = 'DIR/perm.log'\n[peer.b]\naddress = '{}'\nport = {}\n",
        peer.addr().ip(),
        peer.port()
    ));
    for (file, content) in [
        ("1.1.a.b", "echo:theirs\n"),
        ("1.2.b", "echo:m0\n"),
        ("1.3.x.b", "echo:m1\n"),
        ("1.4.aab", "echo:theirs\n"),
    ] {
        fs::write(site.spool(file), content).unwrap();
    }
    let command = site.command_for("b");
    let lonc = Lonc::spawn(site, command);
    wait_until("only others' files", || {
        lonc.site.left() == ["1.1.a.b", "1.4.aab"]
    });
    assert_eq!(check_received(&peer, 2), 0);
    assert_eq!(
        Client::connect(&lonc.site.path("sockets/b")).ask("echo:live"),
        "live"
    );
    assert_eq!(peer.count("echo:theirs"), 0);
}

#[test]
fn files_that_appear_are_sent_at_once_and_in_order() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, "").start();
    assert_eq!(lonc.client().ask("ping"), "msul1");
    for number in 0..6 {
        let start = Instant::now();
        if number % 2 == 0 {
            // As a worker does it.
            fs::write(lonc.site.spool(name(number)), format!("{}\n", word(number))).unwrap();
        } else {
            lonc.site.put(number, &word(number));
        }
        await_messages(&peer, number + 1);
        lonc.site.await_empty();
        assert!(start.elapsed() < SOON, "{number} took {:?}", start.elapsed());
    }
    assert_eq!(check_received(&peer, 6), 0);
    // Many at once, while clients go on.
    let mut client = lonc.client();
    for number in 6..200 {
        lonc.site.put(number, &word(number));
        if number % 10 == 0 {
            assert_eq!(
                client.ask(&format!("echo:live {number}")),
                format!("live {number}")
            );
        }
    }
    lonc.site.await_empty();
    assert_eq!(check_received(&peer, 200), 0);
}

#[test]
fn a_line_without_its_end_is_left_until_it_is_finished() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let mut unfinished = File::create(site.spool(name(2))).unwrap();
    write!(unfinished, "echo:").unwrap();
    // Closed as it is, and nothing more comes.
    fs::write(site.spool(name(3)), "echo:never").unwrap();
    fs::write(site.spool(name(4)), "").unwrap();
    site.put(0, &word(0));
    let lonc = site.start();
    await_messages(&peer, 1);
    lonc.site.put(1, &word(1));
    await_messages(&peer, 2);
    assert_eq!(lonc.client().ask("echo:live"), "live");
    write!(unfinished, "m2").unwrap();
    unfinished.sync_all().unwrap();
    writeln!(unfinished).unwrap();
    drop(unfinished);
    await_messages(&peer, 3);
    wait_until("all but the unfinished", || {
        lonc.site.left() == [name(3), name(4)]
    });
    assert_eq!(check_received(&peer, 3), 0);
    fs::write(lonc.site.spool(name(4)), "echo:m3\n").unwrap();
    await_messages(&peer, 4);
    assert_eq!(peer.count("echo:never"), 0);
    assert_eq!(lonc.client().ask("echo:live"), "live");
}
