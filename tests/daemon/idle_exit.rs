//! `daemon.idle_exit`: an instance that nobody needs ends, and the next client starts another through the socket, which
//! stays with whoever made it.

use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use test_harness::{Client, Lonc, Peer, Site, wait_until};

const SOON: &str = "[daemon]\nidle_exit = '50ms'\n";

#[test]
fn a_thousand_requests_around_its_end_are_all_answered() {
    let workers: Vec<_> = (0..8)
        .map(|_| thread::spawn(|| ask_around_its_end(125)))
        .collect();
    let starts: usize = workers.into_iter().map(|worker| worker.join().unwrap()).sum();
    eprintln!("1,000 requests, {starts} starts");
    assert!(
        starts > 100,
        "it did not end between the requests: {starts} starts"
    );
}

/// Asks so many times, each time as a new client, about as long after the one before as an instance waits; how often
/// one was started.
fn ask_around_its_end(requests: usize) -> usize {
    let peer = Peer::start();
    let site = Site::new(peer.addr(), SOON);
    let supervisor = Supervisor::start(&site);
    for number in 0..requests {
        let mut client = Client::connect(&site.path("S"));
        assert_eq!(client.ask(&format!("echo:{number}")), number.to_string());
        drop(client);
        thread::sleep(Duration::from_micros(fastrand::u64(40_000..200_000)));
    }
    supervisor.finish()
}

#[test]
fn it_stays_while_anybody_is_connected_and_while_it_carries_anything() {
    let peer = Peer::start();
    let site = Site::new(peer.addr(), SOON);
    let supervisor = Supervisor::start(&site);
    let mut client = Client::connect(&site.path("S"));
    assert_eq!(client.ask("ping"), "msul1");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(client.ask("ping"), "msul1");
    assert_eq!((supervisor.starts(), supervisor.ends()), (1, 0));
    // Nobody waits for this one any more, but lond is at work on it.
    client.say("hold:1");
    peer.await_command("hold:1");
    drop(client);
    thread::sleep(Duration::from_millis(300));
    assert_eq!(supervisor.ends(), 0);
    peer.release();
    wait_until("its end", || supervisor.ends() == 1);
    assert_eq!(supervisor.finish(), 1);
}

#[test]
fn it_stays_while_something_is_to_be_sent() {
    let peer = Peer::dead();
    let toml = format!("{SOON}[link]\nbackoff_min = '100ms'\nbackoff_max = '200ms'\n");
    let site = Site::office(&peer, &toml);
    site.put(1, "echo:1");
    let supervisor = Supervisor::start(&site);
    drop(Client::connect(&site.path("S")));
    wait_until("a start", || supervisor.starts() == 1);
    thread::sleep(Duration::from_millis(500));
    assert_eq!(supervisor.ends(), 0);
    peer.revive();
    peer.await_command("echo:1");
    wait_until("its end", || supervisor.ends() == 1);
    assert_eq!(supervisor.finish(), 1);
}

#[test]
fn with_a_socket_of_its_own_it_stays_and_says_so() {
    let peer = Peer::start();
    let mut lonc = Lonc::start_linked(&peer, SOON);
    lonc.await_log("daemon.idle_exit is not heeded");
    thread::sleep(Duration::from_millis(300));
    assert_eq!(lonc.client().ask("ping"), "msul1");
    lonc.signal(Signal::SIGTERM);
    lonc.ended_well();
}

/// Does as systemd does: holds the socket `S` of a site, and starts lonc when somebody connects.
struct Supervisor {
    starts: Arc<AtomicUsize>,
    ends: Arc<AtomicUsize>,
    over: Arc<AtomicBool>,
    thread: thread::JoinHandle<()>,
}

impl Supervisor {
    fn start(site: &Site) -> Self {
        let listener = UnixListener::bind(site.path("S")).unwrap();
        let (starts, ends, over) = <(Arc<AtomicUsize>, Arc<AtomicUsize>, Arc<AtomicBool>)>::default();
        let (counted, ended, is_over, site) = (starts.clone(), ends.clone(), over.clone(), site.clone());
        let thread = thread::spawn(move || {
            while !is_over.load(Relaxed) {
                if !is_anybody_there(&listener) {
                    continue;
                }
                counted.fetch_add(1, Relaxed);
                let passed = listener.try_clone().unwrap();
                let mut lonc = Lonc::spawn(site.clone(), with_socket(&site, passed.into()));
                lonc.ended_well();
                ended.fetch_add(1, Relaxed);
            }
        });
        Self {
            starts,
            ends,
            over,
            thread,
        }
    }

    fn starts(&self) -> usize {
        self.starts.load(Relaxed)
    }

    fn ends(&self) -> usize {
        self.ends.load(Relaxed)
    }

    /// Waits for the end of the last one; how often one was started.
    fn finish(self) -> usize {
        self.over.store(true, Relaxed);
        self.thread.join().unwrap();
        self.starts.load(Relaxed)
    }
}

fn is_anybody_there(listener: &UnixListener) -> bool {
    let mut waiting = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    poll(&mut waiting, PollTimeout::from(10_u8)).unwrap() > 0
}

/// lonc with this socket as systemd passes it: as descriptor 3, and with the number of the process in its environment.
fn with_socket(site: &Site, socket: OwnedFd) -> Command {
    let mut shell = Command::new("sh");
    let pass = "LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=client exec \"$@\" 3<&0 0</dev/null";
    shell.args(["-c", pass, "sh"]);
    let mut command = site.command_behind(shell);
    command.stdin(Stdio::from(socket));
    command
}
