//! lonc dies at each system call of storing and of sending, and never after a promise that is not kept.

use std::collections::HashSet;
use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::os::unix::net::UnixStream;

use test_harness::spool::{check_received, received, word};
use test_harness::{Client, Lonc, PATIENCE, Peer, Site, wait_until};

use crate::strace::Strace;

/// A system call, and the how manieth of its name: where lonc dies, before it is done.
pub(crate) type Moment = (String, usize);

/// Calls that change nothing but the thread's own turn.
const HARMLESS: [&str; 4] = ["futex", "clock_gettime", "restart_syscall", "exit"];

const MESSAGES: usize = 2;
const PIPELINE: usize = 4;

#[test]
fn a_death_while_storing_breaks_no_promise() {
    let mut run = Storing::begin();
    let Some(strace) = Strace::spool(&run.lonc, &[]) else {
        return;
    };
    for request in Storing::REQUESTS {
        assert_eq!(run.client.ask(request), "con_delayed");
    }
    wait_until("the log", || run.lonc.site.logged('D').len() == 2);
    let moments = moments(&strace.lines());
    let has = |name: &str| moments.iter().any(|(call, _)| call == name);
    assert!(
        has("fsync") && (has("rename") || has("renameat") || has("renameat2")),
        "{moments:?}"
    );
    drop(strace);
    // What comes after the last answer need not happen while anybody looks.
    die_at_each(&moments, "storing", die_while_storing);
}

#[test]
fn a_death_while_sending_loses_nothing() {
    let (peer, lonc) = begin_sending(Peer::dead());
    let Some(strace) = Strace::spool(&lonc, &[]) else {
        return;
    };
    send(&peer, &lonc);
    lonc.site.await_empty();
    wait_until("the log", || lonc.site.logged('S').len() == MESSAGES);
    let moments = moments(&strace.lines());
    assert!(
        moments.iter().any(|(call, _)| call.starts_with("unlink")),
        "{moments:?}"
    );
    drop(strace);
    die_at_each(&moments, "sending", |moment| {
        let (peer, lonc) = begin_sending(Peer::dead());
        let strace = doom(&lonc, moment).expect("strace as before");
        send(&peer, &lonc);
        // It ends by itself; or not, where a call is not made again in the same number.
        wait_until("the end of it", || {
            lonc.process_state().is_none_or(|state| state == 'Z') || lonc.site.logged('S').len() == MESSAGES
        });
        let died = lonc.process_state() == Some('Z');
        let site = lonc.slay();
        drop(strace);
        let lonc = site.start();
        lonc.site.await_empty();
        let duplicates = check_received(&peer, MESSAGES);
        assert!(duplicates <= PIPELINE, "{moment:?}: {duplicates}");
        assert!(lonc.site.failed().is_empty());
        wait_until("the log", || {
            let sent = lonc.site.logged('S');
            sent.iter().all(|sent| *sent == word(0) || *sent == word(1)) && sent.len() <= MESSAGES
        });
        died
    });
}

#[test]
fn the_answer_follows_the_sync_of_file_and_directory() {
    let mut run = Storing::begin();
    let Some(strace) = Strace::all(
        &run.lonc,
        &[
            "-e",
            "trace=fsync,fdatasync,rename,renameat,renameat2,write,sendto,writev,sendmsg",
        ],
    ) else {
        return;
    };
    assert_eq!(run.client.ask("critical:echo:m0"), "con_delayed");
    let mut at = 0;
    let mut lines = Vec::new();
    wait_until("the trace of the answer", || {
        lines = strace.lines();
        lines.iter().any(|line| line.contains("\"con_delayed"))
    });
    for step in [
        &["write(", ".storing-", "echo:m0"][..],
        &["fsync(", ".storing-"],
        &["rename", ".storing-"],
        &["fsync(", "/delayed>"],
        &["\"con_delayed"],
    ] {
        let found = lines[at..]
            .iter()
            .position(|line| step.iter().all(|word| line.contains(word)));
        let found = found.unwrap_or_else(|| panic!("{step:?} is not behind line {at} of {lines:#?}"));
        at += found + 1;
    }
}

#[test]
fn what_may_not_last_is_not_promised_and_not_sent() {
    // The first is the file's, the second the directory's.
    for when in [1, 2] {
        let mut run = Storing::begin();
        let inject = format!("inject=fsync:error=EIO:when={when}");
        let Some(strace) = Strace::spool(&run.lonc, &["-e", "trace=fsync", "-e", &inject]) else {
            return;
        };
        assert_eq!(run.client.ask("critical:echo:m0"), "con_failed");
        drop(strace);
        assert!(run.lonc.site.left().is_empty(), "{:?}", run.lonc.site.left());
        assert_eq!(run.client.ask("critical:echo:m1"), "con_delayed");
        assert_eq!(run.lonc.site.logged('F'), [word(0)]);
        run.lonc.await_log("con_failed");
        send(&run.peer, &run.lonc);
        run.lonc.site.await_empty();
        let came: Vec<_> = received(&run.peer).iter().map(|(_, number)| *number).collect();
        assert_eq!(came, [1]);
    }
}

