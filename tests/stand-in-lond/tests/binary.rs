//! The binary as system tests use it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

fn binary() -> Command {
    Command::new(env!("CARGO_BIN_EXE_stand-in-lond"))
}

#[test]
fn it_tells_its_address_and_ends_on_sigterm() {
    let mut lond = binary()
        .args([
            "--id",
            "msul1",
            "--listen",
            "127.0.0.1:0",
            "--caller",
            "any",
            "--behaviour",
            "empty-challenge",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(lond.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let addr = line.trim_end().strip_prefix("listening on ").unwrap();
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(b"init\n\n").unwrap();
    let mut lines = BufReader::new(stream).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "");
    assert_eq!(lines.next().unwrap().unwrap(), "ok");
    assert!(
        Command::new("kill")
            .arg(lond.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    assert!(lond.wait().unwrap().success());
}

#[test]
fn wrong_arguments_are_refused() {
    for args in [
        &["--id", "msul1"][..],
        &["--id"],
        &["--colour", "red"],
        &["--behaviour", "odd"],
    ] {
        let output = binary().args(args).output().unwrap();
        assert!(!output.status.success(), "{args:?}");
        assert!(
            String::from_utf8(output.stderr).unwrap().contains("usage"),
            "{args:?}"
        );
    }
}
