//! The daemon as a process.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::load::Target;
use crate::process::Process;

/// lonc with a directory of its own; ended when dropped.
pub struct Lonc {
    dir: TempDir,
    process: Process,
}

/// How a measured process is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Builds the program as it is shipped, at `path` in the target directory, and gives that back. Beside tests and benches
/// cargo builds it with what those need of its libraries; it is larger then.
#[must_use]
pub fn as_shipped(path: &str) -> &str {
    let built = Command::new(env!("CARGO"))
        .args([
            "build",
            "--quiet",
            "--release",
            "--package",
            "lonc",
            "--bin",
            "lonc",
        ])
        .status()
        .expect("cargo runs");
    assert!(built.success(), "lonc can be built");
    path
}

impl Lonc {
    /// Starts `program` for peer `msul1` at `peer`, with these sections of TOML, and waits until its link is up.
    #[must_use]
    pub fn start(program: impl AsRef<OsStr>, peer: SocketAddr, toml: &str) -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let config = configure(dir.path(), peer, toml);
        let mut command = Command::new(program);
        command
            .args(["--config".as_ref(), config.as_os_str(), "msul1".as_ref()])
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stderr(Stdio::inherit());
        let process = Process::start(&mut command).expect("lonc starts");
        let lonc = Self { dir, process };
        await_socket(&lonc.socket());
        assert_eq!(ask(&lonc.socket(), "hello"), "hello\n", "the link is up");
        lonc
    }

    /// Where its clients connect to.
    #[must_use]
    pub fn target(&self) -> Target {
        Target::Unix(self.socket())
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Its configuration.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.path().join("lonc.toml")
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("msul1")
    }
}

/// Writes the configuration of an instance that keeps all it needs in `dir`; its path.
#[must_use]
pub fn configure(dir: &Path, peer: SocketAddr, toml: &str) -> PathBuf {
    let file = dir.join("lonc.toml");
    let text = format!(
        "host_id = 'msul2'\nsocket_dir = '{0}'\ncontrol_dir = '{0}/control'\nspool_dir = '{0}/delayed'\npermanent_log = '{0}/permanent.log'\n\
         [daemon]\nlog_level = 'error'\n{toml}\n[peer.msul1]\naddress = '{1}'\nport = {2}\n",
        dir.display(),
        peer.ip(),
        peer.port(),
    );
    fs::create_dir_all(dir.join("delayed")).expect("a place for the spool");
    fs::write(&file, text).expect("a place for the configuration");
    file
}

/// Waits until somebody listens there.
pub fn await_socket(path: &Path) {
    let start = Instant::now();
    while UnixStream::connect(path).is_err() {
        assert!(start.elapsed() < PATIENCE, "nobody listens at {}", path.display());
        sleep(Duration::from_millis(2));
    }
}

/// One request over a connection of its own; all that comes back.
#[must_use]
pub fn ask(path: &Path, line: &str) -> String {
    let mut stream = UnixStream::connect(path).expect("somebody listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a time-out can be set");
    writeln!(stream, "{line}").expect("the request is taken");
    stream
        .shutdown(std::net::Shutdown::Write)
        .expect("the connection is there");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer
}
