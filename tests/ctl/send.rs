//! `loncctl send` and `ping`: requests, as a worker has them.

use std::fs;

use nix::sys::signal::Signal;
use stand_in_lond::Behaviour;
use test_harness::{Lonc, Peer, SLOW, Site};

use crate::field::{listen, make_sockets, sections, start};
use crate::tool::{ctl, ctl_with};

#[test]
fn commands_are_answered_in_order() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let ran = ctl(&lonc.site, &["send", "msul1", "ping", "echo:two words"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "msul1\ntwo words\n"), "{ran:?}");
    let ran = ctl_with(&lonc.site, &["send", "msul1"], "echo:1\necho:2\necho:last");
    assert_eq!((ran.code, ran.out.as_str()), (0, "1\n2\nlast\n"), "{ran:?}");
    let ran = ctl(&lonc.site, &["send", "msul1", "--encrypt", "echo:secret"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, "secret\n"), "{ran:?}");
    assert!(peer.received().iter().any(|line| line.raw.starts_with(b"enc:")));
}

#[test]
fn each_outcome_has_its_status() {
    let peer = Peer::start();
    let lonc = Site::office(&peer, SLOW).start();
    let send = |arguments: &[&str]| ctl(&lonc.site, &[&["send", "msul1"], arguments].concat());
    assert_eq!(send(&["echo:refused"]).code, 6);
    assert_eq!(send(&["no_such_command"]).code, 8);
    assert_eq!(send(&["echo:error: no such user"]).code, 8);
    // The first that is not well answered counts, and those behind it are sent all the same.
    let ran = send(&["ping", "no_such_command", "echo:refused"]);
    assert_eq!((ran.code, ran.out.lines().count()), (8, 3), "{ran:?}");
    let ran = send(&["--timeout", "200ms", "hold:1", "echo:2"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    ran.must_say("no reply within 200ms");
    peer.release();
    peer.kill();
    crate::field::await_state(&lonc.site, "msul1", "down");
    let ran = send(&["ping"]);
    assert_eq!((ran.code, ran.out.as_str()), (3, "con_lost\n"), "{ran:?}");
    ran.must_say("loncctl why msul1");
    let ran = send(&["--critical", "echo:later"]);
    assert_eq!((ran.code, ran.out.as_str()), (4, "con_delayed\n"), "{ran:?}");
    ran.must_say("loncctl spool list msul1");
    fs::remove_dir_all(lonc.site.path("delayed")).unwrap();
    let ran = send(&["--critical", "echo:later"]);
    assert_eq!((ran.code, ran.out.as_str()), (5, "con_failed\n"), "{ran:?}");
}

#[test]
fn a_late_reply_is_not_taken_for_the_next() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "[link]\nconnections = 2\n");
    let ran = ctl_with(
        &lonc.site,
        &["send", "msul1", "--timeout", "2s"],
        "hold:1\necho:2\n",
    );
    peer.release();
    assert_eq!(ran.code, 7, "{ran:?}");
    assert!(!ran.out.lines().any(|line| line == "1"), "{ran:?}");
}

#[test]
fn a_daemon_that_hangs_or_is_not_there() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    lonc.signal(Signal::SIGSTOP);
    let ran = ctl(&lonc.site, &["send", "msul1", "--timeout", "300ms", "ping"]);
    assert_eq!(ran.code, 7, "{ran:?}");
    lonc.signal(Signal::SIGCONT);
    let site = Site::new(peer.addr(), "");
    let ran = ctl(&site, &["send", "msul1", "ping"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    ran.must_say("there is no socket for requests: systemctl start lonc@msul1.socket");
    let ran = ctl(&site, &["send", "msul1", "two\nlines"]);
    assert_eq!(ran.code, 64, "{ran:?}");
}

#[test]
fn pings_show_names_and_times() {
    let (peer, silent) = (Peer::start(), Peer::that(Behaviour::NeverReply));
    let others = sections(&[("idle", peer.addr()), ("silent", silent.addr())]);
    let site = Site::office(&peer, &others);
    make_sockets(&site);
    let ran = ctl(&site, &["ping"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    ran.must_say("off, as nobody listens: idle msul1 silent");
    let listening = ["idle", "msul1", "silent"].map(|id| listen(&site, id));
    let ran = ctl(&site, &["ping"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.must_say("no daemon runs; loncctl ping PEER starts one");
    let [_idle, ..] = listening;
    for id in ["msul1", "silent"] {
        fs::remove_file(site.path(format!("sockets/{id}"))).unwrap();
    }
    let _loncs = [start(&site, "msul1", "up"), start(&site, "silent", "up")];
    let ran = ctl(&site, &["ping", "--timeout", "20s"]);
    assert_eq!((ran.code, ran.out.lines().count()), (7, 3), "{ran:?}");
    assert_eq!(ran.line("msul1")[1], "msul1", "{ran:?}");
    assert!(ran.line("msul1")[2].ends_with('s'), "{ran:?}");
    ran.must_say("no reply within 20s");
    assert_eq!(ctl(&site, &["ping", "msul1"]).code, 0);
}
