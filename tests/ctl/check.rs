//! `loncctl check`: each finding with what to do.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use test_harness::{Peer, Site};

use crate::field::{sections, start};
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
    let site = Site::office(&up, &sections(&[("dead", dead.addr())]));
    let config = fs::read_to_string(site.path("lonc.toml")).unwrap();
    site.write_config(&format!(
        "{config}[peer.lost]\naddress = 'no-such-host.invalid'\n"
    ));
    fs::set_permissions(site.path("delayed"), Permissions::from_mode(0o777)).unwrap();
    let _lonc = start(&site, "dead", "down");
    let ran = ctl(&site, &["check"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    for words in [
        "all users of this host may leave messages there",
        "chmod o-w",
        "there is no socket: workers cannot ask this peer",
        "WRONG dead: down: cannot connect",
        "-> loncctl why dead",
        "WRONG lost: name lookup of no-such-host.invalid failed",
        "-> getent hosts no-such-host.invalid",
        "Connection refused",
        "Does lond run on dead",
        "ok msul1: not started: nobody has asked for it yet",
    ] {
        ran.must_say(words);
    }
    ran.must_say(&format!("listens at {}", up.addr()));
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
