//! Signals at any moment, and with anything that hangs.

use std::fs;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use test_harness::programs::installed;
use test_harness::{Lonc, Manager, Peer, Site, wait_until};

#[test]
fn none_kills_while_the_configuration_is_read_first() {
    let peer = Peer::start();
    let Some(mut lonc) = held_in_its_first_read(&peer, Duration::from_secs(4)) else {
        return;
    };
    for signal in [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGHUP] {
        lonc.signal(signal);
        sleep(Duration::from_millis(50));
        lonc.assert_alive();
    }
    lonc.await_socket();
    assert_eq!(lonc.client().ask("echo:1"), "1");
    // It is obeyed when somebody can.
    lonc.await_log("configuration read anew");
}

#[test]
fn a_stop_while_the_configuration_is_read_first_ends_it() {
    let peer = Peer::start();
    let held = Duration::from_secs(15);
    let Some(mut lonc) = held_in_its_first_read(&peer, held) else {
        return;
    };
    lonc.signal(Signal::SIGTERM);
    let begun = Instant::now();
    // It has ended, but for the thread that strace holds.
    wait_until("its end", || lonc.is_ending());
    assert!(begun.elapsed() < held, "{:?}", begun.elapsed());
    lonc.ended_well();
    assert!(!lonc.site.socket().exists());
}

#[test]
fn a_reload_before_ready_does_not_say_ready() {
    let peer = Peer::that(stand_in_lond::Behaviour::StallAt(stand_in_lond::Step::Accept));
    let (manager, lonc) = Manager::launch(
        &peer,
        "[link]\nconnect_wait = '1h'\nhandshake_timeout = '1h'\n",
        |_| {},
    );
    lonc.await_socket();
    lonc.signal(Signal::SIGHUP);
    lonc.await_log("configuration read anew");
    // A faulty one neither.
    let file = lonc.site.path("lonc.toml");
    let good = fs::read_to_string(&file).unwrap();
    fs::write(&file, "typo = 1\n").unwrap();
    lonc.signal(Signal::SIGHUP);
    manager.await_message("STATUS=reload failed");
    fs::write(&file, good).unwrap();
    assert_eq!(manager.count("READY=1") + manager.count("RELOADING=1"), 0);
    peer.behave(stand_in_lond::Behaviour::Normal);
    peer.drop_links();
    manager.await_message("READY=1");
    // From then on they are told.
    lonc.signal(Signal::SIGHUP);
    manager.await_message("RELOADING=1");
    wait_until("the end of the reload", || manager.count("READY=1") == 2);
}

/// lonc that takes so long to open its configuration; nothing where that cannot be made so.
fn held_in_its_first_read(peer: &Peer, held: Duration) -> Option<Lonc> {
    let strace = installed("strace")?;
    let site = Site::new(peer.addr(), "");
    let table = site.path("loncapa.conf");
    fs::write(&table, "").unwrap();
    let config = fs::read_to_string(site.path("lonc.toml")).unwrap();
    fs::write(
        site.path("lonc.toml"),
        format!("loncapa_conf = ['{}']\n{config}", table.display()),
    )
    .unwrap();
    let mut slow = Command::new(strace);
    // -D: lonc is the process that was started, and strace watches it from aside.
    slow.args(["-D", "-f", "-qq", "-o", "/dev/null", "-P"])
        .arg(&table);
    slow.args([
        "-e",
        "trace=openat",
        "-e",
        &format!("inject=openat:delay_enter={}s", held.as_secs()),
    ]);
    let command = site.command_behind(slow);
    let lonc = Lonc::spawn(site, command);
    let name = format!("/proc/{}/comm", lonc.pid());
    wait_until("its name", || {
        fs::read_to_string(&name).is_ok_and(|name| name.starts_with("lonc@"))
    });
    // strace stops it at each system call, but only there for long.
    let mut seen = 0;
    wait_until("the hold", || {
        let is_held = lonc.process_state() == Some('t');
        seen = if is_held { seen + 1 } else { 0 };
        seen > 20
    });
    Some(lonc)
}
