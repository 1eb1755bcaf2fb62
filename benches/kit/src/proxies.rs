//! Others that do the same work.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs};

use tempfile::TempDir;

use crate::dialogue::store_values;
use crate::load::Target;
use crate::lonc::await_socket;
use crate::process::Process;

/// Processes that stand between clients and a server; ended when dropped.
pub struct Proxy {
    dir: TempDir,
    processes: Vec<Process>,
    target: Target,
}

impl Proxy {
    /// A plain Perl proxy before `server`, that carries one request at a time for all its clients; none if perl is not
    /// installed.
    #[must_use]
    pub fn perl(server: SocketAddr) -> Option<Self> {
        let perl = program("perl")?;
        let dir = TempDir::new().expect("a temporary directory");
        let socket = dir.path().join("socket");
        let mut command = Command::new(perl);
        command
            .args(["-e", include_str!("lock_step.pl")])
            .arg(&socket)
            .arg(server.ip().to_string())
            .arg(server.port().to_string())
            .stdin(Stdio::null());
        let proxy = Self {
            processes: vec![Process::start(&mut command).expect("perl starts")],
            dir,
            target: Target::Unix(socket.clone()),
        };
        await_socket(&socket);
        Some(proxy)
    }

    /// nutcracker before a redis that has what `clients` clients will ask for; none if they are not installed.
    #[must_use]
    pub fn nutcracker(clients: usize) -> Option<Self> {
        let (nutcracker, redis) = (program("nutcracker")?, program("redis-server")?);
        let dir = TempDir::new().expect("a temporary directory");
        let (server, socket) = (free_port(), dir.path().join("socket"));
        let mut command = Command::new(redis);
        command
            .args([
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--loglevel",
                "warning",
                "--port",
            ])
            .arg(server.port().to_string())
            .current_dir(dir.path())
            .stdout(Stdio::null());
        let redis = Process::start(&mut command).expect("redis starts");
        let config = dir.path().join("nutcracker.yml");
        // Its clients come as lonc's do.
        let listen = socket.display();
        let text = format!("lonc:\n  listen: {listen}\n  redis: true\n  servers:\n   - {server}:1\n");
        fs::write(&config, text).expect("a place for the configuration");
        let mut proxy = Self {
            dir,
            processes: vec![redis],
            target: Target::Unix(socket.clone()),
        };
        fill(await_port(server), clients);
        let mut command = Command::new(nutcracker);
        command
            .arg("-c")
            .arg(config)
            .args(["-o", "nutcracker.log", "-s", &free_port().port().to_string()])
            .current_dir(proxy.dir.path())
            .stderr(Stdio::null());
        let nutcracker = Process::start(&mut command).expect("nutcracker starts");
        proxy.processes.push(nutcracker);
        await_socket(&socket);
        Some(proxy)
    }

    /// Where its clients connect to.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The process of the proxy itself.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.processes.last().expect("a proxy is a process").id()
    }
}

fn fill(mut redis: TcpStream, clients: usize) {
    let mut answers = redis.try_clone().expect("a second handle");
    let reading = std::thread::spawn(move || {
        let mut text = Vec::new();
        answers.read_to_end(&mut text).expect("redis answers");
        text
    });
    store_values(clients, &mut redis).expect("redis takes what it is to store");
    redis.shutdown(std::net::Shutdown::Write).expect("redis is there");
    let answers = reading.join().expect("a thread that only reads");
    assert!(
        answers.chunks(5).all(|answer| answer == b"+OK\r\n"),
        "redis stores all values"
    );
}

/// Where a program is, if it is installed.
fn program(name: &str) -> Option<std::path::PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    // Servers lie where a plain user's shell does not look.
    let dirs = env::split_paths(&path).chain(["/usr/sbin".into()]);
    dirs.map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// A port that nobody uses just now.
fn free_port() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a port has an address")
}

fn await_port(address: SocketAddr) -> TcpStream {
    let start = Instant::now();
    loop {
        match TcpStream::connect(address) {
            Ok(stream) => return stream,
            Err(error) => assert!(start.elapsed() < Duration::from_secs(20), "{address}: {error}"),
        }
        sleep(Duration::from_millis(5));
    }
}
