//! The daemon as a process.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::programs::installed;
use crate::{Client, PATIENCE, Peer, Site, wait_for, wait_until};

/// Asks for the delayed messages, over Varlink.
const LIST: &[u8] = b"{\"method\":\"org.loncapa.lonc.ListDelayed\"}\0";

/// A running lonc; killed when dropped.
pub struct Lonc {
    /// Where it keeps all that it has.
    pub site: Site,
    child: Child,
    log: Arc<Mutex<String>>,
    logging: Option<JoinHandle<()>>,
}

impl Lonc {
    /// One for `peer`, with its socket there; `toml` holds the sections it needs.
    pub fn start(peer: &Peer, toml: &str) -> Self {
        Site::new(peer.addr(), toml).start()
    }

    /// The same, once its link is up.
    pub fn start_linked(peer: &Peer, toml: &str) -> Self {
        let lonc = Self::start(peer, toml);
        lonc.await_link();
        lonc
    }

    /// One behind `systemd-socket-activate`, which listens at these names in the site's directory and hands the sockets
    /// over as `names`, between colons; nothing without that program.
    pub fn activated(peer: &Peer, sockets: &[&str], names: &str) -> Option<Self> {
        let site = Site::new(peer.addr(), "");
        let mut command = Command::new(installed("systemd-socket-activate")?);
        for socket in sockets {
            command.arg("-l").arg(site.path(socket));
        }
        command.arg(format!("--fdname={names}"));
        let command = site.command_behind(command);
        let lonc = Self::spawn(site, command);
        for socket in sockets {
            // The file is there before anybody listens; this is said after.
            lonc.await_log(&lonc.site.path(socket).display().to_string());
        }
        Some(lonc)
    }

    /// Runs `command`, whose process is lonc or becomes it; keeps what it writes to stderr if that is not
    /// redirected.
    pub fn spawn(site: Site, mut command: Command) -> Self {
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

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid().try_into().unwrap()), signal).unwrap();
    }

    /// Kills it with no chance to finish anything; what it leaves behind.
    pub fn slay(mut self) -> Site {
        self.signal(Signal::SIGKILL);
        self.ended();
        self.site.clone()
    }

    /// Waits until it serves clients; by then it heeds signals, too.
    pub fn await_socket(&self) {
        let path = self.site.socket();
        wait_until("the socket", || UnixStream::connect(&path).is_ok());
        // This it answers itself, whatever the peer does.
        assert_eq!(self.client().ask(""), "unknown_cmd");
    }

    /// Waits until its link is up.
    pub fn await_link(&self) {
        wait_until("the link", || self.client().ask("ping") == "msul1");
    }

    /// Waits until it has done with its spool what it had begun: a list comes behind that.
    pub fn await_spool(&self) {
        let mut operator = UnixStream::connect(self.site.control_socket()).unwrap();
        operator.set_read_timeout(Some(PATIENCE)).unwrap();
        operator.write_all(LIST).unwrap();
        let mut list = Vec::new();
        BufReader::new(operator).read_until(0, &mut list).unwrap();
        let list = String::from_utf8_lossy(&list);
        assert!(list.contains("\"total\""), "{list}");
    }

    /// A new client.
    pub fn client(&self) -> Client {
        Client::connect(&self.site.socket())
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until it logged `words`.
    pub fn await_log(&self, words: &str) {
        wait_until(words, || self.log().contains(words));
    }

    /// Waits until it ends; its status and all it logged.
    pub fn ended(&mut self) -> (ExitStatus, String) {
        let status = wait_for("the end of lonc", || self.child.try_wait().unwrap());
        if let Some(logging) = self.logging.take() {
            logging.join().unwrap();
        }
        (status, self.log())
    }

    /// Waits until it ends well.
    pub fn ended_well(&mut self) -> String {
        let (status, log) = self.ended();
        assert_eq!(status.code(), Some(0), "{log}");
        assert!(!log.contains("panicked"), "{log}");
        log
    }

    /// It still runs, and nothing in it went wrong badly.
    pub fn assert_alive(&mut self) {
        let log = self.log();
        assert!(self.child.try_wait().unwrap().is_none(), "{log}");
        assert!(!log.contains("panicked"), "{log}");
    }

    /// The memory that it has resident now, in MiB.
    pub fn memory(&self) -> u64 {
        mebibytes(&self.told("smaps_rollup", "Rss:"))
    }

    /// The most memory it ever had resident, in MiB.
    pub fn peak_memory(&self) -> u64 {
        mebibytes(&self.told("status", "VmHWM:"))
    }

    /// The letter of its process state, as the kernel gives it.
    pub fn process_state(&self) -> Option<char> {
        self.told("status", "State:").chars().next()
    }

    /// Whether it has ended, but for threads that another process holds: that which takes signals is gone.
    pub fn is_ending(&self) -> bool {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid()));
        let names = tasks.into_iter().flatten().flatten();
        let mut names = names.map(|task| fs::read_to_string(task.path().join("comm")).unwrap_or_default());
        names.all(|name| name != "signals\n")
    }

    /// What the kernel tells of it in the line of this name in a file of `/proc`.
    fn told(&self, file: &str, name: &str) -> String {
        let text = fs::read_to_string(format!("/proc/{}/{file}", self.pid())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().to_owned()
    }
}

/// The MiB of a number with ` kB` behind it.
fn mebibytes(kibibytes: &str) -> u64 {
    kibibytes.trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
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
