//! `lonc-usr1 [--config FILE] [--socket PATH]`, `lonc-usr1 [--config FILE] --reconnect`.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write as _, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use super::{bridge, reconnect};
use crate::cli;
use crate::config::{self, ConfigError, DEFAULT_PATH};
use crate::journal;

/// Exit status of a fault in the configuration, as sysexits.h has it.
const EX_CONFIG: u8 = 78;

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
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(fault) => return cli::wrong_usage(&fault),
    };
    let done = if arguments.reconnect {
        reconnect(&arguments.config)
    } else {
        serve(&arguments.config, &arguments.socket)
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Fault::Configuration(fault)) => {
            say(&fault);
            ExitCode::from(EX_CONFIG)
        }
        Err(fault) => {
            say(&fault);
            ExitCode::FAILURE
        }
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
    journal::init(None);
    let pid_file = config::usr1_pid_file(config)?;
    Ok(runtime()?.block_on(bridge::run(&pid_file, socket))?)
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

fn say(fault: &dyn Display) {
    // Where stderr is closed nobody wants to know.
    let _ = writeln!(stderr(), "lonc-usr1: {fault}");
}