/// Every moment in a trace of one thread.
pub(crate) fn moments(lines: &[String]) -> Vec<Moment> {
    let mut moments: Vec<Moment> = Vec::new();
    for line in lines {
        let name = line.split('(').next().unwrap_or_default();
        let is_call = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_call && !HARMLESS.contains(&name) {
            let before = moments.iter().filter(|(had, _)| had == name).count();
            moments.push((name.to_owned(), before + 1));
        }
    }
    moments
}

/// Has `die` try each moment; it says whether lonc died.
pub(crate) fn die_at_each(moments: &[Moment], while_at: &str, die: impl Fn(&Moment) -> bool) {
    let deaths = moments.iter().filter(|moment| die(moment)).count();
    eprintln!("{} moments of {while_at}, {deaths} deaths", moments.len());
    // Where a call is not made again in the same number nothing dies; on a busy machine that is a few.
    assert!(deaths * 2 > moments.len(), "{deaths} of {}", moments.len());
}

/// Has lonc die at this moment of the spool's thread, counted from now.
pub(crate) fn doom(lonc: &Lonc, (call, when): &Moment) -> Option<Strace> {
    let inject = format!("inject={call}:signal=SIGKILL:when={when}");
    Strace::spool(lonc, &["-e", &format!("trace={call}"), "-e", &inject])
}

struct Storing {
    peer: Peer,
    lonc: Lonc,
    client: Client,
}

impl Storing {
    /// Asked one after the other, so that lonc does the same each time.
    const REQUESTS: [&str; 2] = ["critical:echo:m0", "critical:encrypt:echo:m1"];

    fn begin() -> Self {
        let peer = Peer::dead();
        let lonc = Site::office(&peer, "[link]\nbackoff_min = '50s'\n").start();
        let mut client = lonc.client();
        client.await_down();
        lonc.await_spool();
        Self { peer, lonc, client }
    }
}

/// True if lonc died before it had answered all.
fn die_while_storing(moment: &Moment) -> bool {
    let run = Storing::begin();
    let stream = UnixStream::connect(run.lonc.site.socket()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut client = BufReader::new(stream);
    let strace = doom(&run.lonc, moment).expect("strace as before");
    let mut promised = 0;
    for request in Storing::REQUESTS {
        let Some(heard) = try_ask(&mut client, request) else {
            break;
        };
        assert_eq!(heard, "con_delayed\n", "{moment:?}");
        promised += 1;
    }
    drop(strace);
    let site = run.lonc.slay();
    let whole = |name: &String| {
        let content = fs::read_to_string(site.spool(name)).unwrap();
        name.starts_with('.') || content == "echo:m0\n" || content == "encrypt:echo:m1\n"
    };
    assert!(site.left().iter().all(whole), "{moment:?}: {:?}", site.left());
    run.peer.revive();
    let lonc = site.start();
    lonc.site.await_empty();
    let came = received(&run.peer);
    assert!(
        came.len() >= promised && came.len() <= 2 && came.is_sorted(),
        "{moment:?}: {came:?}"
    );
    let numbers: HashSet<_> = came.iter().map(|(_, number)| *number).collect();
    assert!(numbers.len() == came.len(), "{moment:?}: {came:?}");
    assert!(
        (0..promised).all(|number| numbers.contains(&number)),
        "{moment:?}: {came:?}"
    );
    assert!(lonc.site.failed().is_empty());
    promised < Storing::REQUESTS.len()
}

/// The answer to this line; `None` if lonc ended before it gave one.
pub(crate) fn try_ask(client: &mut BufReader<UnixStream>, line: &str) -> Option<String> {
    // It may have ended already.
    let _ = client.get_ref().write_all(format!("{line}\n").as_bytes());
    let mut heard = String::new();
    match client.read_line(&mut heard) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("no answer: {error}"),
        Ok(_) | Err(_) => heard.ends_with('\n').then_some(heard),
    }
}

/// lonc with messages to send to a peer that is dead, and takes none before it is revived.
pub(crate) fn begin_sending(peer: Peer) -> (Peer, Lonc) {
    let site = Site::office(
        &peer,
        &format!("[link]\nbackoff_min = '50s'\npipeline = {PIPELINE}\n"),
    );
    site.put_words(MESSAGES);
    let lonc = site.start();
    lonc.client().await_down();
    (peer, lonc)
}

pub(crate) fn send(peer: &Peer, lonc: &Lonc) {
    peer.revive();
    lonc.signal(nix::sys::signal::Signal::SIGUSR1);
}
