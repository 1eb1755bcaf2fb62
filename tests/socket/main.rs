//! `lonc-socket`, as systemd runs it around a socket: what it removes, what it makes, and what it leaves alone.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod names;
mod wake;

use std::fs;
use std::ops::Deref;
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{self, Command};

use test_harness::Directory;
use test_harness::programs::built;

#[test]
fn a_live_socket_and_what_is_none_stand_in_the_way() {
    let host = Host::new();
    host.runs(&["before", "msul1"]);
    let listening = host.bind("msul1");
    let said = host.fails(&["before", "msul1"]);
    assert!(
        said.contains(&format!("process {} (", process::id())) && said.contains("listens there"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
    drop(listening);
    host.runs(&["before", "msul1"]);
    assert!(host.is_socket("msul1"), "what is stale is systemd's to replace");
    fs::remove_file(host.socket("msul1")).unwrap();
    fs::write(host.socket("msul1"), "precious").unwrap();
    let said = host.fails(&["before", "msul1"]);
    assert!(said.contains("is no socket"), "{said}");
    assert_eq!(fs::read(host.socket("msul1")).unwrap(), b"precious");
    fs::remove_file(host.socket("msul1")).unwrap();
    symlink("elsewhere", host.socket("msul1")).unwrap();
    host.fails(&["before", "msul1"]);
}

#[test]
fn a_socket_is_made_whatever_the_configuration_holds() {
    let host = Host::new();
    let _listening = host.bind("msul1");
    host.write("lonc.toml", "typo = 1");
    assert!(host.runs(&["before", "msul1"]).contains("unknown key"));
    host.fails(&["bound", "msul1"]);
    // It was not written down whose it is: it stays, and the next start finds it stale.
    host.fails(&["stopping", "msul1"]);
    assert!(host.is_socket("msul1"));
}

#[test]
fn what_was_bound_goes_with_its_name() {
    let host = Host::new();
    let _listening = host.bind("msul1");
    host.runs(&["bound", "msul1"]);
    assert_eq!(host.in_sockets(), ["msul1", "zaphod.lite.msu.edu"]);
    assert_eq!(host.leads_to("zaphod.lite.msu.edu").as_deref(), Some("msul1"));
    host.runs(&["stopping", "msul1"]);
    assert_eq!(host.in_sockets(), [""; 0]);
    assert_eq!(host.listed("records/msul1"), [""; 0]);
}

#[test]
fn another_peer_of_the_same_host_has_no_name() {
    let host = Host::new();
    let _listening = host.bind("msul1b");
    host.runs(&["bound", "msul1b"]);
    assert_eq!(host.in_sockets(), ["msul1b"]);
    host.runs(&["stopping", "msul1b"]);
    assert_eq!(host.in_sockets(), [""; 0]);
}

#[test]
fn anothers_socket_stays() {
    let host = Host::new();
    let _ours = host.bind("msul1");
    host.runs(&["bound", "msul1"]);
    // As the Perl lonc does it.
    fs::remove_file(host.socket("msul1")).unwrap();
    let _theirs = host.bind("msul1");
    fs::remove_file(host.socket("zaphod.lite.msu.edu")).unwrap();
    let _by_name = host.bind("zaphod.lite.msu.edu");
    let said = host.runs(&["stopping", "msul1"]);
    assert!(
        said.contains("is not the socket of msul1 any more, and stays"),
        "{said}"
    );
    assert!(host.is_socket("msul1") && host.is_socket("zaphod.lite.msu.edu"));
}

#[test]
fn a_socket_that_was_removed_is_no_trouble() {
    let host = Host::new();
    let _ours = host.bind("msul1");
    host.runs(&["bound", "msul1"]);
    fs::remove_file(host.socket("msul1")).unwrap();
    assert_eq!(host.runs(&["stopping", "msul1"]), "");
    assert_eq!(host.in_sockets(), [""; 0]);
}

#[test]
fn a_record_that_is_none_is_refused_and_not_waited_for() {
    let host = Host::new();
    let _ours = host.bind("msul1");
    let record = host.path("records/msul1/record");
    nix::unistd::mkfifo(&record, nix::sys::stat::Mode::S_IRWXU).unwrap();
    host.fails(&["stopping", "msul1"]);
    fs::remove_file(&record).unwrap();
    symlink("/etc/passwd", &record).unwrap();
    host.fails(&["stopping", "msul1"]);
    assert!(host.is_socket("msul1"));
}

/// A host with a table of two ids of one host and one of another; with a place for the records of each.
struct Host(Directory);

impl Host {
    const TABLE: &str = "msul2:msu:access:two.lite.msu.edu:https\nmsul1:msu:library:zaphod.lite.msu.edu:https\n\
                         msul1b:msu:library:zaphod.lite.msu.edu:https\nuiuc1:uiuc:library:s10.lite.uiuc.edu:10.1.0.10\n";

    fn new() -> Self {
        let host = Self(Directory::new());
        host.configure("");
        host.write("hosts.tab", Self::TABLE);
        fs::create_dir(host.path("sockets")).unwrap();
        for peer in ["msul1", "msul1b", "uiuc1"] {
            fs::create_dir_all(host.path(format!("records/{peer}"))).unwrap();
        }
        host
    }

    fn configure(&self, toml: &str) {
        self.write(
            "lonc.toml",
            &format!("host_id = 'msul2'\nhosts_tab = 'DIR/hosts.tab'\nsocket_dir = 'DIR/sockets'\n{toml}"),
        );
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.path(format!("sockets/{name}"))
    }

    /// Listens there, as systemd does.
    fn bind(&self, name: &str) -> UnixListener {
        if !self.socket(name).is_socket_file() {
            return UnixListener::bind(self.socket(name)).unwrap();
        }
        fs::remove_file(self.socket(name)).unwrap();
        UnixListener::bind(self.socket(name)).unwrap()
    }

    fn is_socket(&self, name: &str) -> bool {
        self.socket(name).is_socket_file()
    }

    fn leads_to(&self, name: &str) -> Option<String> {
        Some(fs::read_link(self.socket(name)).ok()?.to_str()?.to_owned())
    }

    fn in_sockets(&self) -> Vec<String> {
        self.listed("sockets")
    }

    fn listed(&self, dir: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(dir)).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// What it said, having done what it was told.
    fn runs(&self, arguments: &[&str]) -> String {
        let (is_done, said) = self.run(arguments);
        assert!(is_done, "{arguments:?}: {said}");
        said
    }

    /// What it said, having failed.
    fn fails(&self, arguments: &[&str]) -> String {
        let (is_done, said) = self.run(arguments);
        assert!(!is_done, "{arguments:?}: {said}");
        assert!(said.starts_with("lonc-socket: "), "{said}");
        said
    }

    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(built("lonc-socket"))
            .arg("--config")
            .arg(self.path("lonc.toml"))
            .arg("--records")
            .arg(self.path("records"))
            .args(arguments)
            .output()
            .unwrap();
        assert!(output.stdout.is_empty());
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    }
}

impl Deref for Host {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.0
    }
}

trait IsSocketFile {
    fn is_socket_file(&self) -> bool;
}

impl IsSocketFile for PathBuf {
    fn is_socket_file(&self) -> bool {
        fs::symlink_metadata(self).is_ok_and(|metadata| metadata.file_type().is_socket())
    }
}
