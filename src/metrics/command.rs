//! `lonc-metrics [--config FILE]`: answers the one request that comes at standard input, a socket that systemd accepted.

use std::ffi::OsString;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, stdin};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream as Connection;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tokio::net::UnixStream;
use tokio::runtime::Builder;

use super::http::{self, Request, Response};
use super::{PATIENCE, collect, negotiation, text};
use crate::cli;
use crate::config::DEFAULT_PATH;

/// Serves the metrics of all instances of lonc over HTTP, on a socket at standard input: one request a process.
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
}

/// Does what the arguments say.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Arguments = match cli::parse(arguments) {
        Ok(arguments) => arguments,
        Err(exit) => return exit,
    };
    match serve(&arguments.config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            say(&fault);
            ExitCode::FAILURE
        }
    }
}

fn serve(config: &Path) -> io::Result<()> {
    let connection = connection()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut stream = UnixStream::from_std(connection)?;
        http::serve(&mut stream, async |request: &Request| {
            answer(config, request).await
        })
        .await
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

async fn answer(config: &Path, request: &Request) -> Response {
    if request.path != "/metrics" {
        return Response::plain("404 Not Found", "the metrics are at /metrics");
    }
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Response::plain("405 Method Not Allowed", "the metrics can only be read");
    }
    // Half of Prometheus' time, so that a hung instance does not cost the others' metrics.
    let limit = request
        .scrape_timeout
        .map_or(PATIENCE, |span| PATIENCE.min(span / 2));
    let format = negotiation::format(&request.accept);
    match collect(config, limit).await {
        Ok(readings) => Response {
            status: "200 OK",
            content_type: format.content_type(),
            body: text(&readings, format),
        },
        Err(fault) => {
            say(&fault);
            Response::plain("500 Internal Server Error", &fault.to_string())
        }
    }
}

fn say(fault: &dyn Display) {
    cli::say("lonc-metrics", fault);
}
