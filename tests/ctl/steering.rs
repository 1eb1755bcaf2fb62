//! `loncctl reconnect`, `reload`, `log-level` and `clients`.

use std::fs;
use std::process::Command;

use test_harness::programs::installed;
use test_harness::{Lonc, Peer, SLOW, Site};

use crate::field::{await_state, sections, start};
use crate::tool::ctl;

#[test]
fn a_reconnect_tries_at_once() {
    let peer = Peer::dead();
    let site = Site::office(&peer, &format!("{SLOW}{}", sections(&[("idle", peer.addr())])));
    let ran = ctl(&site, &["reconnect", "--all"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.must_say("no daemon runs");
    let _lonc = start(&site, "msul1", "down");
    peer.revive();
    let ran = ctl(&site, &["reconnect", "--all"]);
    assert_eq!((ran.code, ran.out.lines().count()), (0, 1), "{ran:?}");
    await_state(&site, "msul1", "up");
    let ran = ctl(&site, &["reconnect", "idle", "msul1"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.must_say("msul1: tries now");
    ran.must_say("idle: not started. Workers are refused at ");
    ran.must_say("Start its daemon: lonc idle");
}

#[test]
fn a_reload_tells_what_is_wrong() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let ran = ctl(&lonc.site, &["reload", "msul1"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let level = |level: &str| ctl(&lonc.site, &["log-level", "msul1", level, "--timeout", "10s"]);
    assert_eq!(level("debug").code, 0);
    let json = ctl(&lonc.site, &["status", "--json", "--timeout", "10s"]).json();
    assert_eq!(json[0]["status"]["logLevel"], "debug");
    let ran = level("loud");
    assert_eq!(ran.code, 64, "{ran:?}");
    ran.must_say("[possible values: error, warn, info, debug, trace]");
    // Sound enough to find the daemon by, and not for the daemon.
    lonc.site.configure(peer.addr(), "[link]\npipeline = 0\n");
    let ran = ctl(&lonc.site, &["reload", "msul1"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.must_say("the configuration is faulty");
    ran.must_say("link.pipeline");
    ran.must_say("the old one stays in force");
}

#[test]
fn clients_are_told_by_program_and_load() {
    let peer = Peer::start();
    let lonc = Lonc::start_linked(&peer, "");
    let mut client = lonc.client();
    client.send("hold:1\n");
    peer.await_command("hold:1");
    let ran = ctl(&lonc.site, &["clients", "msul1", "--timeout", "10s"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let line = ran.line(&std::process::id().to_string());
    assert_eq!(line[6], "1", "{ran:?}");
    let json = ctl(&lonc.site, &["clients", "msul1", "--json", "--timeout", "10s"]).json();
    assert_eq!(json["clients"][0]["inFlight"], 1, "{json}");
    peer.release();
    let idle = Site::new(peer.addr(), "");
    let ran = ctl(&idle, &["clients", "msul1"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.must_say("not started");
}

#[test]
fn a_cycle_replaces_a_link_and_loses_no_request() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let lonc = start(&site, "msul1", "up");
    let mut client = lonc.client();
    client.say("hold:1");
    peer.await_command("hold:1");
    let ran = ctl(&site, &["reconnect", "msul1", "--cycle"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.must_say("links that are open are replaced");
    peer.await_links(|accepted, open| accepted == 2 && open == 2);
    // Others go by the new link, and what is in flight on the old one is finished.
    assert_eq!(lonc.client().ask("echo:x"), "x");
    peer.release();
    assert_eq!(client.hear(), "1");
    peer.await_links(|accepted, open| accepted == 2 && open == 1);
    let json = ctl(&site, &["status", "--json", "--timeout", "10s"]).json();
    assert_eq!(json[0]["status"]["counters"]["linksReplacing"], 1, "{json}");
    assert_eq!(json[0]["status"]["counters"]["sentNoReply"], 0, "{json}");
}

#[test]
fn what_is_seen_from_outside_is_looked_at_once_for_all() {
    let Some(strace) = installed("strace") else { return };
    let peer = Peer::start();
    let names: Vec<_> = (0..30).map(|number| format!("absent{number}")).collect();
    let peers: Vec<_> = names.iter().map(|name| (name.as_str(), peer.addr())).collect();
    let site = Site::office(&peer, &sections(&peers));
    let looks = |arguments: &[&str]| {
        let record = site.path("strace");
        let mut command = Command::new(&strace);
        command
            .args(["-f", "-qq", "-e", "trace=open,openat", "-o"])
            .arg(&record);
        command
            .arg(env!("CARGO_BIN_EXE_loncctl"))
            .arg("--config")
            .arg(site.path("lonc.toml"));
        let output = command.args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(names.iter().all(|name| said.contains(name.as_str())), "{said}");
        let record = fs::read_to_string(record).unwrap();
        let disabled = format!("{}\"", site.path("disabled").display());
        record.lines().filter(|line| line.contains(&disabled)).count()
    };
    let named: Vec<_> = names.iter().map(String::as_str).collect();
    for command in [
        &["ping", "--all"][..],
        &["ping"],
        &["reload"],
        &["reconnect"],
        &["status"],
    ] {
        let peers = if command == ["ping", "--all"] {
            &[][..]
        } else {
            &named[..]
        };
        let looks = looks(&[command, peers].concat());
        assert!((1..5).contains(&looks), "{command:?}: {looks} looks");
    }
}
