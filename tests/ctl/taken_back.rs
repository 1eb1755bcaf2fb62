//! What is told where systemd manages the sockets and the Perl lonc has some of them: its own, or those that it took back.

use std::fs;
use std::process::Command;

use test_harness::programs::{self, built, installed};

use crate::takeover::classic::Classic;
use crate::tool::{Ran, run};

/// Has the host's `/etc`, a systemd, and none of its sockets started.
const BOOTED: &str = r#"
    cp /etc/passwd /etc/group etc/ && ln -sfn "$PWD" etc/lonc && mount --bind etc /etc && mount -t tmpfs none /run || exit 99
    mkdir -p /run/systemd/system /run/lonc /run/lonc-control /run/lonc-sockets
"#;
/// One daemon is started by hand there.
const BY_HAND: &str = r#"
    "$LONC" one 2>by-hand.log & pid=$!
    until [ -S /run/lonc/one ] && [ -S /run/lonc-control/one ]; do kill -0 $pid || exit 98; sleep 0.02; done
    "$@"; code=$?
    kill $pid; wait $pid
    exit $code
"#;

#[test]
fn what_the_perl_lonc_took_back_is_displaced_and_what_was_never_taken_over_is_not() {
    let Some(host) = Classic::start() else { return };
    host.well(&["takeover", "one"]);
    taken_back(&host);
    let Some(status) = booted(&host, &["status"]) else {
        return;
    };
    assert_eq!(status.code, 2, "{status:?}");
    for (peer, state) in [("one", "displaced"), ("two", "foreign"), ("absent", "foreign")] {
        assert_eq!(status.line(peer)[1], state, "{status:?}");
    }
    let why = booted(&host, &["why", "one"]).unwrap();
    assert_eq!(why.code, 2, "{why:?}");
    why.must_say(
        "The Perl lonc took it back, and serves its workers. To have it here again: loncctl takeover one",
    );
    let check = booted(&host, &["check"]).unwrap();
    assert_eq!(check.code, 2, "{check:?}");
    check.must_say("sockets/one is not our socket any more: process ");
    check.must_say("loncctl takeover one");
    check.must_say("its program has been replaced");
    check.must_say("2 peers not taken over: absent two");
    let metrics = booted(&host, &["metrics"]).unwrap();
    for series in [
        "lonc_instance_state{peer=\"one\",state=\"displaced\"} 1\n",
        "lonc_instance_state{peer=\"two\",state=\"foreign\"} 1\n",
    ] {
        assert!(metrics.out.contains(series), "{metrics:?}");
    }

    host.well(&["takeover", "one"]);
    let status = booted(&host, &["status", "one"]).unwrap();
    assert_ne!(status.line("one")[1], "displaced", "{status:?}");
}

#[test]
fn when_all_were_taken_back_nobody_is_told_that_nothing_is_taken_over_yet() {
    let Some(host) = Classic::start() else { return };
    host.well(&["takeover", "one", "two"]);
    for is_all in [false, true] {
        if is_all {
            host.well(&["takeover", "--all", "--even-if-down"]);
            assert!(!host.path("taken-over").exists());
        }
        taken_back(&host);
        let Some(check) = booted(&host, &["check"]) else {
            return;
        };
        assert_eq!(check.code, 2, "{check:?}");
        check.must_say("WRONG 2: the Perl lonc listens in the place of PEER: one two");
        check.must_say("its program has been replaced");
        check.must_say(if is_all {
            "-> loncctl takeover --all"
        } else {
            "-> loncctl takeover one two"
        });
        assert!(!check.out.contains("nothing is taken over yet"), "{check:?}");
        let status = booted(&host, &["status", "--down"]).unwrap();
        assert_eq!(status.code, 2, "{status:?}");
        for peer in ["one", "two"] {
            assert_eq!(status.line(peer)[1], "displaced", "{status:?}");
        }
        if is_all {
            assert_eq!(status.line("absent")[1], "off", "{status:?}");
        }
    }
}

#[test]
fn one_that_is_left_alone_is_doubtful_and_says_so_first() {
    let Some(host) = Classic::start() else { return };
    let Some(status) = booted(&host, &["status"]) else {
        return;
    };
    assert_eq!(status.code, 0, "{status:?}");
    status.must_say("not taken over: loncctl takeover two");
    status.must_say("nobody listens: the Perl lonc does not reach it, or does not run");
    let why = booted(&host, &["why", "absent"]).unwrap();
    assert!(
        why.out
            .starts_with("absent is not taken over, and nobody listens where its workers ask\n"),
        "{why:?}"
    );
    why.must_say("What to do: Nobody listens at ");
    booted(&host, &["why", "two"])
        .unwrap()
        .must_say("What to do: The Perl lonc serves its workers, as before");
    let check = booted(&host, &["check"]).unwrap();
    assert_eq!(check.code, 1, "{check:?}");
    check.must_say(
        "doubt absent: not taken over, and nobody listens: the Perl lonc does not reach it, or does not run",
    );
    check.must_say("nothing is taken over yet: 3 peers as before");
    assert!(!check.out.contains("systemctl start"), "{check:?}");
    host.well(&["takeover", "one"]);
    host.check()
        .must_say("doubt absent: not taken over, and nobody listens");
}

