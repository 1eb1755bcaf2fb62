//! systemd's side: sockets in; READY, STATUS, WATCHDOG, STOPPING, RELOADING out. Harmless without systemd.

use std::env;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use listenfd::ListenFd;
use lonc_proto::session::State;
use nix::sys::socket::{getsockopt, sockopt};
use sd_notify::NotifyState;
use tokio::sync::watch;
use tracing::debug;

use crate::daemon::alarm::Alarm;
use crate::daemon::listen::ListenSocket;
use crate::daemon::status::Snapshot;

/// `FileDescriptorName=` of the socket for clients,
const CLIENT: &str = "client";
/// and of the one for operators.
const CONTROL: &str = "control";

/// Why systemd's sockets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
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
pub struct Sockets {
    /// For clients.
    pub client: Option<ListenSocket>,
    /// For operators; never without the other.
    pub control: Option<ListenSocket>,
}

/// The listening sockets that systemd passed. Where it passed any, the one for clients is among them.
///
/// Changes the environment: to be called before any thread starts.
pub fn take_sockets() -> Result<Sockets, SocketError> {
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
    Ok(Sockets { client, control })
}

fn take(passed: &mut ListenFd, names: &str, name: &'static str) -> Result<Option<ListenSocket>, SocketError> {
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
        Ok(true) => Ok(Some(listener.into())),
        Ok(false) => Err(unusable(io::ErrorKind::InvalidInput.into())),
        Err(error) => Err(unusable(error.into())),
    }
}

/// Tells the service manager, if there is one.
fn notify(words: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(words) {
        debug!("cannot notify the service manager: {error}");
    }
}

/// A service other than an instance is ready; `text` is its status.
pub fn ready(text: &str) {
    notify(&[NotifyState::Ready, NotifyState::Status(text)]);
}

/// The instance is about to end.
pub fn stopping() {
    // A service that ends before it was ready has failed, and waits for its restart: not so one that was asked to.
    // In a message of its own, for of the two words in one only the last counts.
    notify(&[NotifyState::Ready]);
    notify(&[
        NotifyState::Stopping,
        NotifyState::Status("draining: finishing what is in flight"),
    ]);
}

/// A reload begins; it ends with [`reloaded`].
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => debug!("no monotonic clock for the service manager: {error}"),
    }
}

/// A reload ended; `outcome` is shown until the next change of state.
pub fn reloaded(outcome: Option<&str>) {
    match outcome {
        Some(outcome) => notify(&[NotifyState::Ready, NotifyState::Status(outcome)]),
        None => notify(&[NotifyState::Ready]),
    }
}

/// Passes each new status on, and with the first that is no longer waiting for its first try, that we are ready.
pub async fn pass_on(mut status: watch::Receiver<Snapshot>) {
    let mut ready = false;
    loop {
        {
            let snapshot = status.borrow_and_update();
            let text = snapshot.to_string();
            if ready || snapshot.status.state == State::Connecting {
                notify(&[NotifyState::Status(&text)]);
            } else {
                notify(&[NotifyState::Ready, NotifyState::Status(&text)]);
                ready = true;
            }
        }
        if status.changed().await.is_err() {
            return;
        }
    }
}

/// Pings the watchdog twice in each of its intervals, as long as `works` says that the work is done in time. Without
/// a watchdog this ends at once.
pub(crate) async fn ping_watchdog<F: Future<Output = bool>>(alarm: Alarm, works: impl FnMut() -> F) {
    if let Some(limit) = sd_notify::watchdog_enabled() {
        let period = (limit / 2).max(Duration::from_millis(1));
        let alarm = Arc::new(alarm);
        let pause = || {
            let alarm = alarm.clone();
            async move { alarm.after(period).await }
        };
        ping_between(pause, works, || notify(&[NotifyState::Watchdog])).await;
    }
}

async fn ping_between<P: Future<Output = ()>, F: Future<Output = bool>>(
    pause: impl Fn() -> P,
    mut works: impl FnMut() -> F,
    mut ping: impl FnMut(),
) {
    loop {
        if works().await {
            ping();
        }
        pause().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::pending;

    async fn every_ten_seconds() {
        tokio::time::sleep(Duration::from_secs(10)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_is_pinged_while_the_work_is_done_in_time() {
        let (healthy, pings) = (Cell::new(true), Cell::new(0));
        let work = || async { healthy.get() };
        let pinging = ping_between(every_ten_seconds, work, || pings.set(pings.get() + 1));
        let watch = async {
            tokio::time::sleep(Duration::from_secs(35)).await;
            assert_eq!(pings.get(), 4);
            healthy.set(false);
            tokio::time::sleep(Duration::from_secs(100)).await;
            assert_eq!(pings.get(), 4);
            healthy.set(true);
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert_eq!(pings.get(), 5);
        };
        tokio::select! { () = pinging => unreachable!("pings never end"), () = watch => {} }
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_does_not_answer_is_not_vouched_for() {
        let pings = Cell::new(0);
        let pinging = ping_between(every_ten_seconds, pending::<bool>, || {
            pings.set(pings.get() + 1);
        });
        let _ = tokio::time::timeout(Duration::from_secs(1000), pinging).await;
        assert_eq!(pings.get(), 0);
    }
}
