//! The command line of `lonc`.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{Write as _, stdout};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tracing::error;

use crate::cli::{self, EX_CONFIG};
use crate::config::{self, ConfigError, DEFAULT_PATH, HostId, Loaded};
use crate::daemon::Daemon;
use crate::daemon::faulty::Failure;
use crate::daemon::{process_name, reload, signals};
use crate::journal::{self, LogHandle, message};
use crate::systemd::{self, Sockets};

/// Carries the requests of local web workers to the lond of one remote LON-CAPA host.
#[derive(Debug, Parser)]
#[command(
    name = "lonc",
    version,
    after_help = "Under systemd: systemctl start lonc@<peer>"
)]
struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    config: PathBuf,
    /// Validate the configuration, print what is in force and where it came from, and exit.
    #[arg(long)]
    check: bool,
    /// Validate the configuration, have the running daemon take it, and return when it has; for `ExecReload=`.
    #[arg(long, requires = "peer", conflicts_with = "check")]
    reload: bool,
    /// Id of the remote host.
    #[arg(value_name = "PEER", required_unless_present = "check")]
    peer: Option<HostId>,
}

/// Does what the arguments say.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    // First of all, while there is but one thread: this changes the environment.
    let passed = systemd::take_sockets();
    match cli::parse(arguments) {
        Err(exit) => exit,
        Ok(Arguments {
            config,
            reload: true,
            peer: Some(peer),
            ..
        }) => {
            process_name::errand("reload");
            reload(&config, &peer)
        }
        Ok(Arguments {
            config,
            check: false,
            peer: Some(peer),
            ..
        }) => match passed {
            Ok(sockets) => serve(config, &peer, sockets),
            Err(fault) => not_begun(&fault, None),
        },
        Ok(Arguments { config, peer, .. }) => check(&config, peer.as_ref()),
    }
}

fn serve(config: PathBuf, peer: &HostId, sockets: Sockets) -> ExitCode {
    // Before there are threads, which inherit both.
    process_name::instance(peer);
    if let Err(fault) = signals::catch() {
        return fail(&format_args!("cannot start: signals: {fault}"));
    }
    let log = journal::init(Some(peer));
    log.take_panics();
    let loaded = match config::load(&config, peer) {
        Ok(loaded) => loaded,
        Err(fault) => match await_mended(&fault, &config, peer, &sockets, &log) {
            Some(loaded) => loaded,
            None => return ExitCode::from(EX_CONFIG),
        },
    };
    let clients = sockets
        .client
        .as_ref()
        .and_then(|clients| clients.try_clone().ok());
    match (Daemon {
        config,
        loaded,
        socket: sockets.client.map(Into::into),
        control: sockets.control.map(Into::into),
        log,
    })
    .run()
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => not_begun(&fault, clients.as_ref()),
    }
}

/// Serves nobody for a reason that lies outside of the configuration; who waits at `clients` is answered. Tried again and
/// again, that is told once, and each time takes longer.
fn not_begun(fault: &dyn Display, clients: Option<&UnixListener>) -> ExitCode {
    let failure = Failure::of(fault);
    if failure.is_news() {
        say(fault);
    }
    failure.turn_away(clients);
    ExitCode::FAILURE
}

/// With a fault nobody is served, but those who wait are answered; if it is mended meanwhile all is well.
fn await_mended(
    fault: &ConfigError,
    config: &Path,
    peer: &HostId,
    sockets: &Sockets,
    log: &LogHandle,
) -> Option<Loaded> {
    let failure = Failure::of(fault);
    if failure.is_news() {
        tell_fault(fault, log);
    }
    failure.wait(config, peer, sockets.client.as_ref())
}

fn check(config: &Path, peer: Option<&HostId>) -> ExitCode {
    match config::check(config, peer) {
        Ok(report) => match stdout().write_all(report.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(fault) => fail(&fault),
        },
        Err(fault) => {
            say(&fault);
            ExitCode::from(EX_CONFIG)
        }
    }
}

/// The daemon is told of a faulty configuration, too: whoever asks it is to learn that it goes by an older one.
fn reload(config: &Path, peer: &HostId) -> ExitCode {
    let log = journal::init(Some(peer));
    // What is passed to the daemon it alone can look at: systemd keeps credentials from who reloads.
    let fault = config::check(config, Some(peer)).err();
    let asked = reload::ask();
    match (fault, asked) {
        (Some(fault), _) => {
            tell_fault(&fault, &log);
            ExitCode::from(EX_CONFIG)
        }
        (None, Ok(())) => ExitCode::SUCCESS,
        (None, Err(fault)) => fail(&fault),
    }
}

fn tell_fault(fault: &ConfigError, log: &LogHandle) {
    if journal::is_journald_on_stderr() {
        for fault in fault.each() {
            error!(MESSAGE_ID = message::CONFIG_FAULT, LONC_ERROR = %fault, "{fault}");
        }
        log.close();
    } else {
        say(fault);
    }
}

fn fail(fault: &dyn Display) -> ExitCode {
    say(fault);
    ExitCode::FAILURE
}

fn say(fault: &dyn Display) {
    cli::say_last("lonc", fault);
}
