//! `lonc-usr1 [--config FILE] [--socket PATH]`, `lonc-usr1 [--config FILE] --reconnect`.

use std::ffi::OsString;
use std::io::{self, Write as _, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use super::{bridge, reconnect};
use crate::cli::{self, EX_CONFIG};
use crate::config::{self, ConfigError, DEFAULT_PATH};
use crate::journal;

/// Takes the SIGUSR1 that lond and lonnet send to the process in lonc.pid, and has all instances of lonc try again.
#[derive(Debug, Parser)]
#[command(
    name = "lonc-usr1",
    version,
    after_help = "Under systemd: systemctl start lonc-usr1.service"
)]
struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    config: PathBuf,
    /// Where whoever may steer the instances is to be found.
    #[arg(long, value_name = "PATH", default_value = "/run/lonc-reconnect")]
    socket: PathBuf,
    /// Have all instances try again now, say what came of it, and exit.
    #[arg(long, conflicts_with = "socket")]
    reconnect: bool,
}

/// Does what the arguments say.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Arguments = match cli::parse(arguments) {
        Ok(arguments) => arguments,
        Err(exit) => return exit,
    };
    let done = if arguments.reconnect {
        reconnect(&arguments.config)
    } else {
        serve(&arguments.config, &arguments.socket)
    };
    let Err(fault) = done else {
        return ExitCode::SUCCESS;
    };
    cli::say("lonc-usr1", &fault);
    match fault {
        Fault::Configuration(_) => ExitCode::from(EX_CONFIG),
        Fault::Bridge(_) | Fault::Io(_) => ExitCode::FAILURE,
    }
}

#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    #[error(transparent)]
    Bridge(#[from] bridge::BridgeError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn serve(config: &Path, socket: &Path) -> Result<(), Fault> {
    let log = journal::init(None);
    let ended = runtime()?.block_on(async {
        // Before the configuration is read: that takes its time, and nobody may end us by the signal that we are for.
        let signals = bridge::Signals::catch()?;
        let pid_file = config::usr1_pid_file(config)?;
        Ok(bridge::run(signals, &pid_file, socket).await?)
    });
    log.close();
    ended
}

fn reconnect(config: &Path) -> Result<(), Fault> {
    let outcome = runtime()?.block_on(reconnect::all(config));
    let word = outcome.as_ref().map_or_else(ToString::to_string, Clone::clone);
    // Whoever asked may be gone; what was asked for is done.
    let _ = writeln!(stdout(), "{word}");
    outcome.map(drop).map_err(Fault::from)
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}
