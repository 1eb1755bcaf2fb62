//! `lonc-usr1`: signalled as lond does it, by the web server's user.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests are tests too"
)]

mod host;

use std::fs;
use std::os::unix::process::CommandExt as _;

use nix::sys::signal::Signal;
use test_harness::programs::Running;
use test_harness::{Lonc, Peer, another_user, wait_until};

use crate::host::{Bridge, Reconnect, signal_as_www, site};

/// A link that failed is not tried again by itself.
const ONCE: &str = "[link]\nconnect_wait = '0s'\nbackoff_min = '1h'\nbackoff_max = '1h'\n[peer.absent]\naddress = '127.0.0.1'\n";

#[test]
fn a_signal_makes_a_down_peers_instance_try_at_once() {
    let peer = Peer::dead();
    let lonc = site(&peer, ONCE).start();
    lonc.await_log("is down");
    let Some(reconnect) = Reconnect::listen(&lonc.site) else {
        return;
    };
    let bridge = Bridge::start(&lonc.site, &reconnect);
    assert_eq!(lonc.client().ask("echo:1"), "con_lost");
    peer.revive();
    signal_as_www(&lonc.site);
    wait_until("the link", || lonc.client().ask("echo:1") == "1");
    bridge.await_log("SIGUSR1: 1 of 2 instances try again");
    assert!(!lonc.site.path("control/absent").exists(), "nothing was started");
}

#[test]
fn signals_in_quick_succession_do_no_harm() {
    let peer = Peer::start();
    let lonc = site(&peer, ONCE).start();
    let Some(reconnect) = Reconnect::listen(&lonc.site) else {
        return;
    };
    let mut bridge = Bridge::start(&lonc.site, &reconnect);
    for _ in 0..20 {
        signal_as_www(&lonc.site);
    }
    bridge.await_log("1 of 2 instances try again");
    bridge.signal(Signal::SIGHUP);
    bridge.signal(Signal::SIGUSR1);
    assert_eq!(lonc.client().ask("echo:1"), "1");
    bridge.stop();
}

#[test]
fn the_file_is_there_while_it_runs_and_names_it() {
    let peer = Peer::dead();
    let site = site(&peer, "");
    let Some(reconnect) = Reconnect::listen(&site) else {
        return;
    };
    let mut bridge = Bridge::start(&site, &reconnect);
    let text = fs::read_to_string(site.path("logs/lonc.pid")).unwrap();
    assert_eq!(text, format!("{}\n", bridge.pid()));
    // The Perl lonc, or another of ours, is not robbed of it.
    let mut second = Bridge::launch(&site, &reconnect);
    let (status, log) = second.ended();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("is a lonc that runs: stop it first"), "{log}");
    assert_eq!(fs::read_to_string(site.path("logs/lonc.pid")).unwrap(), text);
    bridge.stop();
    assert_eq!(fs::read_dir(site.path("logs")).unwrap().count(), 0);
    // One that was killed leaves it behind, and that stops nobody.
    let mut killed = Bridge::start(&site, &reconnect);
    killed.signal(Signal::SIGKILL);
    killed.ended();
    assert!(site.path("logs/lonc.pid").exists());
    Bridge::start(&site, &reconnect).stop();
}

#[test]
fn a_file_that_is_removed_is_put_back() {
    let peer = Peer::dead();
    let site = site(&peer, "");
    let Some(reconnect) = Reconnect::listen(&site) else {
        return;
    };
    let mut bridge = Bridge::start(&site, &reconnect);
    let path = site.path("logs/lonc.pid");
    let own = format!("{}\n", bridge.pid());
    fs::remove_file(&path).unwrap();
    wait_until("the file", || {
        fs::read_to_string(&path).is_ok_and(|text| text == own)
    });
    bridge.await_log("is put back");
    bridge.stop();
    assert!(!path.exists());
}

#[test]
fn a_perl_lonc_is_waited_for() {
    let peer = Peer::dead();
    let site = site(&peer, "");
    let Some(reconnect) = Reconnect::listen(&site) else {
        return;
    };
    // Of the same user, who may signal it.
    let mut command = another_user::command("sleep");
    let mut perl = Running::start(command.arg0("lonc: Parent keeping the flock").arg("600"));
    let path = site.path("logs/lonc.pid");
    let theirs = format!("{}\n", perl.id());
    fs::write(&path, &theirs).unwrap();
    let mut bridge = Bridge::launch(&site, &reconnect);
    bridge.await_log(&format!(
        "process {} is a Perl lonc, waiting for its end",
        perl.id()
    ));
    assert_eq!(fs::read_to_string(&path).unwrap(), theirs);
    perl.kill().unwrap();
    perl.wait().unwrap();
    let own = format!("{}\n", bridge.pid());
    wait_until("the file", || {
        fs::read_to_string(&path).is_ok_and(|text| text == own)
    });
    signal_as_www(&site);
    bridge.await_log("SIGUSR1: 0 of 1 instances try again");
    bridge.stop();
    assert!(!path.exists());
}

#[test]
fn a_number_that_an_instance_got_since_stops_nobody() {
    let peer = Peer::dead();
    // Of the same user, so that it could be signalled.
    let site = site(&peer, "");
    fs::create_dir(site.path("delayed")).unwrap();
    let lonc = another_user::start(site);
    let Some(reconnect) = Reconnect::listen(&lonc.site) else {
        return;
    };
    fs::write(lonc.site.path("logs/lonc.pid"), format!("{}\n", lonc.pid())).unwrap();
    Bridge::start(&lonc.site, &reconnect).stop();
}

#[test]
fn where_nobody_can_steer_it_says_so_and_goes_on() {
    let peer = Peer::dead();
    let site = site(&peer, "");
    let Some(reconnect) = Reconnect::listen(&site) else {
        return;
    };
    let mut bridge = Bridge::start(&site, &reconnect);
    drop(reconnect);
    fs::remove_file(site.path("reconnect")).unwrap();
    bridge.signal(Signal::SIGUSR1);
    bridge.await_log("SIGUSR1 cannot be passed on: ");
    bridge.stop();
}

#[test]
fn whose_process_it_is_and_what_that_may() {
    if !another_user::is_possible() {
        return;
    }
    let peer = Peer::dead();
    let lonc: Lonc = site(&peer, ONCE).start();
    let Some(reconnect) = Reconnect::listen(&lonc.site) else {
        return;
    };
    let bridge = Bridge::start(&lonc.site, &reconnect);
    let status = fs::read_to_string(format!("/proc/{}/status", bridge.pid())).unwrap();
    let www = another_user::ID;
    assert!(
        status.contains(&format!("Uid:\t{www}\t{www}\t{www}\t{www}\n")),
        "{status}"
    );
    // It could not have steered the instance itself.
    let output = another_user::command(host::program(&lonc.site))
        .arg("--config")
        .arg(lonc.site.path("lonc.toml"))
        .arg("--reconnect")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.starts_with("0 of 2 instances try again; msul1: no permission"),
        "{said}"
    );
}
