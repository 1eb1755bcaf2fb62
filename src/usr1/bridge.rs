//! The one that is signalled.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use super::{PidFile, PidFileError};
use crate::process::{self, Kind};
use crate::systemd;

/// How long the other may take; then the next signal is heeded again.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is seen to that the file names us: loncron gives a lonc that it started a second to be there.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Longest word of it that is taken, in bytes.
const MAX_WORD: u64 = 64 * 1024;

/// Why it ends.
#[derive(Debug, thiserror::Error)]
pub(super) enum BridgeError {
    #[error(transparent)]
    PidFile(#[from] PidFileError),
    #[error("signals: {0}")]
    Signals(#[from] io::Error),
}

/// Caught from when it is made.
pub(super) struct Signals {
    again: Signal,
    /// The Perl lonc reads its table with it; here that is seen by itself. It is no reason to end.
    _ignored: Signal,
    end: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn catch() -> io::Result<Self> {
        Ok(Self {
            again: signal(SignalKind::user_defined1())?,
            _ignored: signal(SignalKind::hangup())?,
            end: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

/// Has all instances try again, by way of `socket`, whenever SIGUSR1 comes, until SIGTERM or SIGINT does. Signals that
/// come meanwhile are one.
pub(super) async fn run(mut signals: Signals, pid_file: &Path, socket: &Path) -> Result<(), BridgeError> {
    // Only now: whoever reads it may signal at once.
    let file = begin(pid_file)?;
    tokio::select! {
        () = systemd::notify_again() => Ok(()),
        _ = signals.end.recv() => Ok(()),
        _ = signals.interrupt.recv() => Ok(()),
        never = keep(&file, pid_file) => never,
        never = heed(&mut signals.again, socket) => never,
    }
}

/// Takes the file, or its place in the queue behind a Perl lonc, which may run for weeks yet.
fn begin(path: &Path) -> Result<PidFile, PidFileError> {
    let taken = PidFile::write(path);
    let (file, state) = match taken {
        Err(PidFileError::InUse { process, .. }) if process::kind(process) == Some(Kind::Perl) => {
            let state = format!(
                "{}: process {process} is a Perl lonc, waiting for its end",
                path.display()
            );
            (PidFile::later(path), state)
        }
        taken => (taken?, has(path)),
    };
    info!("{state}");
    systemd::ready(&state);
    Ok(file)
}

/// How things stand once the file names us.
fn has(path: &Path) -> String {
    format!(
        "SIGUSR1 to the process in {} has all instances try again",
        path.display()
    )
}

/// Sees that the file stays. loncron takes who is not named there for dead, and then kills by name.
async fn keep(file: &PidFile, path: &Path) -> ! {
    let mut is_told = false;
    loop {
        sleep(LOOK_EVERY).await;
        match file.put_back() {
            Ok(is_new) => {
                if is_new {
                    info!(
                        "{} was gone or named nobody who runs, and is put back",
                        path.display()
                    );
                    systemd::status(&has(path));
                }
                is_told = false;
            }
            Err(fault) => {
                if !is_told {
                    warn!("{fault}");
                }
                is_told = true;
            }
        }
    }
}

async fn heed(again: &mut Signal, socket: &Path) -> ! {
    loop {
        again.recv().await;
        match timeout(PATIENCE, pass_on(socket)).await {
            Ok(Ok(word)) => info!("SIGUSR1: {}", word.trim_end()),
            Ok(Err(fault)) => warn!("SIGUSR1 cannot be passed on: {}: {fault}", socket.display()),
            Err(_) => warn!(
                "SIGUSR1: {} gave no answer within {} s",
                socket.display(),
                PATIENCE.as_secs()
            ),
        }
    }
}

/// To connect is all it takes; the other tells what came of it.
async fn pass_on(socket: &Path) -> io::Result<String> {
    let stream = UnixStream::connect(socket).await?;
    let mut word = String::new();
    stream.take(MAX_WORD).read_to_string(&mut word).await?;
    if word.is_empty() {
        return Err(io::Error::other("it ended without a word"));
    }
    Ok(word)
}
