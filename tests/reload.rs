//! `lonc --reload` against a running daemon: done when it returns, refused when the configuration is bad.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use std::fs;
use std::process::{Command, Output};

use test_harness::programs::Running;
use test_harness::{Peer, Site, wait_until};

const GOOD: &str = "host_id = 'me'\nsocket_dir = 'DIR'\ncontrol_dir = 'DIR/control'\n[daemon]\nlog_level = 'info'\n\
                    [peer.other]\naddress = '127.0.0.1'\nport = 1\n";

#[test]
fn when_it_returns_the_new_settings_are_in_force() {
    let instance = Instance::start();
    for round in 1..=20 {
        let output = instance.reload(instance.daemon.id());
        assert!(output.status.success(), "{output:?}");
        let told = instance.log().matches("configuration read anew").count();
        assert_eq!(told, round);
    }
    assert!(!instance.site.path("reload").exists());
}

#[test]
fn a_bad_configuration_is_refused_and_the_daemon_knows_of_it() {
    let instance = Instance::start();
    instance.site.write_config(&format!("{GOOD}typo = 1\n"));
    let output = instance.reload(instance.daemon.id());
    assert_eq!(output.status.code(), Some(78));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("lonc.toml:9: unknown key \"typo\""), "{said}");
    let log = instance.log();
    assert!(
        log.contains("reload failed, the old configuration stays in force"),
        "{log}"
    );
    assert!(!log.contains("configuration read anew"), "{log}");
    instance.site.write_config(GOOD);
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

/// A daemon whose log is a file: what it logged before a reload was over is there at once.
struct Instance {
    site: Site,
    daemon: Running,
}

impl Instance {
    fn start() -> Self {
        let site = Site::new(Peer::dead().addr(), "");
        site.write_config(GOOD);
        let log = fs::File::create(site.path("log")).unwrap();
        let daemon = Running::start(lonc(&site).arg("other").stderr(log));
        let instance = Self { site, daemon };
        wait_until("the daemon", || {
            instance.site.path("other").exists() && instance.log().contains("serves other")
        });
        instance
    }

    fn log(&self) -> String {
        fs::read_to_string(self.site.path("log")).unwrap()
    }

    fn reload(&self, process: u32) -> Output {
        let mut command = lonc(&self.site);
        command.args(["--reload", "--", "other"]);
        command.env("MAINPID", process.to_string()).output().unwrap()
    }
}

fn lonc(site: &Site) -> Command {
    let mut command = Site::program();
    command.arg("--config").arg(site.path("lonc.toml"));
    command.env("RUNTIME_DIRECTORY", site.root());
    command
}
