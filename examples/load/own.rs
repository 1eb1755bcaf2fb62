//! A lond that echoes and an lonc before it, for a load that has nothing else to ask.

use std::error::Error;
use std::thread;
use std::time::Duration;

use bench_kit::load::{Load, Report, Target};
use bench_kit::lonc::{await_socket, configure};
use bench_kit::{lond, relay};
use lonc::internals::config::{self, HostId};
use lonc::internals::daemon::{Daemon, LogHandle, bind};

/// Runs the load against a lonc in a thread of this process, whose lond is so far away.
pub(crate) fn run(load: Load, round_trip: Duration) -> Result<Report, Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let mut address = lond::start("msul1")?;
    if !round_trip.is_zero() {
        address = relay::start(address, round_trip / 2);
    }
    let file = configure(dir.path(), address, "");
    let peer: HostId = "msul1".parse()?;
    let daemon = Daemon {
        loaded: config::load(&file, &peer)?,
        config: file,
        socket: Some(bind(dir.path(), &peer)?),
        control: None,
        log: LogHandle::default(),
    };
    // It ends with this process; nothing is left to be saved.
    thread::spawn(move || daemon.run());
    let socket = dir.path().join("msul1");
    await_socket(&socket);
    Ok(load.run(&Target::Unix(socket))?)
}
