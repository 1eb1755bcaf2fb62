//! A stand-in lond for system tests and the demo; runs until SIGTERM or SIGINT.

use std::io::{self, Write as _};
use std::net::SocketAddr;

use stand_in_lond::{Behaviour, Lond};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str =
    "usage: stand-in-lond --id ID --listen ADDR:PORT [--caller ID|any] [--behaviour NAME[:ARGUMENT]]";

struct Options {
    id: String,
    listen: SocketAddr,
    caller: Option<String>,
    behaviour: Behaviour,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let options = parse(std::env::args().skip(1))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let lond = Lond::bind(&options.id, options.listen).await?;
    lond.keep_journal(false);
    lond.behave(options.behaviour);
    match options.caller.as_deref() {
        Some("any") => lond.any_caller(),
        Some(id) => lond.caller(id),
        None => {}
    }
    writeln!(io::stdout(), "listening on {}", lond.addr())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

fn parse(mut args: impl Iterator<Item = String>) -> io::Result<Options> {
    let (mut id, mut listen, mut caller, mut behaviour) = (None, None, None, Behaviour::Normal);
    while let Some(option) = args.next() {
        let value = args.next().ok_or_else(|| wrong(&option))?;
        match option.as_str() {
            "--id" => id = Some(value),
            "--listen" => listen = Some(value.parse().map_err(|_| wrong(&value))?),
            "--caller" => caller = Some(value),
            "--behaviour" => behaviour = value.parse().map_err(|_| wrong(&value))?,
            _ => return Err(wrong(&option)),
        }
    }
    let (Some(id), Some(listen)) = (id, listen) else {
        return Err(wrong("--id and --listen are needed"));
    };
    Ok(Options {
        id,
        listen,
        caller,
        behaviour,
    })
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{what}\n{USAGE}"))
}
