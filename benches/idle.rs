//! Many instances with nothing to do, and one that is started by its first client:
//! `cargo bench --bench idle [-- instances [seconds]]`.
//!
//! The package raises `fs.inotify.max_user_instances`; where it is lower than the number of instances, those beyond wake
//! up to look at the spool. Each instance has a link that is up, a watchdog of 30 s and the default probe of 60 s, as on
//! a host of a network of so many. Prints memory, wake-ups and processor time, then how long a first client waits for
//! its reply.

#![allow(
    clippy::print_stdout,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a program to measure with tells, and fails at once"
)]

use std::env::args;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use bench_kit::lonc::{as_shipped, ask, configure};
use bench_kit::lond;
use bench_kit::process::{Memory, Process, Usage};
use bench_kit::report::{Findings, mebibytes};
use tempfile::TempDir;

const WATCHDOG: Duration = Duration::from_secs(30);
const COLD_STARTS: usize = 20;

fn main() {
    // `cargo test --all-targets` runs this too, and does not ask for a measurement.
    if !args().any(|argument| argument == "--bench") {
        return;
    }
    let mut numbers = args().filter_map(|argument| argument.parse().ok());
    let count = numbers.next().unwrap_or(500);
    let span = Duration::from_secs(numbers.next().unwrap_or(120));
    let program = as_shipped(env!("CARGO_BIN_EXE_lonc"));
    let peer = lond::start("msul1").expect("a free port");
    let mut findings = Findings::new();
    cold_starts(&mut findings, program, peer);
    let crowd = Crowd::start(program, peer, usize::try_from(count).unwrap_or(usize::MAX));
    crowd.measure(&mut findings, span);
    findings.finish();
}

struct Crowd {
    _dir: TempDir,
    processes: Vec<Process>,
}

impl Crowd {
    fn start(program: &str, peer: SocketAddr, count: usize) -> Self {
        let limit = fs::read_to_string("/proc/sys/fs/inotify/max_user_instances").unwrap_or_default();
        println!("watches of directories that each user may have: {}", limit.trim());
        let dir = TempDir::new().expect("a temporary directory");
        let notify = dir.path().join("notify");
        let manager = UnixDatagram::bind(&notify).expect("a place for the manager's socket");
        let begun = Instant::now();
        let begin = |number: usize| {
            let home = dir.path().join(number.to_string());
            let config = configure(&home, peer, "");
            let mut command = lonc(program, &config);
            command
                .env("NOTIFY_SOCKET", &notify)
                .env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
            Process::start(&mut command).expect("lonc starts")
        };
        let processes = (0..count).map(begin).collect();
        await_ready(&manager, count);
        println!(
            "{count} instances are ready after {:.1} s",
            begun.elapsed().as_secs_f64()
        );
        manager
            .set_read_timeout(None)
            .expect("a time-out can be taken away");
        // Somebody has to take the pings.
        spawn(move || while manager.recv(&mut [0; 4096]).is_ok() {});
        Self { _dir: dir, processes }
    }

    fn measure(&self, findings: &mut Findings, span: Duration) {
        // A pool's thread that looked a name up ends after ten seconds.
        sleep(Duration::from_secs(12));
        let before: Vec<_> = self.each().map(Usage::of).collect();
        sleep(span);
        let used: Vec<_> = self
            .each()
            .map(Usage::of)
            .zip(before)
            .map(|(now, then)| now - then)
            .collect();
        let memories: Vec<_> = self.each().map(Memory::of).collect();

        let count = self.processes.len() as f64;
        let wake_ups = used.iter().map(|usage| usage.wake_ups).sum::<u64>() as f64;
        let cpu: Duration = used.iter().map(|usage| usage.cpu).sum();
        let of_each = wake_ups / count / (span.as_secs_f64() / WATCHDOG.as_secs_f64());
        println!(
            "together: {:.1} wake-ups/s, {:.4} of a processor, {:.0} MiB of memory counted once",
            wake_ups / span.as_secs_f64(),
            cpu.as_secs_f64() / span.as_secs_f64(),
            mebibytes(memories.iter().map(|memory| memory.proportional).sum())
        );
        let most = |of: fn(&Memory) -> u64| mebibytes(memories.iter().map(of).max().unwrap_or_default());
        // Two pings in each watchdog interval, and the question and the answer of a probe in every other.
        findings.at_most(
            "wake-ups in 30 s of each",
            of_each,
            3.5,
            "two pings, half a probe",
        );
        findings.at_most(
            "MiB resident of the largest",
            most(|memory| memory.resident),
            4.5,
            "",
        );
        findings.at_most(
            "MiB of its own and written",
            most(|memory| memory.anonymous),
            1.0,
            "",
        );
    }

    fn each(&self) -> impl Iterator<Item = u32> {
        self.processes.iter().map(Process::id)
    }
}

fn await_ready(manager: &UnixDatagram, count: usize) {
    let patience = Some(Duration::from_secs(60));
    manager.set_read_timeout(patience).expect("a time-out can be set");
    let (mut ready, mut room) = (0, [0; 4096]);
    while ready < count {
        let length = manager.recv(&mut room).expect("instances tell how they are");
        let text = String::from_utf8_lossy(room.get(..length).unwrap_or_default());
        ready += usize::from(text.lines().any(|line| line == "READY=1"));
    }
}

fn lonc(program: &str, config: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .args(["--config".as_ref(), config.as_os_str(), "msul1".as_ref()])
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    command
}

/// From the first client's connect to its reply, when that client is what starts the instance.
fn cold_starts(findings: &mut Findings, program: &str, peer: SocketAddr) {
    let mut spans: Vec<_> = (0..COLD_STARTS)
        .filter_map(|_| cold_start(program, peer))
        .collect();
    if spans.is_empty() {
        println!("systemd-socket-activate is not installed: no cold start");
        return;
    }
    spans.sort();
    let milliseconds = |span: Option<&Duration>| span.map_or(f64::NAN, |span| span.as_secs_f64() * 1e3);
    let longest = milliseconds(spans.last());
    let how = format_args!("the longest of {COLD_STARTS}; {longest:.1} ms");
    let median = milliseconds(spans.get(COLD_STARTS / 2));
    findings.at_most("ms from a first client's connect to its reply", median, 50.0, how);
}

fn cold_start(program: &str, peer: SocketAddr) -> Option<Duration> {
    let dir = TempDir::new().expect("a temporary directory");
    let config = configure(dir.path(), peer, "");
    let socket = dir.path().join("msul1");
    let mut command = Command::new("systemd-socket-activate");
    command
        .arg("--listen")
        .arg(&socket)
        .args(["--fdname=client", program, "--config"])
        .arg(config)
        .arg("msul1")
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let _activator = Process::start(&mut command).ok()?;
    let begun = Instant::now();
    while !socket.exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "systemd-socket-activate listens"
        );
        sleep(Duration::from_millis(1));
    }
    // The file is there a moment before somebody listens.
    sleep(Duration::from_millis(20));
    let begun = Instant::now();
    let answer = ask(&socket, "hello");
    let took = begun.elapsed();
    assert_eq!(answer, "hello\n");
    Some(took)
}
