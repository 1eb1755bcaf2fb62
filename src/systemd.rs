//! systemd's side: sockets in; READY, STATUS, WATCHDOG, STOPPING, RELOADING out. Harmless without systemd, and nobody
//! waits for it.

mod words;

use std::env;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use listenfd::ListenFd;
use nix::sys::socket::{getsockopt, sockopt};
use nix::sys::stat::fstat;
use sd_notify::NotifyState;
use tracing::debug;

use self::words::WORDS;

/// Whether this machine runs under systemd, as `sd_booted(3)` has it.
pub(crate) fn is_booted() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// What the status of a service begins with that cannot begin to serve; the fault follows.
pub(crate) const TURNED_AWAY: &str = "requests are answered con_lost: ";

/// `FileDescriptorName=` of the socket for clients.
const CLIENT: &str = "client";
/// `FileDescriptorName=` of the socket for operators.
const CONTROL: &str = "control";

/// Why systemd's sockets cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    /// Sockets came, but none for clients.
    #[error(
        "no socket named \"{CLIENT}\" among those that systemd passed: {0}; FileDescriptorName={CLIENT} is missing"
    )]
    Missing(String),
    /// It is not clear which to serve.
    #[error("more than one socket named \"{name}\" among those that systemd passed: {names}")]
    Several {
        /// `FileDescriptorName=`.
        name: &'static str,
        /// All names.
        names: String,
    },
    /// One socket came under both names: clients would be taken for operators, and the other way round.
    #[error("the sockets \"{CLIENT}\" and \"{CONTROL}\" that systemd passed are one and the same")]
    Same,
    /// What came is not a listening UNIX stream socket.
    #[error("socket \"{name}\" that systemd passed is no listening UNIX stream socket: {fault}")]
    Unusable {
        /// `FileDescriptorName=`.
        name: &'static str,
        /// What the system said.
        fault: io::Error,
    },
}

/// The listening sockets that systemd passed, if it passed any.
#[derive(Debug, Default)]
pub(crate) struct Sockets {
    /// For clients.
    pub client: Option<UnixListener>,
    /// For operators; never without the other.
    pub control: Option<UnixListener>,
}

/// The listening sockets that systemd passed. Where it passed any, the one for clients is among them.
///
/// Changes the environment: to be called before any thread starts.
pub(crate) fn take_sockets() -> Result<Sockets, SocketError> {
    let names = env::var("LISTEN_FDNAMES").ok();
    let mut passed = ListenFd::from_env();
    if passed.len() == 0 {
        return Ok(Sockets::default());
    }
    // Where nobody named them it was a socket activator other than systemd, and the first is what is meant.
    let names = names.unwrap_or_else(|| CLIENT.to_owned());
    let client = take(&mut passed, &names, CLIENT)?;
    if client.is_none() {
        return Err(SocketError::Missing(names));
    }
    let control = take(&mut passed, &names, CONTROL)?;
    if let (Some(client), Some(control)) = (&client, &control)
        && identity(client).is_some_and(|one| identity(control) == Some(one))
    {
        return Err(SocketError::Same);
    }
    Ok(Sockets { client, control })
}

fn take(passed: &mut ListenFd, names: &str, name: &'static str) -> Result<Option<UnixListener>, SocketError> {
    let mut named = names.split(':').enumerate().filter(|(_, one)| *one == name);
    let Some((index, _)) = named.next() else {
        return Ok(None);
    };
    if named.next().is_some() {
        let names = names.to_owned();
        return Err(SocketError::Several { name, names });
    }
    let unusable = |fault| SocketError::Unusable { name, fault };
    let Some(listener) = passed.take_unix_listener(index).map_err(unusable)? else {
        return Ok(None);
    };
    // With Accept=yes, for one, it is a client's connection.
    match getsockopt(&listener, sockopt::AcceptConn) {
        Ok(true) => Ok(Some(listener)),
        Ok(false) => Err(unusable(io::ErrorKind::InvalidInput.into())),
        Err(error) => Err(unusable(error.into())),
    }
}

/// The same for descriptors of one socket.
fn identity(socket: impl AsFd) -> Option<(u64, u64)> {
    let stat = fstat(socket).ok()?;
    Some((stat.st_dev, stat.st_ino))
}

/// Tells the service manager, if there is one.
fn notify(words: &[NotifyState<'_>]) {
    WORDS.tell(words);
}

/// Tells again what the service manager was too busy to take; for a task of its own.
pub(crate) async fn notify_again() {
    WORDS.tell_again().await;
}

/// This service is ready; `text` is its status.
pub(crate) fn ready(text: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(text)]);
}

/// `text` is the status from now on.
pub(crate) fn status(text: &str) {
    notify(&[NotifyState::Status(text)]);
}

/// How long this service may be silent, if it has a watchdog.
pub(crate) fn watchdog_limit() -> Option<Duration> {
    sd_notify::watchdog_enabled()
}

/// The work is done in time.
pub(crate) fn ping_watchdog() {
    notify(&[NotifyState::Watchdog]);
}

/// The instance is about to end.
pub(crate) fn stopping() {
    // A service that ends before it was ready has failed, and waits for its restart: not so one that was asked to.
    // In a message of its own, for of the two words in one only the last counts.
    notify(&[NotifyState::Ready]);
    notify(&[
        NotifyState::Stopping,
        NotifyState::Status("draining: finishing what is in flight"),
    ]);
}

/// A reload begins; it ends with [`reloaded`]. Before READY nobody knows of any: what begins is the start, still.
pub(crate) fn reloading() {
    if !WORDS.is_ready() {
        return;
    }
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => debug!("no monotonic clock for the service manager: {error}"),
    }
}

/// A reload ended; `outcome` is shown until the next change of state.
pub(crate) fn reloaded(outcome: Option<&str>) {
    match outcome {
        Some(outcome) if !WORDS.is_ready() => status(outcome),
        None if !WORDS.is_ready() => {}
        Some(outcome) => notify(&[NotifyState::Ready, NotifyState::Status(outcome)]),
        None => notify(&[NotifyState::Ready]),
    }
}
