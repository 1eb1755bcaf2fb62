//! What TLS costs: `cargo bench --bench over_tls`, with stunnel as the terminator in front of lond.
//!
//! lonc that speaks TLS itself, beside a plain lonc behind a stunnel of its own, and beside a plain one with nobody
//! between. The processor time of the second includes its stunnel's.

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
use std::time::Duration;

use bench_kit::load::{Load, Style};
use bench_kit::lonc::{Lonc, as_shipped};
use bench_kit::lond;
use bench_kit::process::{Memory, Process, Usage};
use bench_kit::report::{Findings, Pairs, ROUNDS, micros, tell_beside};
use tempfile::TempDir;
use test_harness::free_address;
use test_harness::programs::installed;
use test_harness::tls::Authority;

/// One way to lond, and the processes on this side of it.
struct Side {
    lonc: Lonc,
    stunnel: Option<Process>,
}

impl Side {
    fn pids(&self) -> impl Iterator<Item = u32> {
        let stunnel = self.stunnel.as_ref().map(Process::id);
        std::iter::once(self.lonc.pid()).chain(stunnel)
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
        stunnel: Some(start(&stunnel, dir.path(), "client", &client, here)),
        lonc: Lonc::start(program, here, ""),
    };
    let path = dir.path().display();
    let secured = format!(
        "[link.tls]\nmode = 'require'\nca = '{path}/ca.pem'\ncertificate = '{path}/here.pem'\nkey = '{path}/here.key'\n"
    );
    let secured = alone(Lonc::start(program, there, &secured));
    let plain = alone(Lonc::start(program, lond, ""));
    tell_memory("idle", &secured, &behind, &plain);
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
        compare(
            &mut findings,
            &format!("{name}, beside one behind stunnel"),
            load,
            &secured,
            &behind,
        );
        compare(
            &mut findings,
            &format!("{name}, beside a plain one"),
            load,
            &secured,
            &plain,
        );
    }
    tell_memory("after that", &secured, &behind, &plain);
    findings.finish();
}

fn alone(lonc: Lonc) -> Side {
    Side { lonc, stunnel: None }
}

fn compare(findings: &mut Findings, name: &str, load: Load, one: &Side, other: &Side) {
    let (mut rates, mut costs) = (Pairs::default(), Pairs::default());
    for _ in 0..ROUNDS {
        let mut run = |side: &Side| {
            let around = load.run_around(&side.lonc.target(), || side.cpu());
            let (report, [before, after]) = around.expect("the load runs");
            findings.check(&report);
            (
                report.rate(),
                micros(after.saturating_sub(before)) / report.replies.max(1) as f64,
            )
        };
        let (one, two) = (run(one), run(other));
        rates.add(one.0, two.0);
        costs.add(one.1, two.1);
    }
    tell_beside(name, &rates, &costs);
}

fn tell_memory(when: &str, secured: &Side, behind: &Side, plain: &Side) {
    let of = |side: &Side| {
        let memory = side.pids().map(|pid| Memory::of(pid).to_string());
        memory.collect::<Vec<_>>().join(" and ")
    };
    println!(
        "{when}: {} beside {} beside {}",
        of(secured),
        of(behind),
        of(plain)
    );
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
    let process = Process::start(&mut command).expect("stunnel starts");
    while TcpStream::connect(address).is_err() {
        sleep(Duration::from_millis(10));
    }
    process
}
