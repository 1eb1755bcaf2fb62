//! What a lond that keeps values holds in the end: never an older one over a newer whose worker was told that it is there.

use std::io::BufReader;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use stand_in_lond::Behaviour;
use test_harness::{Lonc, PATIENCE, Peer, wait_until};

use crate::strace::Strace;
use crate::syscalls::{Moment, begin_sending, die_at_each, doom, moments, send, try_ask};

/// What was answered, of what the two workers of a run asked.
type Answered = Mutex<Vec<usize>>;

/// The values that the workers send; those of the messages on disk are lower.
const NEWER: [usize; 2] = [10, 11];

#[test]
fn a_death_while_sending_leaves_no_older_value_over_a_newer_one() {
    let (peer, lonc) = begin();
    let Some(strace) = Strace::spool(&lonc, &[]) else {
        return;
    };
    let answered = Answered::default();
    thread::scope(|scope| {
        send(&peer, &lonc);
        peer.await_command("echo:m0");
        ask_all(scope, &lonc, &answered);
    });
    assert_eq!(answered.into_inner().unwrap().len(), NEWER.len());
    lonc.site.await_empty();
    let moments = moments(&strace.lines());
    let removal = moments.iter().position(|(call, _)| call.starts_with("unlink"));
    let sync = moments.iter().rposition(|(call, _)| call == "fsync");
    assert!(removal.is_some() && removal < sync, "{moments:?}");
    drop(strace);
    die_at_each(&moments, "sending", die_while_sending);
}

#[test]
fn a_slow_removal_and_a_death_leave_no_older_value_over_a_newer_one() {
    let (peer, lonc) = begin();
    let slow = ["unlink", "unlinkat"].map(|call| format!("inject={call}:delay_enter=300ms"));
    let arguments = ["-e", "trace=unlink,unlinkat", "-e", &slow[0], "-e", &slow[1]];
    let Some(strace) = Strace::spool(&lonc, &arguments) else {
        return;
    };
    let answered = Answered::default();
    send(&peer, &lonc);
    peer.await_command("echo:m0");
    thread::scope(|scope| {
        ask_all(scope, &lonc, &answered);
        wait_until("an answer", || !answered.lock().unwrap().is_empty());
    });
    let site = lonc.slay();
    drop(strace);
    let lonc = site.start();
    lonc.site.await_empty();
    check_last(&peer, &answered.into_inner().unwrap(), "a slow removal");
}

/// True if lonc died at this moment.
fn die_while_sending(moment: &Moment) -> bool {
    let (peer, lonc) = begin();
    let strace = doom(&lonc, moment).expect("strace as before");
    let answered = Answered::default();
    let died = || lonc.process_state().is_none_or(|state| state == 'Z');
    send(&peer, &lonc);
    wait_until("the first message", || died() || !peer.received().is_empty());
    thread::scope(|scope| {
        ask_all(scope, &lonc, &answered);
        wait_until("its end, or its work's", || {
            let done = lonc.site.left().is_empty() && answered.lock().unwrap().len() == NEWER.len();
            died() || done
        });
    });
    let died = died();
    let site = lonc.slay();
    drop(strace);
    let lonc = site.start();
    lonc.site.await_empty();
    check_last(&peer, &answered.into_inner().unwrap(), &format!("{moment:?}"));
    died
}

/// The value that lond holds now is none of those on disk, if one of the workers was answered.
fn check_last(peer: &Peer, answered: &[usize], when: &str) {
    let lines = peer.received();
    let all: Vec<_> = lines.iter().filter_map(|line| value(line.command())).collect();
    let is_right = |last: &usize| answered.is_empty() || NEWER.contains(last);
    assert!(
        all.last().is_some_and(is_right),
        "{when}: {answered:?} were answered, and lond saw {all:?}"
    );
}

/// lonc with messages to send, and a lond that is dead and takes its time once it is not.
fn begin() -> (Peer, Lonc) {
    let peer = Peer::that(Behaviour::LateReply(Duration::from_millis(20)));
    peer.kill();
    begin_sending(peer)
}

/// A value is set: each command is taken for one, of the same key.
fn value(command: &[u8]) -> Option<usize> {
    let digits = command.strip_prefix(b"echo:m")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Two workers ask, each its own.
fn ask_all<'scope>(scope: &'scope thread::Scope<'scope, '_>, lonc: &'scope Lonc, answered: &'scope Answered) {
    for number in NEWER {
        scope.spawn(move || {
            let Ok(stream) = UnixStream::connect(lonc.site.socket()) else {
                // It has died.
                return;
            };
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let heard = try_ask(&mut BufReader::new(stream), &format!("critical:echo:m{number}"));
            if heard.is_some() {
                answered.lock().unwrap().push(number);
            }
        });
    }
}
