//! `loncctl spool`: delayed messages, with a daemon and without.

use std::fs;

use serde_json::Value;
use test_harness::spool::{name, names_in, word};
use test_harness::{Peer, SLOW, Site};

use crate::field::{listen, start};
use crate::tool::{Ran, ctl, ctl_with};

#[test]
fn a_daemon_tells_and_moves() {
    let peer = Peer::dead();
    let site = Site::office(&peer, SLOW);
    let lonc = start(&site, "msul1", "down");
    site.put_words(3);
    let told = await_list(&site, 3);
    assert_eq!(told["source"], "daemon");
    assert_eq!(told["messages"][0]["size"], word(0).len() + 1);
    let ran = spool(&site, "hold", &[&name(1)]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.must_say(&format!(
        "{}: is in {}",
        name(1),
        site.path("held").join(name(1)).display()
    ));
    let ran = spool(&site, "drop", &["--yes", &name(2)]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(site.failed(), [name(2)]);
    let ran = ctl(&site, &["spool", "list", "--timeout", "10s"]);
    assert_eq!((ran.code, ran.out.lines().count()), (0, 4), "{ran:?}");
    for (number, state) in [(0, "waiting"), (1, "held"), (2, "failed")] {
        assert!(
            ran.out
                .lines()
                .any(|line| line.contains(state) && line.ends_with(&name(number))),
            "{ran:?}"
        );
    }
    let ran = spool(&site, "hold", &["no.msul1"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.must_say("there is no delayed message no.msul1. loncctl spool list msul1 shows");
    peer.revive();
    assert_eq!(spool(&site, "retry", &[&name(1), &name(2)]).code, 0);
    assert_eq!(spool(&site, "retry", &[]).code, 0);
    site.await_empty();
    assert!(names_in(&site.path("held")).is_empty() && site.failed().is_empty());
    for number in 0..3 {
        assert_eq!(peer.count(&word(number)), 1);
    }
    drop(lonc);
}

#[test]
fn without_a_daemon_the_directories_tell() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    site.put_words(3);
    let told = list(&site);
    assert_eq!(
        (&told["source"], &told["total"]),
        (&"directory".into(), &3.into())
    );
    assert_eq!(told["messages"][2]["name"], name(2));
    assert_eq!(spool(&site, "hold", &[&name(0)]).code, 0);
    assert_eq!(names_in(&site.path("held")), [name(0)]);
    assert_eq!(spool(&site, "drop", &["--yes", &name(1), &name(0)]).code, 0);
    assert_eq!(site.failed(), [name(0), name(1)]);
    let ran = spool(&site, "retry", &[&name(1), "no.msul1", "../lonc.toml"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.must_say("sent when the daemon starts (loncctl ping msul1)");
    ran.must_say("no.msul1: no such message of msul1");
    assert_eq!(site.left(), [name(1), name(2)]);
    let ran = spool(&site, "retry", &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.must_say("not started");
    let listening = listen(&site, "msul1");
    let ran = ctl(&site, &["check", "msul1"]);
    ran.must_say("not started, and 2 delayed messages to be sent");
    drop(listening);
    fs::remove_file(site.socket()).unwrap();
    let _lonc = start(&site, "msul1", "up");
    site.await_empty();
    assert_eq!(peer.count(&word(0)), 0);
}

#[test]
fn what_was_set_aside_is_deleted_and_what_was_promised_only_where_that_is_said() {
    let peer = Peer::start();
    let site = Site::office(&peer, "hosts_tab = 'DIR/hosts.tab'\n");
    site.write("hosts.tab", "msul9:msu:library:zaphod.msu.edu:\n");
    site.put_words(3);
    assert_eq!(spool(&site, "drop", &["--yes", &name(0)]).code, 0);
    let gone = "1700000000.000001.9.put.gone";
    fs::write(site.spool(gone), "x\n").unwrap();
    let delete = |more: &[&str]| ctl(&site, &[&["spool", "delete"], more].concat());
    let ran = delete(&["msul1", &name(0)]);
    assert_eq!(ran.code, 64, "{ran:?}");
    ran.must_say("--yes");
    let ran = delete(&["--yes", "msul9", &name(0)]);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.must_say("no such message");
    let ran = delete(&[
        "--yes",
        "msul1",
        &name(0),
        &name(1),
        "nothing.msul1",
        "../lonc.toml",
    ]);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.must_say("it is still to be sent, or held");
    assert!(site.failed().is_empty() && site.left().contains(&name(1)));
    let ran = ctl(&site, &["spool", "list"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.must_say("gone is in no table, and there are messages for it (1 to be sent");
    ctl(&site, &["spool", "list", "gone"]).must_say(gone);
    assert_eq!(delete(&["--yes", "--queued", "msul1", gone]).code, 1);
    assert_eq!(delete(&["--yes", "--queued", "msul1", &name(1)]).code, 0);
    assert_eq!(delete(&["--yes", "--queued", "gone", gone]).code, 0);
    assert_eq!(site.left(), [name(2)]);
    assert_eq!(spool(&site, "drop", &["--yes", &name(2)]).code, 0);
    delete(&["--yes", "--older-than", "30d"]).must_say("nothing to be deleted");
    let aside = site.path("failed").join(name(2));
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(31 * 86_400);
    fs::File::options()
        .write(true)
        .open(aside)
        .unwrap()
        .set_modified(long_ago)
        .unwrap();
    assert_eq!(delete(&["--yes", "--older-than", "30d", "msul9"]).code, 0);
    assert_eq!(site.failed(), [name(2)]);
    assert_eq!(delete(&["--yes", "--older-than", "30d"]).code, 0);
    assert!(site.failed().is_empty());
    site.put_words(2);
    assert_eq!(delete(&["--yes", "--queued"]).code, 64);
    assert_eq!(delete(&["--yes", "msul1"]).code, 64);
    assert_eq!(delete(&["--yes", "msul1", "--failed"]).code, 0);
    assert_eq!(site.left().len(), 2);
    assert_eq!(delete(&["--yes", "--queued", "msul1"]).code, 0);
    assert!(site.left().is_empty());
    assert!(site.failed().is_empty());
}

#[test]
fn nobody_is_asked_where_nobody_is() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    site.put_words(1);
    let ran = ctl_with(&site, &["spool", "drop", "msul1", &name(0)], "y\n");
    assert_eq!(ran.code, 64, "{ran:?}");
    ran.must_say("--yes");
    assert_eq!(site.left(), [name(0)]);
}

#[test]
fn a_body_is_shown_unless_it_goes_encrypted() {
    let peer = Peer::dead();
    let site = Site::office(&peer, SLOW);
    site.put(0, "echo:plain\x1b[2J");
    site.put(1, "encrypt:auth:secret");
    fs::write(site.spool(name(2)), "half").unwrap();
    let show = |number: usize, more: &[&str]| spool(&site, "show", &[&[&name(number)[..]], more].concat());
    let ran = show(0, &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.must_say("body echo:plain\\u{1b}[2J");
    ran.must_say(&format!("file {}", site.spool(name(0)).display()));
    assert_eq!(show(0, &["--body"]).out, "echo:plain\x1b[2J\n");
    let ran = show(1, &[]);
    assert!(!ran.out.contains("secret"), "{ran:?}");
    ran.must_say("it goes encrypted; --body prints it");
    assert_eq!(show(1, &["--body"]).out, "auth:secret\n");
    show(2, &[]).must_say("its last line has no newline yet");
    assert_eq!(show(2, &["--body"]).code, 1);
    let ran = show(3, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.must_say("loncctl spool list msul1 shows them");
    // Messages are read when they are to be sent: with a daemon it is the same.
    let _lonc = start(&site, "msul1", "down");
    show(1, &[]).must_say("it goes encrypted; --body prints it");
}

fn list(site: &Site) -> Value {
    ctl(site, &["spool", "list", "--json", "--timeout", "10s"]).json()[0].take()
}

fn spool(site: &Site, what: &str, more: &[&str]) -> Ran {
    ctl(site, &[&["spool", what, "msul1"], more].concat())
}

/// Once there are so many.
fn await_list(site: &Site, count: usize) -> Value {
    test_harness::wait_for("the messages", || {
        Some(list(site)).filter(|list| list["total"] == count)
    })
}
