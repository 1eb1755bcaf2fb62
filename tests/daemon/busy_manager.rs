//! A service manager that reads nothing, as while it reads its units anew.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use test_harness::programs::installed;
use test_harness::{Lonc, Peer, Site, wait_until};

/// More than any of this takes, and less than who waits for the manager would.
const AT_ONCE: Duration = Duration::from_secs(10);

#[test]
fn requests_are_answered_and_ready_and_the_watchdog_are_told_when_it_reads() {
    let peer = Peer::start();
    let site = Site::new(peer.addr(), "");
    let mut manager = Manager::busy(&site);
    let lonc = manager.launch(site, "500000");
    lonc.await_socket();
    let mut client = lonc.client();
    for round in 0..20 {
        let begun = Instant::now();
        assert_eq!(client.ask("echo:1"), "1", "{round}");
        assert!(begun.elapsed() < AT_ONCE);
        // Each is a new status.
        drop(lonc.client());
    }
    manager.await_words("READY=1");
    manager.await_words("WATCHDOG=1");
    manager.await_words("STATUS=up: msul1");
    // Statuses made way for the next; READY did not, and was told once.
    assert_eq!(manager.count("READY=1"), 1);
    assert!(manager.count("STATUS=") < 20, "{:?}", manager.messages);
}

#[test]
fn a_stop_does_not_wait_for_it() {
    let peer = Peer::start();
    let site = Site::new(peer.addr(), "");
    let mut manager = Manager::busy(&site);
    let mut lonc = manager.launch(site, "0");
    lonc.await_socket();
    let begun = Instant::now();
    lonc.signal(Signal::SIGTERM);
    lonc.ended_well();
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    manager.drain();
}

#[test]
fn one_that_has_no_file_is_told_as_well() {
    let peer = Peer::start();
    let site = Site::new(peer.addr(), "");
    let name = format!("lonc-test-{}", std::process::id());
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let mut manager = Manager::at(&address, format!("@{name}"));
    let _lonc = manager.launch(site, "0");
    manager.await_words("READY=1");
}

#[test]
fn a_status_that_quotes_others_brings_no_word_of_theirs() {
    let peer = Peer::start();
    let site = Site::new(peer.addr(), "");
    let mut manager = Manager::at(
        &SocketAddr::from_pathname(site.path("notify")).unwrap(),
        site.path("notify").display().to_string(),
    );
    let lonc = manager.launch(site, "0");
    manager.await_words("READY=1");
    lonc.site
        .write_config("host_id = 'a'\n\"\\u001b[2J\\nSTOPPING=1\\n\\u202E\" = 1\n");
    lonc.signal(Signal::SIGHUP);
    manager.await_words("STATUS=reload failed");
    assert_eq!(manager.count("STOPPING=1"), 0, "{:?}", manager.messages);
    let told = manager.messages.concat();
    assert!(!told.contains(['\u{1b}', '\u{202e}']), "{told}");
}

#[test]
fn one_socket_under_both_names_is_refused() {
    let Some(activate) = installed("systemd-socket-activate") else {
        return;
    };
    let site = Site::new(Peer::dead().addr(), "");
    let mut command = Command::new(activate);
    command.arg("-l").arg(site.path("in")).args([
        "sh",
        "-c",
        "export LISTEN_FDS=2 LISTEN_FDNAMES=client:control; exec \"$@\" 4<&3",
        "sh",
    ]);
    let command = site.command_behind(command);
    let mut lonc = Lonc::spawn(site, command);
    wait_until("a client", || {
        std::os::unix::net::UnixStream::connect(lonc.site.path("in")).is_ok()
    });
    let (status, log) = lonc.ended();
    assert_eq!(status.code(), Some(1), "{log}");
    assert!(log.contains("are one and the same"), "{log}");
}

struct Manager {
    socket: UnixDatagram,
    name: String,
    messages: Vec<String>,
}

impl Manager {
    fn at(address: &SocketAddr, name: String) -> Self {
        let socket = UnixDatagram::bind_addr(address).unwrap();
        socket.set_nonblocking(true).unwrap();
        Self {
            socket,
            name,
            messages: Vec::new(),
        }
    }

    /// One that takes not one word more.
    fn busy(site: &Site) -> Self {
        let path = site.path("notify");
        let manager = Self::at(
            &SocketAddr::from_pathname(&path).unwrap(),
            path.display().to_string(),
        );
        let filler = UnixDatagram::unbound().unwrap();
        filler.set_nonblocking(true).unwrap();
        while filler.send_to(b"X=1", &path).is_ok() {}
        manager
    }

    fn launch(&self, site: Site, watchdog: &str) -> Lonc {
        let mut command = site.command();
        command.env("NOTIFY_SOCKET", &self.name);
        if watchdog != "0" {
            command.env("WATCHDOG_USEC", watchdog);
        }
        Lonc::spawn(site, command)
    }

    /// Reads what is there.
    fn drain(&mut self) {
        let mut room = [0; 4096];
        while let Ok(count) = self.socket.recv(&mut room) {
            let text = String::from_utf8_lossy(&room[..count]).into_owned();
            self.messages.push(text);
        }
    }

    fn await_words(&mut self, words: &str) {
        wait_until(words, || {
            self.drain();
            self.count(words) > 0
        });
    }

    fn count(&self, words: &str) -> usize {
        let lines = self.messages.iter().flat_map(|text| text.lines());
        lines.filter(|line| line.starts_with(words)).count()
    }
}
