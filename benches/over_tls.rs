//! What TLS costs: `cargo bench --bench over_tls`, with stunnel as the terminator in front of lond.
//!
//! lonc that speaks TLS itself, beside a plain lonc behind a stunnel of its own, behind a ghostunnel of its own where that
//! is installed, and beside a plain one with nobody between. The processor time of those in the middle includes what they
//! are behind. Before the load: memory, how long a start takes until the link is up, and wake-ups of an idle one.

#![allow(
    clippy::cast_precision_loss,
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a program to measure with tells, and fails at once"
)]

use std::env::args;
use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use bench_kit::load::{Load, Style};
use bench_kit::lonc::{Lonc, as_shipped};
use bench_kit::lond;
use bench_kit::process::{Memory, Process, Usage};
use bench_kit::report::{Findings, Pairs, ROUNDS, micros, tell_beside};
use tempfile::TempDir;
use test_harness::free_address;
use test_harness::programs::installed;
use test_harness::tls::Authority;

/// Starts of each kind that are timed.
const STARTS: usize = 20;
/// So long an idle one is watched.
const IDLE: Duration = Duration::from_secs(60);

/// One way to lond, and the processes on this side of it.
struct Side {
    name: &'static str,
    lonc: Lonc,
    tunnel: Option<Process>,
}

impl Side {
    fn pids(&self) -> impl Iterator<Item = u32> {
        let tunnel = self.tunnel.as_ref().map(Process::id);
        std::iter::once(self.lonc.pid()).chain(tunnel)
    }

    fn cpu(&self) -> Duration {
        self.pids().map(|pid| Usage::of(pid).cpu).sum()
    }
}

fn main() {
    // `cargo test --all-targets` runs this too, and does not ask for a measurement.
    if !args().any(|argument| argument == "--bench") {
        return;
    }
    let Some(stunnel) = installed("stunnel4") else {
        return;
    };
    let dir = TempDir::new().expect("a temporary directory");
    certify(dir.path());
    let program = as_shipped(env!("CARGO_BIN_EXE_lonc"));
    let lond = lond::start("msul1").expect("a free port");
    let there = free_address();
    let server =
        format!("accept = {there}\nconnect = {lond}\ncert = there.pem\nkey = there.key\nCAfile = ca.pem\n");
    let _server = start(
        &stunnel,
        dir.path(),
        "server",
        &format!("{server}verifyChain = yes\n"),
        there,
    );
    let here = free_address();
    let client =
        format!("client = yes\naccept = {here}\nconnect = {there}\ncert = here.pem\nkey = here.key\n");
    let client = format!("{client}CAfile = ca.pem\nverifyChain = yes\n");
    let behind = Side {
        name: "one behind stunnel",
        tunnel: Some(start(&stunnel, dir.path(), "client", &client, here)),
        lonc: Lonc::start(program, here, ""),
    };
    let path = dir.path().display();
    let tls = format!(
        "[link.tls]\nmode = 'require'\nca = '{path}/ca.pem'\ncertificate = '{path}/here.pem'\nkey = '{path}/here.key'\n"
    );
    tell_starts(program, there, &tls, lond);
    let secured = alone("TLS", Lonc::start(program, there, &tls));
    let mut others = vec![behind, alone("a plain one", Lonc::start(program, lond, ""))];
    others.extend(behind_ghostunnel(program, dir.path(), there));
    tell_idle(&secured, &others);
    let mut findings = Findings::new();
    for (name, load) in [
        ("1 client", Load::of(1)),
        ("64 clients", Load::of(64)),
        (
            "8 clients, 16 KiB encrypted",
            Load::of(8).size(16 << 10).style(Style::Encrypted),
        ),
        ("8 clients, 1 MiB plain", Load::of(8).size(1 << 20)),
    ] {
        for other in &others {
            compare(
                &mut findings,
                &format!("{name}, beside {}", other.name),
                load,
                &secured,
                other,
            );
        }
    }
    tell_memory("after that", &secured, &others);
    findings.finish();
}

fn alone(name: &'static str, lonc: Lonc) -> Side {
    Side {
        name,
        lonc,
        tunnel: None,
    }
}

fn behind_ghostunnel(program: &str, dir: &Path, there: SocketAddr) -> Option<Side> {
    let ghostunnel = installed("ghostunnel")?;
    let here = free_address();
    let mut command = Command::new(ghostunnel);
    command
        .args([
            "client",
            "--listen",
            &here.to_string(),
            "--target",
            &there.to_string(),
        ])
        .args(["--cert", "here.pem", "--key", "here.key", "--cacert", "ca.pem"])
        .current_dir(dir)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let tunnel = listening(&mut command, here);
    Some(Side {
        name: "one behind ghostunnel",
        tunnel: Some(tunnel),
        lonc: Lonc::start(program, here, ""),
    })
}

