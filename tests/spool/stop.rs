//! A second stop ends an instance at once, whatever hangs.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use test_harness::{Lonc, Peer, SLOW, Site, wait_until};

use crate::strace::Strace;

/// More than a second stop takes, and less than what hangs here does.
const AT_ONCE: Duration = Duration::from_secs(10);
/// What makes each call hang that begins with these.
const HANG: &str = ":delay_enter=40s";

#[test]
fn a_disk_that_hangs() {
    let peer = Peer::dead();
    let lonc = Site::office(&peer, SLOW).start();
    let calls = format!("inject=fsync,fdatasync,openat,unlink,unlinkat,rename,renameat2{HANG}");
    let Some(strace) = Strace::spool(&lonc, &["-e", &calls]) else {
        return;
    };
    let mut client = lonc.client();
    client.await_down();
    client.say("critical:echo:1");
    assert_ends(lonc, strace);
    assert_eq!(client.rest(), b"con_failed\n");
}

#[test]
fn a_file_that_hangs_while_it_is_read_anew() {
    let peer = Peer::dead();
    let lonc = Site::office(&peer, SLOW).start();
    let Some(strace) = Strace::all(&lonc, &["-e", &format!("inject=openat{HANG}")]) else {
        return;
    };
    lonc.signal(Signal::SIGHUP);
    assert_ends(lonc, strace);
}

fn assert_ends(mut lonc: Lonc, strace: Strace) {
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    lonc.signal(Signal::SIGTERM);
    lonc.await_log("stopping");
    lonc.signal(Signal::SIGTERM);
    // It has ended, but for the thread that strace holds.
    wait_until("its end", || lonc.is_ending());
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    drop(strace);
    assert_eq!(lonc.ended().0.code(), Some(0));
}
