//! `lonc-generator`: the peers of the configuration become systemd's units, at boot and at every `daemon-reload`.
//!
//! | module | what it does |
//! |---|---|
//! | `offer`, `watch` | `--read`, as a user who may do nothing else: reads the files, which others can write, and says what there is |
//! | `decide` | what is followed of that: pure |
//! | `apply` | `--apply`, as root: keeps the list of peers, and has a running systemd follow it; `--recheck`: once more, where a change came in its last moments |
//! | [`generate()`] | the generator: reads the kept list, and writes below the directory it is given |
//! | `sandbox` | what of that is told to the units: what to open for the daemon, and as whom it runs |
//! | `state` | the files between them |
//! | `log` | warnings, to where they can be read |

use std::ffi::OsString;
use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

use crate::cli;
use crate::config::{DEFAULT_PATH, KEPT};

mod apply;
mod decide;
mod generate;
mod log;
mod offer;
mod sandbox;
pub(crate) mod state;
mod watch;

pub use generate::generate;

use self::state::State;

/// Made by tmpfiles.d; only root can write there.
pub(crate) const RUN: &str = "/run/lonc-hosts";

/// Has systemd listen for every peer of the configuration.
#[derive(Debug, Parser)]
#[command(name = "lonc-generator", version)]
struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    config: PathBuf,
    /// The list of peers that is followed.
    #[arg(long, value_name = "FILE", default_value = KEPT)]
    kept: PathBuf,
    /// Print what the configuration and the table of servers say; for lonc-table.service.
    #[arg(long, conflicts_with = "directories")]
    read: bool,
    /// How long the files must have been left alone before they are read.
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = cli::span, requires = "read")]
    rest: Duration,
    /// Reload systemd, start what new peers need and stop what removed ones left.
    #[arg(long, conflicts_with_all = ["directories", "read"])]
    apply: bool,
    /// Have the table read once more, and the above done again if it says something else; for lonc-hosts-recheck@.service.
    #[arg(long, conflicts_with_all = ["directories", "read", "apply"])]
    recheck: bool,
    /// Where lonc-table.service leaves what it read.
    #[arg(long, value_name = "DIRECTORY", default_value = RUN, conflicts_with_all = ["directories", "read"])]
    run: PathBuf,
    /// Where to write: systemd gives three directories, of which the first is used.
    #[arg(value_name = "DIRECTORY", num_args = 1..=3, required_unless_present_any = ["read", "apply", "recheck"])]
    directories: Vec<PathBuf>,
}

/// Does what the arguments say. As a generator it succeeds whatever it finds: boot must go on.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Arguments = match cli::parse(arguments) {
        Ok(arguments) => arguments,
        Err(exit) => return exit,
    };
    if arguments.read {
        return read(&arguments);
    }
    let Some(normal) = arguments.directories.first() else {
        return follow(arguments);
    };
    log::warn(&generate(&arguments.config, &arguments.kept, normal));
    ExitCode::SUCCESS
}

/// A fault of the configuration is no failure: it is told, and nothing changes.
fn read(arguments: &Arguments) -> ExitCode {
    let (offer, warnings) = offer::offer(&arguments.config, arguments.rest);
    log::warn(&warnings);
    let written = serde_json::to_writer(stdout(), &offer);
    ended(written.map_err(|fault| fault.to_string()))
}

fn follow(arguments: Arguments) -> ExitCode {
    let state = State {
        run: arguments.run,
        kept: arguments.kept,
    };
    let outcome = if arguments.recheck {
        apply::recheck(&state)
    } else {
        apply::apply(&arguments.config, &state, log::warn)
    };
    ended(outcome.map_err(|fault| fault.to_string()))
}

fn ended(outcome: Result<(), String>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            log::warn(&[fault]);
            ExitCode::FAILURE
        }
    }
}
