//! A load for lonc, or for anything that answers line by line; every reply must be its sender's own.
//!
//! ```text
//! cargo run --release --example load                              # starts a lond that echoes, and lonc, by itself
//! cargo run --release --example load -- lond --listen 127.0.0.1:5663   # only that lond, until it is ended
//! cargo run --release --example load -- --unix /run/lonc/msul1 --clients 64 --seconds 5
//! cargo run --release --example load -- --unix /run/lonc/msul1 --command ping --reply msul1
//! ```
//!
//! A lond that does not echo can be asked only for something that it always answers alike: `--command`, `--reply`.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, reason = "telling is what a tool is for")]

mod own;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::park;
use std::time::Duration;

use bench_kit::load::{Load, Report, Style, Target};
use bench_kit::lond;
use bench_kit::report::micros;
use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(
    about = "Asks over many connections at once, and checks every reply",
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    #[command(flatten)]
    asking: Asking,
}

#[derive(Subcommand)]
enum Part {
    /// Only serve, as a lond that gives every request back as its reply
    Lond {
        /// Id of the host it is the lond of
        #[arg(long, default_value = "msul1")]
        id: String,
        /// Where to listen
        #[arg(long, default_value = "127.0.0.1:5663")]
        listen: SocketAddr,
    },
}

#[derive(Args)]
struct Asking {
    /// Ask at this UNIX socket
    #[arg(long, conflicts_with = "tcp")]
    unix: Option<PathBuf>,
    /// Ask at this TCP port
    #[arg(long)]
    tcp: Option<SocketAddr>,
    /// Connections
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// Requests of each connection under way at the same time
    #[arg(long, default_value_t = 1)]
    depth: usize,
    /// Bytes of a request, newline included
    #[arg(long, default_value_t = 40)]
    size: usize,
    /// Have lonc encrypt the requests
    #[arg(long)]
    encrypt: bool,
    /// How long to measure
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Milliseconds of a round trip to the lond that is started
    #[arg(long, default_value_t = 0, conflicts_with_all = ["unix", "tcp"])]
    round_trip: u64,
    /// Ask always this
    #[arg(long, requires = "reply", conflicts_with = "size")]
    command: Option<String>,
    /// The reply that is right
    #[arg(long, requires = "command")]
    reply: Option<String>,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            println!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    if let Some(Part::Lond { id, listen }) = arguments.part {
        println!("the lond of {id} listens on {}", lond::listen(&id, listen)?);
        loop {
            park();
        }
    }
    let asking = arguments.asking;
    let load = Load {
        clients: asking.clients,
        depth: asking.depth.max(1),
        size: asking.size,
        style: asking.style(),
        span: Duration::from_secs(asking.seconds),
        warm_up: Duration::from_millis(200),
    };
    let report = match (&asking.unix, asking.tcp) {
        (Some(path), _) => load.run(&Target::Unix(path.clone()))?,
        (None, Some(address)) => load.run(&Target::Tcp(address))?,
        (None, None) => own::run(load, Duration::from_millis(asking.round_trip))?,
    };
    tell(&report);
    let right = report.wrong == 0 && report.lost == 0;
    Ok(if right {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Asking {
    fn style(&self) -> Style {
        match (&self.command, &self.reply) {
            (Some(command), Some(reply)) => {
                let prefix = if self.encrypt { "encrypt:" } else { "" };
                // The words of the command line are needed to the end.
                Style::Fixed(format!("{prefix}{command}").leak(), reply.clone().leak())
            }
            _ if self.encrypt => Style::Encrypted,
            _ => Style::Plain,
        }
    }
}

fn tell(report: &Report) {
    println!("{:.0} replies a second", report.rate());
    for percent in [50.0, 99.0, 99.9, 100.0] {
        println!(
            "  {percent:5} % within {:9.0} µs",
            micros(report.percentile(percent))
        );
    }
    println!(
        "{} replies, {} wrong, {} lost",
        report.replies, report.wrong, report.lost
    );
}