/// How long starts take until the link is up, by turns.
fn tell_starts(program: &str, there: SocketAddr, tls: &str, lond: SocketAddr) {
    let timed = |address, toml: &str| {
        let begun = Instant::now();
        drop(Lonc::start(program, address, toml));
        begun.elapsed()
    };
    let pairs = (0..STARTS).map(|_| [timed(there, tls), timed(lond, "")]);
    let (mut secured, mut plain): (Vec<_>, Vec<_>) = pairs.map(|[one, other]| (one, other)).unzip();
    let middle = |spans: &mut Vec<Duration>| {
        spans.sort();
        spans.get(STARTS / 2).copied().map_or(0.0, micros) / 1000.0
    };
    let (secured, plain) = (middle(&mut secured), middle(&mut plain));
    println!(
        "a start until the link is up, median of {STARTS}: {secured:.1} ms beside {plain:.1} ms of a plain one"
    );
}

/// Memory, and wake-ups of those that have nothing to do.
fn tell_idle(secured: &Side, others: &[Side]) {
    tell_memory("idle", secured, others);
    let all: Vec<_> = std::iter::once(secured).chain(others).collect();
    let usage = || {
        all.iter()
            .map(|side| side.pids().map(Usage::of).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let before = usage();
    sleep(IDLE);
    for ((side, now), then) in all.iter().zip(usage()).zip(before) {
        let used: Vec<_> = now.into_iter().zip(then).map(|(now, then)| now - then).collect();
        let wake_ups: u64 = used.iter().map(|usage| usage.wake_ups).sum();
        let cpu: Duration = used.iter().map(|usage| usage.cpu).sum();
        println!(
            "idle for {} s, {}: {wake_ups} wake-ups, {:.0} µs",
            IDLE.as_secs(),
            side.name,
            micros(cpu)
        );
    }
}

fn compare(findings: &mut Findings, name: &str, load: Load, one: &Side, other: &Side) {
    let (mut rates, mut costs) = (Pairs::default(), Pairs::default());
    let (mut halves, mut ends) = (Pairs::default(), Pairs::default());
    for _ in 0..ROUNDS {
        let mut run = |side: &Side| {
            let around = load.run_around(&side.lonc.target(), || side.cpu());
            let (report, [before, after]) = around.expect("the load runs");
            findings.check(&report);
            (
                report.rate(),
                micros(after.saturating_sub(before)) / report.replies.max(1) as f64,
                [50.0, 99.0].map(|percent| micros(report.percentile(percent))),
            )
        };
        let (one, two) = (run(one), run(other));
        rates.add(one.0, two.0);
        costs.add(one.1, two.1);
        halves.add(one.2[0], two.2[0]);
        ends.add(one.2[1], two.2[1]);
    }
    tell_beside(name, &rates, &costs);
    let latency = |pairs: &Pairs| format!("{:.0} µs beside {:.0} µs", pairs.one(), pairs.other());
    let (least, most) = rates.extremes();
    println!(
        "  half of the replies within {}, 99 % within {}; rounds from ×{least:.2} to ×{most:.2}",
        latency(&halves),
        latency(&ends)
    );
}

fn tell_memory(when: &str, secured: &Side, others: &[Side]) {
    for side in std::iter::once(secured).chain(others) {
        let memory = side.pids().map(|pid| Memory::of(pid).to_string());
        println!(
            "{when}, {}: {}",
            side.name,
            memory.collect::<Vec<_>>().join(" and ")
        );
    }
}

/// Certificates for both sides, in the directory.
fn certify(dir: &Path) {
    let authority = Authority::new();
    let (there, here) = (authority.good("127.0.0.1"), authority.good("msul2"));
    for (name, text) in [
        ("ca.pem", authority.pem()),
        ("there.pem", &there.certificate),
        ("there.key", &there.key),
        ("here.pem", &here.certificate),
        ("here.key", &here.key),
    ] {
        fs::write(dir.join(name), text).expect("a file");
        fs::set_permissions(dir.join(name), Permissions::from_mode(0o600)).expect("its mode");
    }
}

/// stunnel in the foreground, once it listens.
fn start(stunnel: &Path, dir: &Path, name: &str, service: &str, address: SocketAddr) -> Process {
    let nodelay = "socket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n";
    let text = format!("foreground = yes\npid =\n{nodelay}[{name}]\nsslVersionMin = TLSv1.3\n{service}");
    let file = dir.join(name);
    fs::write(&file, text).expect("a file");
    let mut command = Command::new(stunnel);
    command
        .arg(&file)
        .current_dir(dir)
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    listening(&mut command, address)
}

/// It, once it listens there.
fn listening(command: &mut Command, address: SocketAddr) -> Process {
    let process = Process::start(command).expect("it starts");
    while TcpStream::connect(address).is_err() {
        sleep(Duration::from_millis(10));
    }
    process
}