#[test]
fn who_listens_is_not_told_where_it_cannot_be_seen() {
    let Some(host) = Classic::start() else { return };
    for is_taken_back in [false, true] {
        if is_taken_back {
            host.well(&["takeover", "one"]);
            taken_back(&host);
        }
        // As for lonc-metrics, from which other processes are hidden.
        let script = "mount -t tmpfs none /proc || exit 99\n exec \"$@\"";
        let Some(why) = in_namespace(&host, script, &["why", "one"]) else {
            return;
        };
        why.must_say("Who listens at ");
        why.must_say("/sockets/one cannot be told from here");
        for unseen in [
            "The Perl lonc serves",
            "The Perl lonc took",
            "is no Perl lonc",
            "end that program",
        ] {
            assert!(!why.out.contains(unseen), "{unseen}: {why:?}");
        }
        assert_eq!(why.code, if is_taken_back { 2 } else { 0 }, "{why:?}");
    }
}

#[test]
fn beside_one_that_was_started_by_hand_no_other_is_left_to_a_perl_lonc() {
    let Some(host) = Classic::start() else { return };
    plain(&host, "host_id = 'msul2'\n");
    for arguments in [
        &["status"][..],
        &["why", "two"],
        &["send", "two", "ping"],
        &["ping", "--all"],
    ] {
        let Some(ran) = in_namespace(&host, BY_HAND, arguments) else {
            return;
        };
        assert!(!format!("{ran:?}").contains("takeover"), "{ran:?}");
        if arguments == ["status"] {
            assert_eq!((ran.code, ran.line("two")[1]), (2, "off"), "{ran:?}");
        }
    }
}

#[test]
fn on_a_host_whose_settings_are_not_named_that_comes_first_and_nothing_is_to_be_ended_or_started() {
    let Some(host) = Classic::start() else { return };
    for own in ["host_id = 'msul2'\n", ""] {
        plain(&host, own);
        let Some(check) = booted(&host, &["check"]) else {
            return;
        };
        check.must_say("WRONG Perl lonc: runs: ");
        let why = booted(&host, &["why", "two"]).unwrap();
        for said in [check, why] {
            said.must_say("First name LON-CAPA's own settings by loncapa_conf in /etc/lonc/lonc.toml");
            for harm in ["systemctl start", "kill", "usermod", "  2: off", "  two: off"] {
                assert!(!said.out.contains(harm), "{harm}: {said:?}");
            }
        }
    }
}

/// As after an upgrade of LON-CAPA and a boot: its own program binds before systemd does.
fn taken_back(host: &Classic) {
    host.end_all();
    for entry in fs::read_dir(host.path("systemd")).unwrap() {
        let path = entry.unwrap().path();
        let is_of_peer = path.to_str().unwrap().contains("/lonc@");
        let end = path.extension().and_then(|end| end.to_str());
        if end == Some("pid") || is_of_peer && end == Some("active") {
            fs::remove_file(path).unwrap();
        }
    }
    fs::remove_file(host.path("perl/lonc")).unwrap();
    programs::put(host.path("perl/lonc.perl"), host.path("perl/lonc"));
    host.start_perl();
    for peer in ["one", "two"] {
        host.await_listener(peer);
    }
}

/// The configuration has no more than a table, and `more`: sockets are where they are by default.
fn plain(host: &Classic, more: &str) {
    let text = format!(
        "{more}hosts_tab = '{0}/lonTabs/hosts.tab'\nspool_dir = '{0}/sockets/delayed'\nusr1_pid_file = '{0}/perl/logs/lonc.pid'\n",
        host.path("").display()
    );
    host.write("lonc.toml", &text.replace("//", "/"));
}

/// Runs `loncctl` with the configuration that the package has, in mounts of its own; nothing where that is not possible.
fn booted(host: &Classic, arguments: &[&str]) -> Option<Ran> {
    in_namespace(host, "exec \"$@\"", arguments)
}

fn in_namespace(host: &Classic, script: &str, arguments: &[&str]) -> Option<Ran> {
    let mut unshare = Command::new(installed("unshare")?);
    unshare.args(["-r", "--mount", "sh", "-c", &format!("{BOOTED}{script}"), "sh"]);
    unshare.arg(built("loncctl")).args(arguments);
    unshare
        .current_dir(host.path(""))
        .env("SITE", host.path(""))
        .env("LONC", built("lonc"));
    let path = std::env::var("PATH").unwrap();
    unshare
        .env("PATH", format!("{}:{path}", host.path("bin").display()))
        .env("TZ", "UTC");
    let ran = run(unshare);
    assert_ne!(ran.code, 98, "the daemon ended: {ran:?}");
    let is_possible = ran.code != 99 && !ran.err.contains("unshare: ");
    if !is_possible {
        eprintln!("SKIPPED: {}", ran.err);
    }
    is_possible.then_some(ran)
}
