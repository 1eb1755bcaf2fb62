//! Serves the operators' end of the control socket: answers how things stand, and has orders obeyed.
//!
//! ```text
//!   loncctl, varlinkctl ─ UNIX socket ─ wire ─► methods ─┬─► driver (snapshots, clients)
//!                                                        ├─► daemon (reload, log level)
//!                                                        └─► spool's desk (delayed messages)
//! ```
//!
//! Each connection is a task of its own, with one call at a time and bounds on what it may keep and how long it may
//! take. The driver answers from what it has and waits for nobody, so that operators cannot hold up requests.
//!
//! Varlink is a few lines of framing, which `wire` has. The crates for it were looked at: `zlink` serves all
//! connections from one future that waits for each reply to be taken, so that one reader that hangs stops all, and
//! takes calls of 100 MiB; `varlink` has a thread for each connection and no limit at all.

mod census;
mod failure;
#[cfg(fuzzing)]
pub(super) mod fuzzing;
mod instance;
mod methods;
mod places;
mod render;
mod service;
mod tls;
mod wire;

use std::future::poll_fn;
use std::time::Duration;

use tokio::net::UnixStream;
use tokio::time::sleep;
use tracing::debug;

pub(crate) use self::census::Census;
pub(crate) use self::instance::Instance;
use self::methods::Outcome;
use self::places::Places;
use self::wire::{Connection, Fault};
use crate::daemon::acceptor::Acceptor;
use crate::daemon::credentials::Credentials;

/// Pause after each call: who asks without end is not to take the time of those who work.
const PACE: Duration = Duration::from_millis(2);
/// Least distance of changes that are told.
const MONITOR_PACE: Duration = Duration::from_millis(100);

/// Serves operators until the process ends.
pub(crate) async fn serve(mut acceptor: Acceptor, instance: Instance) {
    let places = Places::default();
    loop {
        match poll_fn(|cx| acceptor.poll_accept(cx)).await {
            Ok(stream) => admit(stream, &places, &instance),
            Err(fault) => debug!("cannot accept at the control socket: {fault}"),
        }
    }
}

fn admit(stream: UnixStream, places: &Places, instance: &Instance) {
    let Ok(credentials) = Credentials::of(&stream) else {
        return;
    };
    let Some(place) = places.take(credentials.uid(), credentials.is_privileged()) else {
        debug!(
            "{credentials} is turned away from the control socket: too many are there, or too many of that user"
        );
        return;
    };
    let instance = instance.clone();
    tokio::spawn(async move {
        if let Err(fault) = converse(Connection::new(stream), credentials, &instance).await {
            debug!("{credentials} is cut off from the control socket: {fault}");
        }
        drop(place);
    });
}

async fn converse(
    mut connection: Connection<UnixStream>,
    credentials: Credentials,
    instance: &Instance,
) -> Result<(), Fault> {
    while let Some(call) = connection.next().await? {
        let oneway = call.oneway;
        let reply = match methods::run(call, credentials, instance).await {
            Ok(Outcome::Monitor(_)) if oneway => continue,
            Ok(Outcome::Monitor(interval)) => return monitor(connection, interval, instance).await,
            Ok(Outcome::Reply(reply)) => reply,
            Err(failure) => {
                let (name, parameters) = failure.on_the_wire();
                wire::error(&name, &parameters)
            }
        };
        if !oneway {
            connection.send(&reply).await?;
        }
        sleep(PACE).await;
    }
    Ok(())
}

/// Tells the status at each change until the other side goes or the instance ends.
async fn monitor(
    mut connection: Connection<UnixStream>,
    interval: Option<Duration>,
    instance: &Instance,
) -> Result<(), Fault> {
    let mut published = instance.published.clone();
    loop {
        published.mark_unchanged();
        let status = methods::status(instance).await;
        connection.send(&wire::reply(&status, true)).await?;
        sleep(MONITOR_PACE).await;
        let tick = async {
            match interval {
                Some(interval) => sleep(interval.saturating_sub(MONITOR_PACE)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            changed = published.changed() => if changed.is_err() { return Ok(()) },
            () = tick => {}
            () = connection.gone() => return Ok(()),
        }
    }
}
