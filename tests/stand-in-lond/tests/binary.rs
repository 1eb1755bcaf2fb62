//! The binary as system tests use it.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

#[test]
fn it_tells_its_address_and_ends_on_sigterm() {
    let mut lond = Running::start(&["--behaviour", "empty-challenge"]);
    let mut stream = lond.say("init\n\n");
    assert_eq!(line(&mut stream), "");
    assert_eq!(line(&mut stream), "ok");
    assert!(
        Command::new("kill")
            .arg(lond.child.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    assert!(lond.child.wait().unwrap().success());
}

#[test]
fn requests_take_time_and_links_are_limited() {
    let lond = Running::start(&[
        "--behaviour",
        "empty-challenge",
        "--takes",
        "30",
        "--slow",
        "2:60",
        "--limit",
        "1:close-at:challenge",
    ]);
    let mut link = lond.open();
    for least in [30, 60, 30] {
        let start = Instant::now();
        assert_eq!(ask(&mut link, "echo:x"), "x");
        assert!(start.elapsed() >= Duration::from_millis(least));
    }
    // The challenge, and no answer to it.
    let mut other = lond.say("init\n\n");
    assert!(!line(&mut other).is_empty());
    assert_eq!(line(&mut other), "");
    assert!((0..200).any(|_| ask(&mut link, "counts") == "2 1 2"));
}

#[test]
fn it_calls_back() {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("lonc");
    let lonc = UnixListener::bind(&socket).unwrap();
    let path = socket.to_str().unwrap();
    let lond = Running::start(&["--behaviour", "empty-challenge", "--call-back", path]);
    let mut link = lond.open();
    writeln!(link.get_mut(), "pong").unwrap();
    let (mut caller, _) = lonc.accept().unwrap();
    let mut asked = [0; 5];
    caller.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"ping\n");
    caller.write_all(b"msul9\n").unwrap();
    assert_eq!(line(&mut link), "msul1:msul9");
}

#[test]
fn help_is_help() {
    let output = binary().arg("--help").output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("usage: stand-in-lond --id ID"), "{text}");
    assert!(output.stderr.is_empty());
}

#[test]
fn wrong_arguments_are_refused() {
    for args in [
        &["--id", "msul1"][..],
        &["--id"],
        &["--colour", "red"],
        &["--behaviour", "odd"],
        &["--takes", "0.5"],
        &["--slow", "0:5"],
        &["--limit", "3"],
        &["--limit", "3:odd"],
    ] {
        let output = binary().args(args).output().unwrap();
        assert!(!output.status.success(), "{args:?}");
        assert!(
            String::from_utf8(output.stderr).unwrap().contains("usage"),
            "{args:?}"
        );
    }
}

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_stand-in-lond"))
}

/// The binary, running; killed if a test fails.
struct Running {
    child: Child,
    addr: String,
}

impl Running {
    fn start(options: &[&str]) -> Self {
        let mut child = binary()
            .args(["--id", "msul1", "--listen", "127.0.0.1:0", "--caller", "any"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let addr = line.trim_end().strip_prefix("listening on ").unwrap().to_owned();
        Self { child, addr }
    }

    /// A connection on which these lines have been sent.
    fn say(&self, lines: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.addr).unwrap();
        stream.write_all(lines.as_bytes()).unwrap();
        BufReader::new(stream)
    }

    /// A link that is up; challenges are empty.
    fn open(&self) -> BufReader<TcpStream> {
        let mut link = self.say("init\n\nekey\n");
        assert_eq!(
            (line(&mut link), line(&mut link)),
            (String::new(), "ok".to_owned())
        );
        line(&mut link);
        link
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn line(stream: &mut BufReader<TcpStream>) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn ask(link: &mut BufReader<TcpStream>, request: &str) -> String {
    writeln!(link.get_mut(), "{request}").unwrap();
    line(link)
}
