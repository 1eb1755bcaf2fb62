//! A classic host: a Perl lonc that runs, and a systemd that is not there.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::ops::Deref;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use test_harness::programs::{built, installed};
use test_harness::{Client, Directory, Peer, Site, source, wait_until};

use crate::tool::{Ran, command, run};

/// Its peers are `one`, `two` and `absent`, which nobody serves.
pub(crate) struct Classic {
    site: Site,
    peers: [Peer; 2],
}

impl Classic {
    /// With the Perl lonc running and listening for `one` and `two`; nothing where there is no Perl.
    pub(crate) fn start() -> Option<Self> {
        installed("perl")?;
        let peers = [Peer::named("one"), Peer::named("two")];
        let dead = Peer::dead();
        let classic = Self {
            site: Site::new(dead.addr(), ""),
            peers,
        };
        classic.set_up(&[
            ("one", &classic.peers[0]),
            ("two", &classic.peers[1]),
            ("absent", &dead),
        ]);
        classic.start_perl();
        for id in ["one", "two"] {
            classic.await_listener(id);
        }
        Some(classic)
    }

    fn set_up(&self, peers: &[(&str, &Peer)]) {
        for directory in [
            "bin",
            "etc/systemd/system",
            "control",
            "lonTabs",
            "perl/logs",
            "sockets/delayed",
            "systemd",
            "usr/lib/lonc",
        ] {
            fs::create_dir_all(self.path(directory)).unwrap();
        }
        let (mut table, mut toml) = (
            String::from("msul2:msu:library:self.example:127.0.0.1\n"),
            String::new(),
        );
        for (id, peer) in peers {
            let at = peer.addr();
            writeln!(table, "{id}:msu:library:{id}.example:{}:{}", at.ip(), at.port()).unwrap();
            write!(toml, "[peer.{id}]\nport = {}\n", at.port()).unwrap();
        }
        self.write("lonTabs/hosts.tab", &table);
        self.site.write_config(&format!(
            "host_id = 'msul2'\nsocket_dir = 'DIR/sockets'\ncontrol_dir = 'DIR/control'\n\
             spool_dir = 'DIR/sockets/delayed'\npermanent_log = 'DIR/perl/logs/lonnet.perm.log'\n\
             usr1_pid_file = 'DIR/perl/logs/lonc.pid'\nhosts_tab = 'DIR/lonTabs/hosts.tab'\n{toml}"
        ));
        self.write("perl/imitation.conf", "pause=0\nretry=1\nattempts=100000\n");
        // A file that this process wrote could not be executed while another test's child still has it open.
        let copied = Command::new("cp")
            .arg(source("tests/system/guest/perl-lonc"))
            .arg(self.path("perl/lonc"))
            .status();
        assert!(copied.unwrap().success());
        self.write("usr/lib/lonc/lonc-stand-in", "#!/bin/sh\n");
        for program in ["systemctl", "systemd-run"] {
            let script = source(format!("tests/ctl/takeover/{program}.sh"));
            symlink(
                fs::canonicalize(script).unwrap(),
                self.path(format!("bin/{program}")),
            )
            .unwrap();
        }
    }

    /// As at boot.
    pub(crate) fn start_perl(&self) {
        assert!(Command::new(self.path("perl/lonc")).status().unwrap().success());
        wait_until("the Perl lonc runs", || self.perl().is_some());
    }

    /// As at the end of what was before a boot: it, its children and all that systemd had are gone.
    pub(crate) fn end_all(&self) {
        for process in self.perl().into_iter().chain(self.instances()) {
            let _ = kill(process, Signal::SIGTERM);
            wait_until("it has ended", || !is_running(process));
        }
    }

    /// The Perl lonc's process, if it runs.
    pub(crate) fn perl(&self) -> Option<Pid> {
        number(&self.path("perl/logs/lonc.pid")).filter(|process| is_running(*process))
    }

