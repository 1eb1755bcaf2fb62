//! The daemon as a process.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Client, Peer, Site, wait_for, wait_until};

/// A running lonc; killed when dropped.
pub(crate) struct Lonc {
    pub(crate) site: Site,
    child: Child,
    log: Arc<Mutex<String>>,
    logging: Option<JoinHandle<()>>,
}

impl Lonc {
    /// One for `peer`, with its socket there; `toml` holds the sections it needs.
    pub(crate) fn start(peer: &Peer, toml: &str) -> Self {
        Site::new(peer.addr(), toml).start()
    }

    /// The same, once its link is up.
    pub(crate) fn start_linked(peer: &Peer, toml: &str) -> Self {
        let lonc = Self::start(peer, toml);
        assert_eq!(lonc.client().ask("ping"), "msul1");
        lonc
    }

    /// Runs `command`, whose process is lonc or becomes it; keeps what it writes to stderr if that is not
    /// redirected.
    pub(crate) fn spawn(site: Site, mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let logging = child.stderr.take().map(|stderr| {
            let log = Arc::clone(&log);
            thread::spawn(move || {
                for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                    let line = String::from_utf8_lossy(&line).into_owned() + "\n";
                    log.lock().unwrap().push_str(&line);
                }
            })
        });
        Self {
            site,
            child,
            log,
            logging,
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().try_into().unwrap()), signal).unwrap();
    }

    /// Waits until it serves clients; by then it heeds signals, too.
    pub(crate) fn await_socket(&self) {
        let path = self.site.socket();
        wait_until("the socket", || UnixStream::connect(&path).is_ok());
        // This it answers itself, whatever the peer does.
        assert_eq!(self.client().ask(""), "unknown_cmd");
    }

    /// A new client.
    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.site.socket())
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until it logged `words`.
    pub(crate) fn await_log(&self, words: &str) {
        wait_until(words, || self.log().contains(words));
    }

    /// Waits until it ends; its status and all it logged.
    pub(crate) fn ended(&mut self) -> (ExitStatus, String) {
        let status = wait_for("the end of lonc", || self.child.try_wait().unwrap());
        if let Some(logging) = self.logging.take() {
            logging.join().unwrap();
        }
        (status, self.log())
    }

    /// Waits until it ends well.
    pub(crate) fn ended_well(&mut self) -> String {
        let (status, log) = self.ended();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(!log.contains("panicked"), "{log}");
        log
    }

    /// It still runs, and nothing in it went wrong badly.
    pub(crate) fn assert_alive(&mut self) {
        let log = self.log();
        assert!(self.child.try_wait().unwrap().is_none(), "{log}");
        assert!(!log.contains("panicked"), "{log}");
    }

    /// A line of `/proc/<pid>/status`, without its name.
    fn status_line(&self, name: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim_start_matches(':').trim().to_owned()
    }

    /// The most memory it ever had resident, in MiB.
    pub(crate) fn peak_memory(&self) -> u64 {
        let kib = self.status_line("VmHWM");
        kib.trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
    }

    /// The letter of its process state, as the kernel gives it.
    pub(crate) fn process_state(&self) -> Option<char> {
        self.status_line("State").chars().next()
    }
}

impl Drop for Lonc {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- log of lonc ---\n{}", self.log());
        }
    }
}
