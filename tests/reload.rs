//! `lonc --reload` against a running daemon: done when it returns, refused when the configuration is bad.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const GOOD: &str = "host_id = 'me'\nsocket_dir = 'DIR'\ncontrol_dir = 'DIR/control'\n[daemon]\nlog_level = 'info'\n\
                    [peer.other]\naddress = '127.0.0.1'\nport = 1\n";

/// A daemon and its directory; killed when dropped.
struct Instance {
    dir: tempfile::TempDir,
    daemon: Child,
}

impl Instance {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), GOOD);
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let daemon = lonc(dir.path()).arg("other").stderr(log).spawn().unwrap();
        let instance = Self { dir, daemon };
        let begun = Instant::now();
        while !instance.dir.path().join("other").exists() || !instance.log().contains("serves other") {
            assert!(begun.elapsed() < Duration::from_secs(20), "{}", instance.log());
            sleep(Duration::from_millis(10));
        }
        instance
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    fn reload(&self, process: u32) -> Output {
        let mut command = lonc(self.dir.path());
        command.args(["--reload", "--", "other"]);
        command.env("MAINPID", process.to_string()).output().unwrap()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.daemon.kill().unwrap();
        self.daemon.wait().unwrap();
    }
}

fn write(dir: &Path, config: &str) {
    fs::write(
        dir.join("lonc.toml"),
        config.replace("DIR", dir.to_str().unwrap()),
    )
    .unwrap();
}

fn lonc(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lonc"));
    command
        .args(["--config", dir.join("lonc.toml").to_str().unwrap()])
        .env("RUNTIME_DIRECTORY", dir)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

#[test]
fn when_it_returns_the_new_settings_are_in_force() {
    let instance = Instance::start();
    for round in 1..=20 {
        let output = instance.reload(instance.daemon.id());
        assert!(output.status.success(), "{output:?}");
        let told = instance.log().matches("configuration read anew").count();
        assert_eq!(told, round);
    }
    assert!(!instance.dir.path().join("reload").exists());
}

#[test]
fn a_bad_configuration_does_not_even_reach_the_daemon() {
    let instance = Instance::start();
    write(instance.dir.path(), &format!("{GOOD}typo = 1\n"));
    let output = instance.reload(instance.daemon.id());
    assert_eq!(output.status.code(), Some(78));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("lonc.toml:9: unknown key \"typo\""), "{said}");
    sleep(Duration::from_millis(100));
    assert!(!instance.log().contains("reload"), "{}", instance.log());
    write(instance.dir.path(), GOOD);
    assert!(instance.reload(instance.daemon.id()).status.success());
}

#[test]
fn without_a_daemon_it_fails() {
    let instance = Instance::start();
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    let output = instance.reload(gone.id());
    assert_eq!(output.status.code(), Some(1));
    let output = instance.reload(0);
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("MAINPID is not set")
    );
}