    fn instances(&self) -> Vec<Pid> {
        let entries = fs::read_dir(self.path("systemd")).unwrap();
        let files = entries.map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|end| end == "pid"));
        files.filter_map(|path| number(&path)).collect()
    }

    /// `loncctl` with a systemd that keeps in `systemd/` which units are active and enabled, and whose order number `fail` fails.
    pub(crate) fn ctl(&self, arguments: &[&str], fail: usize) -> Ran {
        let mut command = command(&self.site, arguments);
        command
            .arg("--root")
            .arg(self.path(""))
            .env("FAIL", fail.to_string());
        self.run(command)
    }

    pub(crate) fn check(&self) -> Ran {
        self.run(command(&self.site, &["check"]))
    }

    pub(crate) fn status(&self) -> Ran {
        self.run(command(&self.site, &["status", "--timeout", "10s"]))
    }

    pub(crate) fn well(&self, arguments: &[&str]) -> Ran {
        let ran = self.ctl(arguments, 0);
        assert_eq!(ran.code, 0, "{ran:?}");
        ran
    }

    fn run(&self, mut command: Command) -> Ran {
        let _ = fs::remove_file(self.path("systemd/orders"));
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.path("bin").display()));
        command.env("SITE", self.root()).env("LONC", built("lonc"));
        run(command)
    }

    /// Waits until somebody listens for workers of `id`.
    pub(crate) fn await_listener(&self, id: &str) {
        let path = self.path(format!("sockets/{id}"));
        wait_until(&format!("somebody listens at {id}"), || {
            UnixStream::connect(&path).is_ok()
        });
    }

    /// Who serves workers of `id`: the Perl lonc says so by its children's log.
    pub(crate) fn is_ours(&self, id: &str) -> bool {
        let before = self.requests_of_perl();
        assert_eq!(
            Client::connect(&self.path(format!("sockets/{id}"))).ask("ping"),
            id
        );
        self.requests_of_perl() == before
    }

    fn requests_of_perl(&self) -> usize {
        let log = fs::read_to_string(self.path("perl/logs/lonc.log")).unwrap_or_default();
        log.lines().filter(|line| line.contains("asked")).count()
    }

    /// All that a takeover may change; which socket it is, too.
    pub(crate) fn state(&self) -> BTreeMap<String, String> {
        let mut state = BTreeMap::new();
        for directory in ["etc", "perl", "sockets", "systemd", "taken-over"] {
            self.collect(&self.path(directory), &mut state);
        }
        let ends = [".pid", ".log", "orders"];
        // The lock is there while a daemon is.
        let parts = ["/logs/", "/delayed/.lock-"];
        let passing = |name: &String| {
            parts.iter().any(|part| name.contains(part)) || ends.iter().any(|end| name.ends_with(end))
        };
        state.retain(|name, _| !passing(name));
        state
    }

    fn collect(&self, path: &Path, state: &mut BTreeMap<String, String>) {
        let name = self.hide(path.to_str().unwrap());
        let Ok(metadata) = fs::symlink_metadata(path) else {
            return;
        };
        let kind = metadata.file_type();
        let text = if kind.is_socket() {
            format!("socket {}", metadata.ino())
        } else if kind.is_symlink() {
            format!("leads to {}", fs::read_link(path).unwrap().display())
        } else if kind.is_dir() {
            let entries = fs::read_dir(path).unwrap();
            entries.for_each(|entry| self.collect(&entry.unwrap().path(), state));
            "directory".to_owned()
        } else {
            let text = fs::read_to_string(path).unwrap();
            let start = text.lines().take(2).collect::<Vec<_>>();
            format!("{:o} {} bytes {start:?}", metadata.mode(), text.len())
        };
        state.insert(name, text);
    }
}

impl Drop for Classic {
    fn drop(&mut self) {
        self.end_all();
    }
}

impl Deref for Classic {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.site
    }
}

/// One that has ended has no command line, whoever is to take note of its end.
fn is_running(process: Pid) -> bool {
    fs::read(format!("/proc/{process}/cmdline")).is_ok_and(|command| !command.is_empty())
}

fn number(path: &PathBuf) -> Option<Pid> {
    fs::read_to_string(path)
        .ok()?
        .trim()
        .parse()
        .ok()
        .map(Pid::from_raw)
}
