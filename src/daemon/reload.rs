//! `lonc --reload`: a reload that returns when it is done, and fails when it is not.
//!
//! systemd 252 takes a reload to be over when `ExecReload=` is. So that command waits: in `$RUNTIME_DIRECTORY`, which
//! the daemon and it share, it binds a socket to which the daemon sends the outcome when the new settings are in force.

use std::env;
use std::fs;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tracing::debug;

/// The name of the socket.
const SOCKET: &str = "reload";
/// A daemon that does not answer that long hangs, and its watchdog is about to end it.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest answer taken.
const MAX_ANSWER: usize = 4096;

/// Why a reload failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReloadError {
    /// A variable is missing that systemd gives to `ExecReload=`.
    #[error("{0} is not set: use systemctl reload lonc@<peer>")]
    Environment(&'static str),
    /// The socket for the answer cannot be used.
    #[error("{}: {fault}", .path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        fault: io::Error,
    },
    /// The daemon is not there, or not ours.
    #[error("cannot signal process {process}: {fault}")]
    Signal {
        /// The process.
        process: i32,
        /// What the system said.
        fault: nix::Error,
    },
    /// The daemon hangs or has ended.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Silence,
    /// The daemon found a fault and keeps its old settings.
    #[error("{0}")]
    Refused(String),
}

/// Has the daemon `$MAINPID` read its configuration again and waits for what comes of it.
pub(crate) fn ask() -> Result<(), ReloadError> {
    let directory = env::var_os("RUNTIME_DIRECTORY").ok_or(ReloadError::Environment("RUNTIME_DIRECTORY"))?;
    let process = env::var("MAINPID").ok().and_then(|text| text.parse().ok());
    let process = process
        .filter(|process| *process > 1)
        .ok_or(ReloadError::Environment("MAINPID"))?;
    let waiting = Waiting::at(Path::new(&directory).join(SOCKET))?;
    kill(Pid::from_raw(process), Signal::SIGHUP).map_err(|fault| ReloadError::Signal { process, fault })?;
    waiting.outcome()
}

/// Tells the outcome to who waits for it, if anybody does; an empty one is success.
pub(crate) fn answer(outcome: &str) {
    let Some(directory) = env::var_os("RUNTIME_DIRECTORY") else {
        return;
    };
    let whole = outcome.as_bytes();
    let bytes = whole.get(..MAX_ANSWER).unwrap_or(whole);
    let sent = UnixDatagram::unbound().and_then(|socket| {
        socket.set_nonblocking(true)?;
        socket.send_to(bytes, Path::new(&directory).join(SOCKET))
    });
    if let Err(fault) = sent {
        // A plain SIGHUP: nobody waits.
        debug!("nobody took the outcome of the reload: {fault}");
    }
}

/// A socket for one answer; its file goes with it.
struct Waiting {
    socket: UnixDatagram,
    path: PathBuf,
}

impl Waiting {
    fn at(path: PathBuf) -> Result<Self, ReloadError> {
        // One that was killed while it waited left its file.
        let _ = fs::remove_file(&path);
        let bound = UnixDatagram::bind(&path).and_then(|socket| {
            socket.set_read_timeout(Some(PATIENCE))?;
            Ok(socket)
        });
        match bound {
            Ok(socket) => Ok(Self { socket, path }),
            Err(fault) => Err(ReloadError::Socket { path, fault }),
        }
    }

    fn outcome(&self) -> Result<(), ReloadError> {
        let mut answer = [0; MAX_ANSWER];
        let length = match self.socket.recv(&mut answer) {
            Ok(length) => length,
            Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => return Err(ReloadError::Silence),
            Err(fault) => {
                let path = self.path.clone();
                return Err(ReloadError::Socket { path, fault });
            }
        };
        match answer.get(..length).unwrap_or_default() {
            [] => Ok(()),
            fault => Err(ReloadError::Refused(String::from_utf8_lossy(fault).into_owned())),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // A file that stays behind is removed by the next one.
        let _ = fs::remove_file(&self.path);
    }
}
