//! `loncctl check`: each finding with what to do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;
use test_harness::{Peer, Site};

use crate::field::{listen, sections, start};
use crate::tool::ctl;

#[test]
fn a_sound_host() {
    let peer = Peer::start();
    let site = Site::office(&peer, "");
    fs::set_permissions(site.path("delayed"), Permissions::from_mode(0o2770)).unwrap();
    let _lonc = start(&site, "msul1", "up");
    let ran = ctl(&site, &["check"]);
    ran.must_say("sound; this host is msul2, with 1 peer");
    ran.must_say("ok msul1: up: msul1 (");
    ran.must_say("mode 2770");
    // Units are another matter where these tests run under systemd.
    if !std::path::Path::new("/run/systemd/system").exists() {
        assert!(!ran.out.contains("WRONG"), "{ran:?}");
    }
}

#[test]
fn findings_have_remedies() {
    let (up, dead) = (Peer::start(), Peer::dead());
    let site = Site::office(&up, &sections(&[("dead", dead.addr()), ("unasked", dead.addr())]));
    let _listening = ["msul1", "unasked", "nameless"].map(|id| listen(&site, id));
    let config = fs::read_to_string(site.path("lonc.toml")).unwrap();
    site.write_config(&format!(
        "{config}[peer.nameless]\naddress = 'no-such-host.invalid'\n[peer.lost]\naddress = 'no-such-host.invalid'\n"
    ));
    fs::set_permissions(site.path("delayed"), Permissions::from_mode(0o777)).unwrap();
    let _lonc = start(&site, "dead", "down");
    let ran = ctl(&site, &["check"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    for words in [
        "all users of this host may leave messages there",
        "chmod o-w",
        "WRONG lost: off: nobody listens where its workers ask",
        "WRONG dead: down: cannot connect",
        "-> loncctl why dead",
        "WRONG nameless: name lookup of no-such-host.invalid failed",
        "-> getent hosts no-such-host.invalid",
        "Connection refused",
        "WRONG unasked: not-started; cannot connect",
        "Does lond run on unasked",
        "ok msul1: not-started; ",
        "this host: ",
        "5 peers: 1 down, 3 not-started, 1 off",
    ] {
        ran.must_say(words);
    }
    ran.must_say(&format!("listens at {}", up.addr()));
    // Where nobody listens, the remote host is another day's matter.
    assert_eq!(ran.out.matches("lost:").count(), 1, "{ran:?}");
    let remedies = ran
        .out
        .lines()
        .filter(|line| line.trim_start().starts_with("->"))
        .count();
    let findings = ran
        .out
        .lines()
        .filter(|line| line.starts_with("doubt") || line.starts_with("WRONG"));
    assert_eq!(findings.count(), remedies, "{ran:?}");
}

#[test]
fn what_is_this_hosts_is_told_apart_from_what_is_not_and_what_is_alike_once() {
    let (up, dead) = (Peer::start(), Peer::dead());
    let ids: Vec<_> = (0..7).map(|number| format!("down{number}")).collect();
    let peers: Vec<_> = ids.iter().map(|id| (id.as_str(), dead.addr())).collect();
    let table = "hosts_tab = 'DIR/hosts.tab'\n".to_owned();
    let site = Site::office(&up, &(table + &sections(&peers)));
    site.write("hosts.tab", "msul2:msu:library:127.0.0.1:\n");
    fs::set_permissions(site.path("delayed"), Permissions::from_mode(0o2770)).unwrap();
    let _lonc = start(&site, "msul1", "up");
    let _loncs: Vec<_> = ids.iter().map(|id| start(&site, id, "down")).collect();
    let findings = |weight: &str, scope: &str| {
        let json = ctl(&site, &["check", "--json"]).json();
        let all = json["findings"].as_array().unwrap().clone();
        let is_it = |one: &Value| one["weight"] == weight && one["scope"] == scope;
        all.into_iter().filter(is_it).collect::<Vec<_>>()
    };
    let remote = findings("wrong", "remote");
    assert_eq!(remote.len(), 1, "{remote:?}");
    assert_eq!(remote[0]["subjects"].as_array().unwrap().len(), 7, "{remote:?}");
    let ran = ctl(&site, &["check"]);
    ran.must_say("1 up, 7 down");
    ran.must_say("WRONG 7: down: nothing listens at lond's port: down0 down1 down2 down3 down4 down5 down6");
    for id in &ids {
        assert_eq!(ran.out.matches(&format!(" {id}")).count(), 1, "{ran:?}");
    }
    // Of the machine that this runs on there may be something to be told.
    let is_sound = findings("wrong", "host").is_empty() && findings("doubt", "host").is_empty();
    assert_eq!(ran.code == 9, is_sound, "{ran:?}");
    fs::set_permissions(site.path("delayed"), Permissions::from_mode(0o777)).unwrap();
    let ran = ctl(&site, &["check"]);
    assert!([1, 2].contains(&ran.code), "{ran:?}");
    ran.must_say("all users of this host may leave messages there");
}

#[test]
fn a_faulty_configuration_is_a_finding() {
    let site = Site::new("127.0.0.1:1".parse().unwrap(), "typo = 1\n");
    let ran = ctl(&site, &["check"]);
    assert_eq!(ran.code, 78, "{ran:?}");
    ran.must_say("unknown key");
    ran.must_say("-> Mend it there");
    site.configure("127.0.0.1:1".parse().unwrap(), "[link]\npipeline = 0\n");
    let ran = ctl(&site, &["check"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    ran.must_say("link.pipeline");
}
