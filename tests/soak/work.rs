//! What goes on all the time: clients, and what is done again and again.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{Scope, ScopedJoinHandle, sleep};
use std::time::{Duration, Instant};

use fastrand::Rng;
use test_harness::chaos::{self, Answers, Asking};
use test_harness::programs::built;
use test_harness::spool::word;
use test_harness::{Lonc, PATIENCE, Site, Stop};

use crate::stage::Bad;

const ASKING: Asking = Asking {
    critical_in: 240,
    // The latter where the disk takes more than the ten seconds that it has.
    lost: &["con_delayed", "con_failed"],
};
/// Messages that a worker stores at once.
pub(crate) const FLOOD: usize = 40;

/// What goes on until it is over, and what it came to.
#[derive(Default)]
pub(crate) struct Work {
    pub(crate) stop: Stop,
    pub(crate) floods: AtomicUsize,
    pub(crate) torments: AtomicUsize,
    pub(crate) reloads: AtomicUsize,
    pub(crate) questions: AtomicUsize,
    pub(crate) scrapes: AtomicUsize,
    pub(crate) answers_of_bad: AtomicUsize,
}

impl Work {
    /// Does it again and again, with these pauses, and counts it.
    pub(crate) fn repeat<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        pause: Duration,
        count: &'scope AtomicUsize,
        mut act: impl FnMut(usize) + Send + 'scope,
    ) -> ScopedJoinHandle<'scope, ()> {
        scope.spawn(move || {
            let mut next = Instant::now();
            while !self.stop.is_set() {
                if Instant::now() >= next {
                    act(count.fetch_add(1, Relaxed));
                    next = Instant::now() + pause;
                }
                sleep(pause.min(Duration::from_millis(50)));
            }
        })
    }

    /// A client who comes again and again until it is over.
    pub(crate) fn visit(&self, rng: &mut Rng, lonc: &Lonc, number: usize) -> Answers {
        let (mut answers, mut visits) = (Answers::default(), 0);
        while !self.stop.is_set() {
            let name = format!("{number}.{visits}");
            answers = answers.with(chaos::visit(rng, lonc.client(), &name, ASKING));
            visits += 1;
            sleep(Duration::from_millis(rng.u64(..2000)));
        }
        answers
    }

    /// The same where the peer is bad: each request has an answer, whatever it is.
    pub(crate) fn visit_bad(&self, rng: &mut Rng, bad: &Bad) {
        while !self.stop.is_set() {
            let (mut client, count) = (bad.client(), rng.usize(1..20));
            for number in 0..count {
                client.say(format!("echo:{number}"));
            }
            for _ in 0..count {
                client.answer();
                self.answers_of_bad.fetch_add(1, Relaxed);
            }
            client.half_close();
            assert_eq!(client.rest(), b"");
            sleep(Duration::from_millis(rng.u64(..1000)));
        }
    }
}

/// Whatever it says, it says something and ends.
pub(crate) fn ask_as_operator(site: &Site, what: &[&str]) {
    let mut command = Command::new(built("loncctl"));
    command.arg("--config").arg(site.path("lonc.toml")).args(what);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code().is_some_and(|code| code < 64),
        "{what:?}: {said}"
    );
    assert!(!output.stdout.is_empty() || !said.is_empty(), "{what:?}");
}

/// Stores messages, as a worker does.
pub(crate) fn flood(site: &Site, number: usize) {
    for number in number * FLOOD..(number + 1) * FLOOD {
        site.put(number, &word(number));
    }
}

/// Asks the exporter for this page.
pub(crate) fn scrape(at: SocketAddr, page: &str) {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {page} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{page}: {answer}");
}
