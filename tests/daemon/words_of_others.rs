//! What others wrote reaches the log escaped, short, and on one line.

use std::fs;
use std::os::unix::fs::symlink;

use nix::sys::signal::Signal;
use test_harness::{Lonc, Peer, SLOW, Site, wait_until};

/// Turns what follows round, forges a line, clears the screen, hides.
const EVIL: &str = "\u{202e}\n2026-01-01 forged\u{1b}[2J\u{9b}\r\u{200b}\u{7}\u{2066}";

#[test]
fn names_of_files() {
    let peer = Peer::start();
    let site = Site::office(&peer, "loncron_log = 'DIR/lonc.log'\n");
    // What is no message is told of by its name.
    symlink("/dev/null", site.spool(format!("1000000000.1.1.{EVIL}.msul1"))).unwrap();
    fs::write(site.spool(format!("1000000001.1.1.{EVIL}.msul1")), "half a line").unwrap();
    fs::create_dir(site.spool(format!("1000000002.1.1.{EVIL}.msul1"))).unwrap();
    let lonc = site.start();
    wait_until("a record of it", || lonc.log().contains("forged"));
    let site = lonc.site.clone();
    assert_harmless(lonc, |log| log.contains("forged"));
    assert_safe(&fs::read_to_string(site.path("lonc.log")).unwrap());
}

#[test]
fn keys_and_values_of_the_configuration() {
    let peer = Peer::dead();
    for text in [
        "\"KEY\" = 1\n",
        "host_id = \"KEY\"\n",
        "[link]\npipeline = \"KEY\"\n",
        "spool_dir = \"/KEY\"\n",
        "[peer.\"KEY\"]\naddress = 'x'\n",
    ] {
        let lonc = Site::office(&peer, SLOW).start();
        // As TOML has it: four digits.
        let codes: Vec<_> = EVIL
            .chars()
            .map(|one| format!("\\u{:04x}", u32::from(one)))
            .collect();
        let escaped = codes.concat();
        lonc.site.write_config(&text.replace("KEY", &escaped));
        lonc.signal(Signal::SIGHUP);
        lonc.await_log("reload failed");
        assert_harmless(lonc, |_| true);
    }
}

fn assert_harmless(mut lonc: Lonc, told: impl Fn(&str) -> bool) {
    lonc.signal(Signal::SIGTERM);
    let log = lonc.ended_well();
    assert!(told(&log), "{log}");
    assert_safe(&log);
}

fn assert_safe(log: &str) {
    let evil = [
        '\u{202e}', '\u{1b}', '\u{9b}', '\r', '\u{200b}', '\u{7}', '\u{2066}',
    ];
    assert!(!log.contains(evil), "{log:?}");
    assert!(
        !log.lines().any(|line| line.starts_with("2026-01-01 forged")),
        "{log}"
    );
}
