//! Starts with a faulty configuration, by whoever holds the socket.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use test_harness::programs::installed;
use test_harness::{Client, Lonc, Peer, Site, wait_for, wait_until};

/// Requests of a client.
const MANY: usize = 1000;
const FAULT: &str = "unknown key \"typo\"";

#[test]
fn who_waits_is_answered_before_the_end() {
    let peer = Peer::start();
    let Some(office) = Office::faulty(&peer) else {
        return;
    };
    // Not the shortest, which on a busy machine would be over before all have asked.
    fs::write(office.site.path("run/faulty"), "4 0").unwrap();
    let (mut lonc, mut client) = office.start();
    client.send("echo:1\ncritical:echo:2\nencrypt:echo:3\n");
    let ask = |_| {
        let mut other = Client::connect(&office.socket());
        other.say("critical:echo:4");
        other
    };
    let mut others: Vec<_> = (0..50).map(ask).collect();
    assert_eq!(
        [client.hear(), client.hear(), client.hear()],
        ["con_lost", "con_failed", "con_lost"]
    );
    for other in &mut others {
        assert_eq!(other.hear(), "con_failed");
    }
    let (status, log) = lonc.ended();
    assert_eq!(status.code(), Some(78), "{log}");
    assert_eq!(log.matches(FAULT).count(), 1, "{log}");
}

#[test]
fn one_after_the_other_takes_longer_and_says_nothing_new() {
    let peer = Peer::start();
    let Some(office) = Office::faulty(&peer) else {
        return;
    };
    let mut spans = Vec::new();
    for round in 0..4 {
        let begun = Instant::now();
        let (mut lonc, client) = office.start();
        drop(client);
        let (status, log) = lonc.ended();
        assert_eq!(status.code(), Some(78), "{log}");
        assert_eq!(log.matches(FAULT).count(), usize::from(round == 0), "{log}");
        spans.push(begun.elapsed());
    }
    assert!(
        spans[2] >= Duration::from_secs(2) && spans[3] >= Duration::from_secs(4),
        "{spans:?}"
    );
    // Another fault is news.
    office.site.configure(peer.addr(), "other = 1\n");
    let (mut lonc, mut client) = office.start();
    assert_eq!(client.ask("echo:1"), "con_lost");
    lonc.await_log("unknown key \"other\"");
    // Whoever ends it wants to know how the next start begins.
    lonc.signal(nix::sys::signal::Signal::SIGTERM);
    lonc.ended_well();
    let begun = Instant::now();
    let (mut lonc, client) = office.start();
    drop(client);
    let (status, log) = lonc.ended();
    assert_eq!(status.code(), Some(78), "{log}");
    assert!(log.contains("unknown key \"other\""), "{log}");
    // The next in a row would take eight seconds.
    assert!(begun.elapsed() < Duration::from_secs(7), "{:?}", begun.elapsed());
}

#[test]
fn a_fault_that_is_mended_meanwhile_is_one_no_more() {
    let peer = Peer::start();
    let Some(office) = Office::faulty(&peer) else {
        return;
    };
    // As if many had failed before.
    fs::write(office.site.path("run/faulty"), "9 0").unwrap();
    let (mut lonc, mut client) = office.start();
    assert_eq!(client.ask("echo:1"), "con_lost");
    office.site.configure(peer.addr(), "");
    // In each of these moments some have come and asked; all are answered.
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                wait_until("service", || {
                    let lines = "echo:2\n".repeat(MANY);
                    let mut client = Client::connect(&office.socket());
                    client.send(lines);
                    (0..MANY)
                        .map(|_| client.hear())
                        .filter(|heard| heard == "2")
                        .count()
                        == MANY
                });
            });
        }
    });
    lonc.assert_alive();
}

/// As where the unit of the socket has lost its `FileDescriptorName=`.
#[test]
fn a_socket_that_is_of_no_use_is_told_of_once_and_tried_ever_less() {
    let peer = Peer::start();
    let Some(office) = Office::faulty(&peer) else {
        return;
    };
    office.site.configure(peer.addr(), "");
    let mut spans = Vec::new();
    for round in 0..4 {
        let begun = Instant::now();
        let (mut lonc, client) = office.start_as("other");
        let (status, log) = lonc.ended();
        assert_eq!(status.code(), Some(1), "{log}");
        assert_eq!(
            log.matches("no socket named").count(),
            usize::from(round == 0),
            "{log}"
        );
        drop(client);
        spans.push(begun.elapsed());
    }
    assert!(
        spans[2] >= Duration::from_secs(2) && spans[3] >= Duration::from_secs(4),
        "{spans:?}"
    );
    // Mended, it is as if nothing had been.
    let (mut lonc, mut client) = office.start();
    assert_eq!(client.ask("echo:1"), "1");
    lonc.assert_alive();
}

/// Another sends the delayed messages of its spool.
#[test]
fn who_waits_where_it_may_not_begin_is_answered_too() {
    let peer = Peer::start();
    let Some(office) = Office::faulty(&peer) else {
        return;
    };
    office.site.configure(peer.addr(), "");
    fs::create_dir(office.site.path("delayed")).unwrap();
    let mut first = office.site.clone().start();
    for round in 0..3 {
        if round == 2 {
            // As if many had failed before.
            fs::write(office.site.path("run/faulty"), "9 0").unwrap();
        }
        let (mut lonc, mut client) = office.start();
        client.send("echo:1\ncritical:echo:2\n");
        assert_eq!([client.hear(), client.hear()], ["con_lost", "con_failed"]);
        if round == 2 {
            // It would take a minute yet.
            lonc.signal(nix::sys::signal::Signal::SIGTERM);
            assert_eq!(lonc.ended().0.code(), Some(0));
            continue;
        }
        let (status, log) = lonc.ended();
        assert_eq!(status.code(), Some(1), "{log}");
        assert_eq!(
            log.matches("another lonc").count(),
            usize::from(round == 0),
            "{log}"
        );
    }
    assert_eq!(first.client().ask("echo:3"), "3");
    first.assert_alive();
}

/// A site whose socket is another's.
struct Office {
    site: Site,
    activate: std::path::PathBuf,
}

impl Office {
    fn faulty(peer: &Peer) -> Option<Self> {
        let activate = installed("systemd-socket-activate")?;
        let site = Site::new(peer.addr(), "typo = 1\n");
        fs::create_dir(site.path("run")).unwrap();
        Some(Self { site, activate })
    }

    fn socket(&self) -> std::path::PathBuf {
        self.site.path("in")
    }

    /// The next start, and the client that it is for.
    fn start(&self) -> (Lonc, Client) {
        self.start_as("client")
    }

    /// The same, with the socket under this name.
    fn start_as(&self, name: &str) -> (Lonc, Client) {
        // It removes what is there, but not at once.
        let _ = fs::remove_file(self.socket());
        let mut command = Command::new(&self.activate);
        command
            .arg("-l")
            .arg(self.socket())
            .arg(format!("--fdname={name}"));
        command
            .arg("-E")
            .arg(variable("RUNTIME_DIRECTORY", &self.site.path("run")));
        let lonc = Lonc::spawn(self.site.clone(), self.site.command_behind(command));
        // Whoever comes first wakes it.
        let client = wait_for("the socket", || UnixStream::connect(self.socket()).ok());
        (lonc, Client::of(client))
    }
}

fn variable(name: &str, value: &Path) -> String {
    format!("{name}={}", value.display())
}
