//! A log that takes nothing costs records, and no request.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use test_harness::programs::built;
use test_harness::{Client, Lonc, Peer, SLOW, Site, wait_until};

/// More than any request here takes, and less than who waits for a log would.
const AT_ONCE: Duration = Duration::from_secs(10);

#[test]
fn requests_are_answered_while_nobody_reads_stderr() {
    let peer = Peer::start();
    let (pipe, mut lonc) = silenced(Site::new(peer.addr(), ""), "info");
    let mut client = lonc.client();
    assert_eq!(client.ask("echo:1"), "1");
    // Each has lonc say something: a link is lost, another is up.
    for round in 0..5 {
        peer.drop_links();
        wait_until("a link", || client.ask("echo:2") == "2");
        let answer = client.ask(&format!("echo:{round}"));
        assert_eq!(answer, round.to_string());
    }
    let begun = Instant::now();
    lonc.signal(Signal::SIGTERM);
    let (status, _) = lonc.ended();
    assert_eq!(status.code(), Some(0));
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    drop(pipe);
}

#[test]
fn what_is_lost_is_counted_where_it_would_have_stood() {
    let peer = Peer::dead();
    let (mut pipe, mut lonc) = silenced(Site::new(peer.addr(), SLOW), "debug");
    let mut client = lonc.client();
    client.await_down();
    // Each is a record, of those that are asked for one by one.
    flood(&mut client, 3000);
    pipe.drain();
    wait_until("the account of the loss", || {
        pipe.text().contains("the log took none")
    });
    assert_eq!(client.ask("echo:after"), "con_lost");
    let counted = lost(&lonc);
    lonc.signal(Signal::SIGTERM);
    wait_until("the last record", || pipe.text().contains("has finished"));
    lonc.ended();
    let text = pipe.text();
    let place = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words}: {text}"));
    assert!(place("serves msul1") < place("are missing here: the log took none"));
    assert!(place("are missing here") < place("has finished"));
    let told = text
        .matches("1 request was answered con_lost: never sent")
        .count();
    let gaps = text.lines().filter_map(|line| {
        let (front, _) = line.split_once(" records are missing here")?;
        front.rsplit(' ').next()?.parse::<usize>().ok()
    });
    let missing: usize = gaps.sum();
    assert_eq!(counted, Some(missing), "in the metrics");
    // What other records there are is much less.
    let all = told + missing;
    assert!((3000..3300).contains(&all), "{told} told, {missing} missing");
}

#[test]
fn the_end_with_a_faulty_configuration_waits_for_nobody_either() {
    let peer = Peer::dead();
    let (_pipe, mut lonc) = unread(Site::new(peer.addr(), "[link]\npipelin = 1\n"), "info");
    let begun = Instant::now();
    assert_eq!(lonc.ended().0.code(), Some(78));
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

/// How many records are missing, as a monitoring system is told.
fn lost(lonc: &Lonc) -> Option<usize> {
    let mut loncctl = Command::new(built("loncctl"));
    loncctl
        .arg("--config")
        .arg(lonc.site.path("lonc.toml"))
        .args(["metrics", "--timeout", "30s", "msul1"]);
    let output = loncctl.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with("lonc_log_records_lost_total{"));
    line?.rsplit(' ').next()?.parse().ok()
}

/// Has so many requests fail one by one, answered one and all: to who wants details each is a record.
pub(crate) fn flood(client: &mut Client, count: usize) {
    for number in 0..count {
        let begun = Instant::now();
        assert_eq!(client.ask("echo:lost"), "con_lost", "request {number}");
        assert!(
            begun.elapsed() < AT_ONCE,
            "{:?} for request {number}",
            begun.elapsed()
        );
    }
}

/// lonc that serves, with a full pipe that nobody reads as its stderr.
fn silenced(site: Site, level: &str) -> (Pipe, Lonc) {
    let (pipe, lonc) = unread(site, level);
    lonc.await_socket();
    (pipe, lonc)
}

fn unread(site: Site, level: &str) -> (Pipe, Lonc) {
    let pipe = Pipe::full(&site);
    let mut shell = Command::new("sh");
    shell.args(["-c", "fifo=$1; shift; exec \"$@\" 2>\"$fifo\"", "sh"]);
    shell.arg(site.path("stderr"));
    let mut command = site.command_behind(shell);
    command.env("RUST_LOG", level);
    (pipe, Lonc::spawn(site, command))
}

/// A pipe, and what came out of it.
struct Pipe {
    file: File,
    read: Vec<u8>,
}

impl Pipe {
    /// One that takes not one byte more.
    fn full(site: &Site) -> Self {
        let path = site.path("stderr");
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .custom_flags(OFlag::O_NONBLOCK.bits());
        let mut file = options.open(path).unwrap();
        for size in [4096, 1] {
            let filling = b"\n".repeat(size);
            while file.write(&filling).is_ok() {}
        }
        Self {
            file,
            read: Vec::new(),
        }
    }

    /// Reads what is there.
    fn drain(&mut self) {
        let mut room = vec![0; 1 << 16];
        loop {
            match self.file.read(&mut room) {
                Ok(count) => self.read.extend(&room[..count]),
                Err(fault) => {
                    assert_eq!(fault.kind(), ErrorKind::WouldBlock);
                    return;
                }
            }
        }
    }

    /// All that was read by now.
    fn text(&mut self) -> String {
        self.drain();
        String::from_utf8_lossy(&self.read).into_owned()
    }
}
