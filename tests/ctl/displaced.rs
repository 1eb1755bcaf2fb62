//! A daemon that workers do not find any more, and the second names of sockets.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process;

use test_harness::{Lonc, Peer, Site, wait_for};

use crate::field::{await_state, start};
use crate::tool::{Ran, ctl};

const TABLE: &str = "msul1:msu:library:zaphod.lite.msu.edu:https\n";
const NAME: &str = "sockets/zaphod.lite.msu.edu";

#[test]
fn it_is_told_who_listens_in_its_place() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let lonc = start(&site, "msul1", "up");
    let kept = site.path("kept");
    fs::rename(site.socket(), &kept).unwrap();
    let _theirs = UnixListener::bind(site.socket()).unwrap();
    let who = format!("process {} (", process::id());
    let status = await_words(&site, &["status"], &who);
    assert_eq!(status.code, 2, "{status:?}");
    assert_eq!(status.line("msul1")[1], "displaced");
    for command in [&["why", "msul1"][..], &["check"]] {
        let ran = ctl(&site, command);
        assert_eq!(ran.code, 2, "{ran:?}");
        for words in ["sockets/msul1 is another's: ", &who, "listens there"] {
            ran.must_say(words);
        }
    }
    let why = ctl(&site, &["why", "msul1"]);
    why.must_say("Workers reach whoever listens there");
    assert!(
        !why.out.contains("answered by"),
        "lond was not asked by way of another's socket: {why:?}"
    );
    let json = ctl(&site, &["status", "--json"]).json();
    assert_eq!(json[0]["state"], "displaced");
    assert_eq!(json[0]["status"]["displaced"]["pid"], process::id());
    assert!(
        json[0]["status"]["text"]
            .as_str()
            .unwrap()
            .starts_with("displaced: ")
    );
    let metrics = ctl(&site, &["metrics"]);
    assert!(
        metrics.out.contains("lonc_displaced{peer=\"msul1\"} 1\n"),
        "{metrics:?}"
    );

    fs::rename(&kept, site.socket()).unwrap();
    await_state(&site, "msul1", "up");
    lonc.await_log("clients reach this instance again");
    let metrics = ctl(&site, &["metrics"]);
    assert!(
        metrics.out.contains("lonc_displaced{peer=\"msul1\"} 0\n"),
        "{metrics:?}"
    );
}

#[test]
fn one_whose_socket_was_removed_or_lies_below_something_else_says_which() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let _lonc = start(&site, "msul1", "up");
    fs::remove_file(site.socket()).unwrap();
    await_state(&site, "msul1", "displaced");
    await_words(&site, &["why", "msul1"], "sockets/msul1 was removed");
    fs::write(site.socket(), "").unwrap();
    await_words(&site, &["status"], "what stands there is no socket");
    fs::remove_file(site.socket()).unwrap();
    drop(UnixListener::bind(site.socket()).unwrap());
    await_words(&site, &["status"], "nobody listens there");
}

#[test]
fn one_whose_name_is_anothers_says_so_and_a_reload_mends_it() {
    let peer = Peer::start();
    let (site, lonc) = named(&peer);
    fs::remove_file(site.path(NAME)).unwrap();
    let theirs = UnixListener::bind(site.path(NAME)).unwrap();
    await_state(&site, "msul1", "displaced");
    let words = "zaphod.lite.msu.edu is another's: process";
    let why = await_words(&site, &["why", "msul1"], words);
    assert_eq!(why.code, 2, "{why:?}");
    why.must_say("clients that look for the host do not reach this instance");
    why.must_say("loncctl reload msul1");
    drop(theirs);
    assert_eq!(ctl(&site, &["reload", "msul1"]).code, 0);
    await_state(&site, "msul1", "up");
    // A changed table is no loss.
    site.write("hosts.tab", &TABLE.replace("zaphod", "zaphod2"));
    assert_eq!(ctl(&site, &["reload", "msul1"]).code, 0);
    ctl(&site, &["status"]).must_say("msul1 up");
    assert_eq!(lonc.log().matches("do not reach").count(), 1, "{}", lonc.log());
}

#[test]
fn names_that_are_wrong_are_findings() {
    let peer = Peer::start();
    let (site, _lonc) = named(&peer);
    let check = || ctl(&site, &["check"]);
    check().must_say("1 socket by the names of their hosts");
    let remake = || drop(fs::remove_file(site.path(NAME)));
    remake();
    check().must_say("zaphod.lite.msu.edu: workers look here for msul1, and it is missing");
    symlink("msul9", site.path(NAME)).unwrap();
    let ran = check();
    assert_eq!(ran.code, 2, "{ran:?}");
    ran.must_say("WRONG");
    ran.must_say("and it leads to msul9");
    remake();
    symlink("/dev/log", site.path(NAME)).unwrap();
    check().must_say("and it leads to /dev/log");
    remake();
    let theirs = UnixListener::bind(site.path(NAME)).unwrap();
    check().must_say(&format!(
        "something else is in its place: process {} (",
        process::id()
    ));
    drop(theirs);
    remake();
    if !std::path::Path::new("/run/systemd/system").exists() {
        check().must_say("-> loncctl reload msul1");
        assert_eq!(ctl(&site, &["reload", "msul1"]).code, 0);
        check().must_say("1 socket by the names of their hosts");
    }
}

#[test]
fn names_that_nobody_wants_and_files_that_are_waited_for_are_findings() {
    let peer = Peer::start();
    let (site, _lonc) = named(&peer);
    symlink("msul1", site.path("sockets/old.name.edu")).unwrap();
    ctl(&site, &["check"]).must_say("old.name.edu: leads to msul1, whose host has another name");
    for name in ["sockets/msul1.lock", &format!("{NAME}.lock")] {
        fs::write(site.path(name), "").unwrap();
        let ran = ctl(&site, &["check"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        ran.must_say(&format!("{name}: workers wait for this file to go"));
        fs::remove_file(site.path(name)).unwrap();
    }
}

/// What is said once these words are: on a busy machine a look at a socket may come to nothing.
fn await_words(site: &Site, arguments: &[&str], words: &str) -> Ran {
    wait_for(words, || Some(ctl(site, arguments)).filter(|ran| ran.says(words)))
}

/// A daemon with a second name.
fn named(peer: &Peer) -> (Site, Lonc) {
    let site = Site::office(peer, "hosts_tab = 'DIR/hosts.tab'\n");
    site.write("hosts.tab", TABLE);
    let lonc = start(&site, "msul1", "up");
    (site, lonc)
}
