//! `loncctl disable` and `enable`: a peer is taken out for good, and put back.

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use test_harness::{Client, Peer, Site, wait_until};

use crate::field::{await_state, listen, sections, start};
use crate::tool::{Ran, ctl};

#[test]
fn one_that_runs_has_no_link_and_answers_at_once_until_it_is_enabled() {
    let peer = Peer::start();
    let site = Site::office(&peer, "[link]\nconnect_wait = '50s'\n");
    let lonc = start(&site, "msul1", "up");
    let mut client = lonc.client();
    client.send("hold:1\n");
    peer.await_command("hold:1");
    let ran = ctl(&site, &["disable", "msul1", "--reason", "moves house"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.must_say("msul1: disabled; requests are answered con_lost at once");
    // What is in flight gets its answer; what comes has none to wait for.
    let mut other = lonc.client();
    let begun = Instant::now();
    assert_eq!(other.ask("echo:x"), "con_lost");
    assert_eq!(other.ask("critical:echo:kept"), "con_delayed");
    assert!(begun.elapsed() < Duration::from_secs(30));
    peer.release();
    assert_eq!(client.hear(), "1");
    wait_until("no link", || peer.open_connections() == 0);
    told_of(&site, "moves house");
    // No try is made, whoever asks for one.
    let tries = peer.connections();
    assert_eq!(ctl(&site, &["reconnect", "msul1"]).code, 0);
    assert_eq!(other.ask("echo:x"), "con_lost");
    assert_eq!((peer.connections(), peer.count("echo:kept")), (tries, 0));
    let ran = ctl(&site, &["enable", "msul1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    await_state(&site, "msul1", "up");
    peer.await_command("echo:kept");
    assert_eq!(other.ask("echo:x"), "x");
}

#[test]
fn what_lond_does_not_finish_in_time_gets_an_answer_as_at_a_stop() {
    let peer = Peer::start();
    let site = Site::office(&peer, "[daemon]\ndrain_timeout = '300ms'\n");
    let lonc = start(&site, "msul1", "up");
    let mut client = lonc.client();
    client.send("hold:1\n");
    peer.await_command("hold:1");
    assert_eq!(ctl(&site, &["disable", "msul1"]).code, 0);
    assert_eq!(client.hear(), "con_lost");
    wait_until("no link", || peer.open_connections() == 0);
}

#[test]
fn it_lasts_over_a_start_and_holds_where_no_daemon_runs() {
    let peer = Peer::start();
    let site = Site::office(&peer, &sections(&[("other", peer.addr())]));
    let ran = ctl(&site, &["disable", "msul1", "other"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.must_say("its daemon does not run");
    let _listening = listen(&site, "other");
    let ran = ctl(&site, &["status"]);
    assert_eq!((ran.code, ran.line("other")[1]), (0, "disabled"), "{ran:?}");
    let lonc = start(&site, "msul1", "disabled");
    lonc.await_log("is disabled by an administrator");
    assert_eq!(lonc.client().ask("echo:x"), "con_lost");
    assert_eq!(peer.connections(), 0);
    told_of(&site, "");
    let site = lonc.slay();
    let _lonc = start(&site, "msul1", "disabled");
    assert_eq!(ctl(&site, &["enable", "msul1", "other"]).code, 0);
    await_state(&site, "msul1", "up");
    assert!(fs::read_dir(site.path("disabled")).unwrap().next().is_none());
}

#[test]
fn one_that_is_disabled_for_a_time_comes_back_by_itself() {
    let peer = Peer::start();
    let site = Site::office(&peer, &sections(&[("other", peer.addr())]));
    let lonc = start(&site, "msul1", "up");
    for (option, value, complaint) in [
        (
            "--until",
            "2001-01-01",
            "2001-01-01 00:00:00 +00:00 has passed already",
        ),
        ("--until", "some day", "must be a date such as 2026-12-04"),
        ("--until", "2026-02-30", "must be a date"),
        ("--for", "0s", "must be a time such as"),
    ] {
        let ran = ctl(&site, &["disable", "msul1", option, value]);
        assert_eq!(ran.code, 64, "{ran:?}");
        ran.must_say(complaint);
    }
    let ran = ctl(
        &site,
        &[
            "disable",
            "msul1",
            "other",
            "--until",
            "2099-12-31 18:00",
            "--reason",
            "moves",
        ],
    );
    assert_eq!(ran.code, 0, "{ran:?}");
    let until = "2099-12-31 18:00:00 +00:00";
    ran.must_say(&format!("until {until}, or: loncctl enable msul1"));
    ctl(&site, &["why", "msul1"]).must_say(&format!(", until {until}: moves"));
    ctl(&site, &["status", "msul1"]).must_say(&format!("until {until}: moves"));
    ctl(&site, &["status", "other"]).must_say(&format!("until {until}: moves"));
    let check = ctl(&site, &["check"]);
    check.must_say(&format!(
        "ok 2: disabled by an administrator until {until}: msul1 other"
    ));
    let json = ctl(&site, &["status", "--json", "msul1"]).json();
    assert_eq!(
        json[0]["disabled"]["until"], "2099-12-31T18:00:00.000000Z",
        "{json}"
    );
    assert_eq!(
        json[0]["status"]["disabled"]["until"], "2099-12-31T18:00:00.000000Z",
        "{json}"
    );
    // The end is another by now, for one that runs and one that does not.
    let begun = Instant::now();
    assert_eq!(ctl(&site, &["disable", "msul1", "other", "--for", "12s"]).code, 0);
    assert_eq!(lonc.client().ask("critical:echo:kept"), "con_delayed");
    await_state(&site, "msul1", "up");
    assert!(begun.elapsed() >= Duration::from_secs(12));
    peer.await_command("echo:kept");
    lonc.await_log("was disabled until now, and is enabled again");
    assert_eq!(ctl(&site, &["status", "other"]).line("other")[1], "off");
    assert_eq!(ctl(&site, &["check"]).out.matches("disabled").count(), 0);
    // What is left of it keeps nobody out at the next start.
    let site = lonc.slay();
    let _lonc = start(&site, "msul1", "up");
}

#[test]
fn a_faulty_configuration_does_not_stand_in_its_way() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let lonc = start(&site, "msul1", "up");
    let sound = fs::read_to_string(site.path("lonc.toml")).unwrap();
    site.write_config(&format!("typo = 1\n{sound}"));
    let ran = ctl(&site, &["disable", "msul1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.must_say("typo");
    assert_eq!(lonc.client().ask("echo:x"), "con_lost");
    assert_eq!(ctl(&site, &["enable", "msul1"]).code, 0);
    site.write_config(&sound);
    await_state(&site, "msul1", "up");
}

#[test]
fn a_daemon_that_hangs_is_told_of_and_a_peer_that_nobody_knows_refused() {
    let peer = Peer::start();
    let site = Site::office(&peer, "hosts_tab = 'DIR/hosts.tab'\n");
    site.write("hosts.tab", "msul9:msu:library:zaphod.msu.edu:\n");
    let lonc = start(&site, "msul1", "up");
    let ran = ctl(&site, &["disable", "nobody"]);
    assert_eq!(ran.code, 64, "{ran:?}");
    ran.must_say("peer nobody has no address");
    assert!(!site.path("disabled/nobody").exists());
    for reason in ["two\nlines", &"x".repeat(1000)] {
        assert_eq!(ctl(&site, &["disable", "msul1", "--reason", reason]).code, 64);
    }
    // One that has left the table since can be put back.
    fs::create_dir(site.path("disabled")).unwrap();
    fs::write(site.path("disabled/gone"), "").unwrap();
    assert_eq!(ctl(&site, &["enable", "gone"]).code, 0);
    assert!(!site.path("disabled/gone").exists());
    assert_eq!(ctl(&site, &["enable", "nobody"]).code, 64);
    // A file that nobody told the daemon of waits for a reload.
    fs::write(site.path("disabled/msul1"), "by hand\n").unwrap();
    ctl(&site, &["status"]).must_say("is to be disabled: loncctl reload msul1");
    lonc.signal(Signal::SIGHUP);
    await_state(&site, "msul1", "disabled");
}

/// It is disabled, and everybody says so, as no fault.
fn told_of(site: &Site, reason: &str) {
    let all = |arguments: &[&str]| -> Ran { ctl(site, arguments) };
    let ran = all(&["status", "msul1"]);
    assert_eq!((ran.code, ran.line("msul1")[1]), (0, "disabled"), "{ran:?}");
    ran.must_say(reason);
    let ran = all(&["why", "msul1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.must_say("msul1 is disabled, since ");
    ran.must_say("disabled by an administrator since ");
    ran.must_say(reason);
    ran.must_say("loncctl enable msul1");
    let ran = all(&["check", "msul1"]);
    ran.must_say("ok msul1: disabled by an administrator since ");
    let json = all(&["status", "--json", "msul1"]).json();
    assert_eq!(json[0]["state"], "disabled");
    assert_eq!(json[0]["disabled"]["reason"], reason);
    assert!(
        json[0]["disabled"]["since"].as_str().unwrap().ends_with('Z'),
        "{json}"
    );
    let text = all(&["metrics", "msul1"]).out;
    assert!(
        text.contains("lonc_peer_state{peer=\"msul1\",state=\"disabled\"} 1\n"),
        "{text}"
    );
    let mut client = Client::connect(&site.socket());
    assert_eq!(client.ask("echo:x"), "con_lost");
}
