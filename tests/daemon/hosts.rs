//! Lines of workers since 2007, which say for which id of the peer they are; against a lond that shares no code with lonc.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;

use tempfile::TempDir;
use test_harness::spool::names_in;
use test_harness::{Client, Lonc, Peer, Site, source, wait_until};

const CLIENTS: usize = 12;
const REQUESTS: usize = 250;
/// What nobody may see on the wire.
const SECRET: &str = "Geheimnis";
const NOT_INSTALLED: i32 = 77;

#[test]
fn each_request_is_carried_out_under_its_own_id_and_nothing_encrypted_goes_in_the_clear() {
    for (version, links) in [
        ("2.11.4", 3),
        ("$Revision: 1.489 $", 1),
        ("$Revision: 1.321 $", 3),
    ] {
        let Some(lond) = Lond::start(version) else { return };
        let toml = format!("[link]\nconnections = {links}\nmax_connections = {links}\n");
        let lonc = Site::new(lond.address, &toml).start();
        thread::scope(|scope| {
            for number in 0..CLIENTS {
                let client = lonc.client();
                scope.spawn(move || ask_for_all_ids(client, number));
            }
        });
        let wire = lond.wire();
        assert!(!has(&wire, SECRET), "{version}");
        assert!(has(&wire, "plain 0."));
        assert_eq!(
            has(&wire, "sethost:msul1b:enc:"),
            links == 1 || version.starts_with('2')
        );
    }
}

/// Asks all at once; each answer says by which id it was asked, and what.
fn ask_for_all_ids(mut client: Client, number: usize) {
    let mut lines = String::new();
    let mut expected = Vec::new();
    for request in 0..REQUESTS {
        let id = ["", "msul1", "msul1b", "msul1c"][(request * 7 + request / 5 + number) % 4];
        let host = if id.is_empty() {
            String::new()
        } else {
            format!("sethost:{id}:")
        };
        let (encrypt, words) = if (request + number).is_multiple_of(3) {
            ("", "plain")
        } else {
            ("encrypt:", SECRET)
        };
        let front = match request % 5 {
            0 => format!("critical:{host}"),
            1 if !id.is_empty() => format!("{host}critical:"),
            _ => host,
        };
        let command = format!("{words} {number}.{request}");
        lines += &[&front, encrypt, &command, "\n"].concat();
        let id = if id.is_empty() { "msul1" } else { id };
        expected.push(format!("{id}|{command}"));
    }
    client.send(&lines);
    for expected in expected {
        assert_eq!(client.hear(), expected);
    }
}

#[test]
fn what_lonc_asks_itself_goes_under_the_peers_id_whatever_was_before() {
    let Some(lond) = Lond::start("2.11.4") else { return };
    let lonc = Site::new(lond.address, "[link]\nprobe_interval = '1s'\n").start();
    assert_eq!(lonc.client().ask("sethost:msul1b:x"), "msul1b|x");
    wait_until("a probe", || has(&lond.wire(), "\nsethost:msul1:ping\n"));
    assert_eq!(lonc.client().ask("y"), "msul1|y");
    assert!(!lonc.log().contains("calls itself"), "{}", lonc.log());
}

#[test]
fn what_asks_for_encryption_in_an_odd_way_and_what_opens_a_link_is_refused_and_told() {
    let Some(lond) = Lond::start("2.11.4") else { return };
    let lonc = Site::new(lond.address, "").start();
    let mut client = lonc.client();
    for line in [
        "auth:encrypt:",
        "sethost:msul1b:auth:encrypt:",
        "critical:x:encrypt:",
        "sethost:encrypt:",
    ] {
        assert_eq!(client.ask(&format!("{line}{SECRET}")), "refused");
    }
    lonc.await_log("it asks for encryption in a way that is not understood");
    for line in [
        "init",
        "init:x",
        "ekey",
        "sethost:msul1b",
        "encrypt:ekey",
        "sethost:msul1b:init",
    ] {
        assert_eq!(client.ask(line), "refused");
    }
    lonc.await_log("it would change the link for everybody");
    assert!(!lonc.log().contains(SECRET));
    // In their order among others', and the link is as it was.
    client.send(format!("a\nekey\nencrypt:{SECRET}\nx:encrypt:y\nb\n"));
    let heard: Vec<_> = (0..5).map(|_| client.hear()).collect();
    assert_eq!(
        heard,
        [
            "msul1|a",
            "refused",
            &format!("msul1|{SECRET}"),
            "refused",
            "msul1|b"
        ]
    );
    assert!(!has(&lond.wire(), SECRET));
}

