//! `lonc-metrics [--config FILE] [--host NAME]…`: answers requests at the sockets at which systemd listens, or the one
//! that comes at standard input, a socket that somebody accepted.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, stdin};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream as Connection;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tokio::net::UnixStream;
use tokio::runtime::Builder;

use super::desk::Desk;
use super::http::{self, Request};
use super::listeners;
use crate::cli;
use crate::config::DEFAULT_PATH;

/// Serves the metrics of all instances of lonc over HTTP, at the sockets that systemd passes, or one request at standard
/// input.
#[derive(Debug, Parser)]
#[command(
    name = "lonc-metrics",
    version,
    after_help = "Under systemd: systemctl start lonc-metrics.socket"
)]
struct Arguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_PATH)]
    config: PathBuf,
    /// A name of this host by which it may be asked, beside localhost and its addresses
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
}

/// Does what the arguments say.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Arguments = match cli::parse(arguments) {
        Ok(arguments) => arguments,
        Err(exit) => return exit,
    };
    match serve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            super::say(&fault);
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: Arguments) -> io::Result<()> {
    let passed = listeners::passed()?;
    let connection = if passed.is_empty() {
        Some(connection()?)
    } else {
        None
    };
    let desk = Desk::new(arguments.config, arguments.host);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match connection {
            None => listeners::serve(passed, desk).await,
            Some(connection) => {
                let mut stream = UnixStream::from_std(connection)?;
                http::serve(&mut stream, async |request: &Request| desk.answer(request).await).await
            }
        }
    })
}

/// Standard input. To read, write and shut down, a TCP socket is like a UNIX one, so that systemd may listen at either.
fn connection() -> io::Result<Connection> {
    let input = stdin().as_fd().try_clone_to_owned()?;
    let file = File::from(input);
    if !file.metadata()?.file_type().is_socket() {
        let text = "standard input is no socket; see lonc-metrics.socket";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let connection = Connection::from(std::os::fd::OwnedFd::from(file));
    connection.set_nonblocking(true)?;
    Ok(connection)
}
