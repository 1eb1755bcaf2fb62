//! A stand-in lond for system tests and the demo; runs until SIGTERM or SIGINT.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::num::NonZeroU64;
use std::process::ExitCode;
use std::str::FromStr;
use std::time::Duration;

use stand_in_lond::{Behaviour, CallBack, Lond, Pace};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str = "\
usage: stand-in-lond --id ID --listen ADDR:PORT [--caller ID|any] [--behaviour NAME[:ARGUMENT]]
                     [--takes MS] [--slow ONE_IN:MS] [--limit LINKS:BEHAVIOUR] [--call-back SOCKET]
  --takes      each request takes so long, one after the other on each link
  --slow       one in so many takes so long instead
  --limit      links beyond so many behave like this, as in 3:close-at:build-key
  --call-back  asks `ping` there before it answers `pong`";

struct Options {
    id: String,
    listen: SocketAddr,
    caller: Option<String>,
    behaviour: Behaviour,
    pace: Pace,
    limit: Option<(usize, Behaviour)>,
    call_back: Option<CallBack>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let ended = if std::env::args().any(|argument| argument == "--help") {
        writeln!(io::stdout(), "{USAGE}")
    } else {
        serve().await
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // Where stderr is closed nobody wants to know.
            let _ = writeln!(io::stderr(), "stand-in-lond: {fault}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> io::Result<()> {
    let options = parse(std::env::args().skip(1))?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let lond = start(options).await?;
    writeln!(io::stdout(), "listening on {}", lond.addr())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

async fn start(options: Options) -> io::Result<Lond> {
    let lond = Lond::bind(&options.id, options.listen).await?;
    lond.keep_journal(false);
    lond.behave(options.behaviour);
    lond.pace(options.pace);
    lond.call_back(options.call_back);
    if let Some((most, beyond)) = options.limit {
        lond.limit_links(most, beyond);
    }
    match options.caller.as_deref() {
        Some("any") => lond.any_caller(),
        Some(id) => lond.caller(id),
        None => {}
    }
    Ok(lond)
}

fn parse(mut args: impl Iterator<Item = String>) -> io::Result<Options> {
    let (mut id, mut listen, mut caller, mut behaviour) = (None, None, None, Behaviour::Normal);
    let (mut pace, mut limit, mut call_back) = (Pace::default(), None, None);
    while let Some(option) = args.next() {
        let value = args.next().ok_or_else(|| wrong(&option))?;
        match option.as_str() {
            "--id" => id = Some(value),
            "--listen" => listen = Some(read(&value)?),
            "--caller" => caller = Some(value),
            "--behaviour" => behaviour = read(&value)?,
            "--takes" => pace.each = Duration::from_millis(read(&value)?),
            "--slow" => {
                let (one_in, millis) = pair::<NonZeroU64, u64>(&value)?;
                pace.slow = Some((one_in, Duration::from_millis(millis)));
            }
            "--limit" => limit = Some(pair(&value)?),
            "--call-back" => call_back = Some(CallBack::through(value)),
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
        pace,
        limit,
        call_back,
    })
}

fn read<T: FromStr>(value: &str) -> io::Result<T> {
    value.parse().map_err(|_| wrong(value))
}

/// What stands before and behind the first colon.
fn pair<A: FromStr, B: FromStr>(value: &str) -> io::Result<(A, B)> {
    let (one, other) = value.split_once(':').ok_or_else(|| wrong(value))?;
    Ok((read(one)?, read(other)?))
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{what}\n{USAGE}"))
}