#[test]
fn a_critical_one_is_stored_as_a_worker_would_have_and_sent_under_its_id() {
    let Some(mut lond) = Lond::start("2.11.4") else {
        return;
    };
    let site = Site::new(lond.address, "[link]\nconnect_wait = '1s'\nbackoff_max = '1s'\n");
    fs::create_dir(site.path("delayed")).unwrap();
    let port = lond.address;
    lond.kill();
    let lonc = site.start();
    let mut client = lonc.client();
    client.await_down();
    let lines = [
        "sethost:msul1b:critical:put:1",
        "critical:sethost:msul1:encrypt:put:2",
        "critical:sethost:msul1c:put:3",
    ];
    for line in lines {
        assert_eq!(client.ask(line), "con_delayed");
    }
    let mut names = names_in(&lonc.site.path("delayed"));
    names.retain(|name| lonc.site.spool(name).is_file());
    let stored: Vec<_> = names
        .iter()
        .map(|name| fs::read_to_string(lonc.site.spool(name)).unwrap())
        .collect();
    assert_eq!(
        stored,
        [
            "sethost:msul1b:put:1\n",
            "sethost:msul1:encrypt:put:2\n",
            "sethost:msul1c:put:3\n"
        ]
    );
    // A lond of another implementation, at the same address.
    let peer = Peer::on(port);
    peer.await_received(|lines| {
        lines
            .iter()
            .filter(|line| line.command().starts_with(b"put:"))
            .count()
            == 3
    });
    let raw: Vec<_> = peer
        .received()
        .into_iter()
        .filter(|line| line.command().starts_with(b"put:"))
        .map(|line| line.raw)
        .collect();
    assert_eq!(raw[0], b"sethost:msul1b:put:1");
    assert!(raw[1].starts_with(b"sethost:msul1:enc:5:"));
    assert_eq!(raw[2], b"sethost:msul1c:put:3");
    let log = || fs::read_to_string(lonc.site.path("perm.log")).unwrap_or_default();
    wait_until("the permanent log", || {
        log().contains(":S:msul1:sethost:msul1c:put:3:")
    });
    assert!(log().contains(":D:msul1:sethost:msul1:encrypt:5:"), "{}", log());
}

#[test]
fn reset_retries_is_ok_and_tries_at_once() {
    let peer = Peer::start();
    let address = peer.addr();
    peer.kill();
    let lonc = Lonc::start(&peer, "[link]\nbackoff_min = '1h'\nbackoff_max = '1h'\n");
    let mut client = lonc.client();
    client.await_down();
    let _again = Peer::on(address);
    assert_eq!(client.ask("sethost:msul1:reset_retries"), "ok");
    assert_eq!(client.ask("echo:1"), "1");
    assert_eq!(client.ask("reset_retries"), "ok");
}

fn has(bytes: &[u8], words: &str) -> bool {
    bytes.windows(words.len()).any(|some| some == words.as_bytes())
}

/// `lond.py`, as msul1, with two ids more.
struct Lond {
    process: Child,
    address: SocketAddr,
    wire: PathBuf,
    _directory: TempDir,
}

impl Lond {
    fn start(version: &str) -> Option<Self> {
        let python = test_harness::programs::installed("python3")?;
        let directory = TempDir::new().unwrap();
        let wire = directory.path().join("wire");
        let mut process = Command::new(python)
            .arg(source("tests/daemon/lond.py"))
            .args(["msul1,msul1b,msul1c", "msul2", version])
            .arg(&wire)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut port)
            .unwrap();
        if port.is_empty() && process.wait().unwrap().code() == Some(NOT_INSTALLED) {
            eprintln!("SKIPPED: libgcrypt is not installed");
            return None;
        }
        let port = port.trim().parse().unwrap();
        Some(Self {
            process,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            wire,
            _directory: directory,
        })
    }

    /// All bytes that came in, a line at a time.
    fn wire(&self) -> Vec<u8> {
        fs::read(&self.wire).unwrap()
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Lond {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
