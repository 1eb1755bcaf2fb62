//! `lonc-generator`: the configuration's peers become systemd's units, at boot and at every `daemon-reload`.
//!
//! As a generator it only writes below the directory it is given ([`generate()`]). With `--apply` it has a running
//! systemd follow a changed configuration ([`apply()`]).

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::cli;
use crate::config::DEFAULT_PATH;

mod apply;
mod generate;
mod log;

pub(crate) use apply::apply;
pub use generate::generate;

/// Has systemd listen for every peer of the configuration.
#[derive(Debug, Parser)]
#[command(name = "lonc-generator", version)]
struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    config: PathBuf,
    /// Reload systemd, start what new peers need and stop what removed ones left.
    #[arg(long, conflicts_with = "directories")]
    apply: bool,
    /// Where to write: systemd gives three directories, of which the first is used.
    #[arg(value_name = "DIRECTORY", num_args = 1..=3, required_unless_present = "apply")]
    directories: Vec<PathBuf>,
}

/// Does what the arguments say. As a generator it succeeds whatever the configuration holds: boot must go on.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Arguments = match cli::parse(arguments) {
        Ok(arguments) => arguments,
        Err(exit) => return exit,
    };
    let Some(normal) = arguments.directories.first() else {
        return match apply(&arguments.config, log::warn) {
            Ok(()) => ExitCode::SUCCESS,
            Err(fault) => {
                log::warn(&[fault.to_string()]);
                ExitCode::FAILURE
            }
        };
    };
    log::warn(&generate(&arguments.config, normal));
    ExitCode::SUCCESS
}
