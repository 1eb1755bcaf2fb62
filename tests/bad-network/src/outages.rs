//! Workers where the network falls silent and comes back, and a plain connection beside them.

use std::fmt::{self, Display};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use bench_kit::lond;
use test_network::Network;

use crate::Scale;
use crate::path::Outage;
use crate::promises::tell;
use crate::stage::Stage;
use crate::verdict::Verdict;
use crate::worker::Workers;

/// Workers on a way.
const WORKERS: usize = 4;
/// How long it is good before.
const BEFORE: Duration = Duration::from_secs(3);
/// After this, once the network is back, nothing more is waited for.
const PATIENCE: Duration = Duration::from_secs(240);
/// Within this requests flow again.
const SOON: Duration = Duration::from_secs(20);
/// Within this everybody has an answer.
const BOUND: Duration = Duration::from_secs(45);

/// Tries all of these at once, each with one link and with four; how many promises were broken.
pub(crate) fn try_all<'o>(outages: impl Iterator<Item = &'o Outage>, scale: Scale) -> usize {
    println!(
        "\n| what | links kept | first reply after it | of one TCP connection | {} |\n|---|---|---|---|---|---|---|---|---|---|---|",
        Verdict::HEAD
    );
    thread::scope(|scope| {
        let runs: Vec<_> = outages
            .flat_map(|outage| [1, 4].map(|links| (outage, links)))
            .map(|(outage, links)| (outage, links, scope.spawn(move || try_one(outage, links, scale))))
            .collect();
        let tell = |(outage, links, run): (&Outage, u8, thread::ScopedJoinHandle<(Recovery, Verdict)>)| {
            let what = format!("{} | {links}", outage.name);
            match run.join() {
                Ok((recovery, verdict)) => tell(&format!("{what} | {recovery}"), Some(verdict)),
                Err(_) => tell(&what, None),
            }
        };
        runs.into_iter().map(tell).sum()
    })
}

/// How long after the end of an outage the first reply came,
struct Recovery {
    /// through lonc, of all workers and of the worker that waited for longest;
    lonc: Option<(Duration, Duration)>,
    /// and on a plain connection that was there before, and has always something under way.
    plain: Option<Duration>,
}

impl Display for Recovery {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let none = || "none while it was waited for".to_owned();
        let lonc = self.lonc.map_or_else(none, |(first, last)| {
            format!("{:.1} to {:.1} s", first.as_secs_f64(), last.as_secs_f64())
        });
        let plain = self
            .plain
            .map_or_else(none, |heard| format!("{:.1} s", heard.as_secs_f64()));
        write!(out, "{lonc} | {plain}")
    }
}

fn try_one(outage: &Outage, links: u8, scale: Scale) -> (Recovery, Verdict) {
    let stage = Stage::set(Outage::end, &format!("[link]\nconnections = {links}\n"));
    let plain = Plain::start(&stage);
    let (recovery, answered) = Workers::ask(&stage.lonc, WORKERS, |workers| {
        sleep(BEFORE);
        outage.begin(&stage.bridge);
        sleep(outage.span);
        Outage::end(&stage.bridge);
        let end = Instant::now();
        let mut recovery = Recovery {
            lonc: None,
            plain: None,
        };
        // TCP alone takes so long that only the long form waits for it.
        let is_over =
            |recovery: &Recovery| recovery.lonc.is_some() && (scale.is_brief || recovery.plain.is_some());
        while end.elapsed() < PATIENCE && !is_over(&recovery) {
            let lonc = workers.served_after(end, WORKERS);
            recovery.lonc = recovery
                .lonc
                .or(lonc.map(|(first, last)| (first - end, last - end)));
            recovery.plain = recovery
                .plain
                .or(plain.served_after(end).map(|heard| heard - end));
            sleep(Duration::from_millis(10));
        }
        recovery
    });
    drop(plain);
    let mut verdict = Verdict::reach(&stage, &answered);
    verdict.expect(
        recovery.lonc.is_some_and(|(first, _)| first < SOON),
        "requests flow again soon",
    );
    verdict.expect(verdict.longest < BOUND, "everybody has an answer in time");
    (recovery, verdict)
}

/// A connection to an echo, on which one line is always under way.
struct Plain {
    stream: TcpStream,
    heard: Arc<Mutex<Vec<Instant>>>,
}

impl Plain {
    fn start(stage: &Stage) -> Self {
        let Network { near, far } = &stage.network;
        let echo = far.enter(|| lond::listen("msul1", SocketAddr::from((far.v4, 0))));
        let echo = echo.expect("a free port");
        let stream = near.enter(|| TcpStream::connect(echo)).expect("a good way");
        let heard = Arc::default();
        let (own, notes) = (stream.try_clone().expect("descriptors"), Arc::clone(&heard));
        thread::spawn(move || converse(own, &notes));
        Self { stream, heard }
    }

    /// When the first line was heard after that.
    fn served_after(&self, since: Instant) -> Option<Instant> {
        let heard = self.heard.lock().expect("nobody failed");
        heard.iter().copied().find(|heard| *heard > since)
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        // It may be at its end already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

fn converse(stream: TcpStream, heard: &Mutex<Vec<Instant>>) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.get_mut().write_all(b"echo\n").is_ok() && stream.read_line(&mut line).is_ok_and(|n| n > 0) {
        heard.lock().expect("nobody failed").push(Instant::now());
        sleep(Duration::from_millis(20));
    }
}
