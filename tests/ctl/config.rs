//! `loncctl config`: what a daemon goes by, and what the files say meanwhile.

use std::fs;

use serde_json::Value;
use test_harness::{Peer, Site};

use crate::field::start;
use crate::tool::{Ran, ctl};

#[test]
fn what_is_in_force_is_told_with_its_origin_and_what_waits_for_a_reload_is_marked() {
    let peer = Peer::start();
    let site = Site::office(&peer, "[link]\npipeline = 8\nmax_connections = 10\n");
    let _lonc = start(&site, "msul1", "up");
    let ran = config(&site);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.must_say("# The daemon of msul1 goes by what it read at 2");
    let file = site.path("lonc.toml").display().to_string();
    ran.must_say(&format!("pipeline = 8 # {file}:7"));
    ran.must_say("connections = 1 # default");
    let ip = peer.addr().ip();
    ran.must_say(&format!(
        "[peer.msul1] address = \"{ip}\" # {file}:11 ([peer.msul1])"
    ));
    // It can be read back.
    site.write("again.toml", &ran.out);
    let again = ctl(&site, &["--config", "again.toml", "check", "--json"]);
    assert!(!again.err.contains("again.toml"), "{again:?}");

    change(&site, "pipeline = 8", "pipeline = 9\nidle_timeout = '1m'");
    let waits = config(&site);
    assert_eq!(waits.code, 1, "{waits:?}");
    waits.must_say("# The files say something else of link.idle_timeout link.pipeline: loncctl reload msul1");
    waits.must_say("; the files say 9");
    let check = ctl(&site, &["check", "--timeout", "10s"]);
    check.must_say("doubt msul1: goes by older values of link.idle_timeout link.pipeline");
    assert_eq!(ctl(&site, &["reload", "msul1"]).code, 0);
    let taken = config(&site);
    assert_eq!(taken.code, 0, "{taken:?}");
    taken.must_say(&format!("pipeline = 9 # {file}:7"));
    assert!(
        !ctl(&site, &["check", "--timeout", "10s"])
            .out
            .contains("older values")
    );
}

#[test]
fn a_key_that_needs_a_restart_is_told_as_it_is() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let _lonc = start(&site, "msul1", "up");
    change(&site, "/delayed'", "/other'");
    fs::create_dir(site.path("other")).unwrap();
    assert_eq!(ctl(&site, &["reload", "msul1"]).code, 0);
    let ran = config(&site);
    assert_eq!(ran.code, 1, "{ran:?}");
    ran.must_say(&format!(
        "spool_dir = \"{}\" # {}:4; the files say \"{}\"",
        site.path("delayed").display(),
        site.path("lonc.toml").display(),
        site.path("other").display()
    ));
    ran.must_say("systemctl restart lonc@msul1");
}

#[test]
fn a_reload_that_was_refused_is_told_until_one_is_not() {
    let peer = Peer::start();
    let site = Site::office(&peer, "[link]\npipeline = 8\nmax_connections = 10\n");
    let _lonc = start(&site, "msul1", "up");
    change(&site, "pipeline = 8", "pipelin = 8");
    assert_eq!(ctl(&site, &["reload", "msul1"]).code, 1);
    let fault = "lonc.toml:7: unknown key \"pipelin\"";
    let ran = config(&site);
    assert_eq!(ran.code, 78, "{ran:?}");
    ran.must_say("a reload was refused: ");
    ran.must_say(fault);
    ran.must_say("pipeline = 8");
    for command in [&["status"][..], &["why", "msul1"], &["check", "--timeout", "10s"]] {
        ctl(&site, command).must_say(fault);
    }
    ctl(&site, &["why", "msul1"]).must_say("reload refused ");
    change(&site, "pipelin =", "pipeline =");
    ctl(&site, &["status"]).must_say("a reload was refused: ");
    ctl(&site, &["check", "--timeout", "10s"]).must_say("doubt msul1: a reload was refused at 2");
    assert_eq!(ctl(&site, &["reload", "msul1"]).code, 0);
    assert_eq!(config(&site).code, 0);
    assert!(!ctl(&site, &["status"]).out.contains("refused"));
}

#[test]
fn what_an_operator_said_of_the_log_is_told_and_one_that_does_not_run_would_go_by_the_files() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    let absent = config(&site);
    assert_eq!(absent.code, 0, "{absent:?}");
    absent.must_say("# The daemon of msul1 does not run; one that starts goes by this.");
    let _lonc = start(&site, "msul1", "up");
    assert_eq!(ctl(&site, &["log-level", "msul1", "debug"]).code, 0);
    let json = ctl(&site, &["config", "msul1", "--json", "--timeout", "10s"]).json();
    let keys = json["keys"].as_array().unwrap();
    let of = |name: &str| keys.iter().find(|one| one["key"] == name).unwrap();
    assert_eq!(of("daemon.log_level")["value"], "\"debug\"", "{json}");
    assert_eq!(of("daemon.log_level")["files"], "\"info\"", "{json}");
    assert_eq!(of("link.connections")["files"], Value::Null, "{json}");
    assert!(
        json["readUsec"].as_u64().is_some() && json["refused"].is_null(),
        "{json}"
    );
    assert!(
        json["read"].as_str().is_some_and(|date| date.ends_with('Z')),
        "{json}"
    );
}

fn config(site: &Site) -> Ran {
    ctl(site, &["config", "msul1", "--timeout", "10s"])
}

fn change(site: &Site, from: &str, to: &str) {
    let text = fs::read_to_string(site.path("lonc.toml")).unwrap();
    assert!(text.contains(from), "{text}");
    site.write("lonc.toml", &text.replacen(from, to, 1));
}
