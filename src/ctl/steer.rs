//! `loncctl reconnect`, `reload` and `log-level`.

use std::cell::LazyCell;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::arguments::{self, Level};
use super::outcome::{Exit, Fault, complain};
use super::screen;
use super::site::Site;
use super::words;
use crate::config::HostId;
use crate::control::client::{self, CallError};
use crate::standing::{Holder, Outside, Standing};

/// An answer that tells no more than that it is done.
#[derive(Deserialize)]
pub(super) struct Empty {}

/// What to have daemons do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Reconnect,
    /// Reconnect, and replace links that are open.
    Cycle,
    Reload,
}

impl Order {
    fn method(self) -> &'static str {
        match self {
            Self::Reconnect | Self::Cycle => "Reconnect",
            Self::Reload => "Reload",
        }
    }

    fn parameters(self) -> Value {
        match self {
            Self::Reconnect | Self::Reload => json!({}),
            Self::Cycle => json!({ "cycle": true }),
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Reconnect => "tries now, unless it is up",
            Self::Cycle => "tries now; links that are open are replaced",
            Self::Reload => "goes by the configuration as it is now",
        }
    }
}

/// All at the same time; with `--all` those that do not run are passed over.
pub(super) async fn run(site: &Site, order: Order, arguments: &arguments::Many) -> Result<Exit, Fault> {
    let peers = site.choose(&arguments.peers)?;
    let limit = arguments.timeout;
    let answers = client::ask_all::<_, Map<String, Value>>(
        site.controls(&peers),
        order.method(),
        order.parameters(),
        limit,
    );
    let (mut exit, mut count) = (Exit::Fine, 0);
    let outside = LazyCell::new(|| site.outside());
    for (peer, answer) in peers.iter().zip(answers.await) {
        if arguments.all && matches!(answer, Err(CallError::NotStarted)) {
            continue;
        }
        count += 1;
        match answer {
            Ok(reply) => {
                screen::print(&format!("{}: {}\n", peer.id, order.done()))?;
                warn(&peer.id, &reply);
            }
            Err(fault) => exit = exit.max(failed(site, &outside, &peer.id, &fault)),
        }
    }
    if count == 0 {
        complain(&"no daemon runs: there is nothing to be done");
    }
    Ok(exit)
}

/// Until the daemon's next reload or restart.
pub(super) async fn log_level(site: &Site, arguments: &arguments::LogLevel) -> Result<Exit, Fault> {
    let peer = site.peer(&arguments.peer)?.id;
    let level = match arguments.level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug => "debug",
        Level::Trace => "trace",
    };
    let limit = arguments.patience.timeout;
    let asked = site
        .ask(&peer, "SetLogLevel", &json!({ "level": level }), limit)
        .await;
    match asked {
        Ok(Empty {}) => {
            screen::print(&format!(
                "{peer}: logs at {level} until its next reload or restart\n"
            ))?;
            Ok(Exit::Fine)
        }
        Err(fault) => Ok(failed(site, &site.outside(), &peer, &fault)),
    }
}

/// Says why an order was not obeyed, and what to do.
pub(super) fn failed(site: &Site, outside: &Outside, peer: &HostId, fault: &CallError) -> Exit {
    let advice = site.advice(outside, peer, fault);
    complain(&format_args!(
        "{peer}: {}. {advice}",
        words::safe(&fault.to_string())
    ));
    exit_of(fault)
}

/// How to end when an order was not obeyed.
pub(super) fn exit_of(fault: &CallError) -> Exit {
    if matches!(fault, CallError::Remote(_)) {
        Exit::Amiss
    } else {
        Exit::of(Standing::silent(fault, Holder::Unknown, false)).max(Exit::Amiss)
    }
}

fn warn(peer: &HostId, reply: &Map<String, Value>) {
    let warnings = reply.get("warnings").and_then(Value::as_array);
    for warning in warnings.into_iter().flatten().filter_map(Value::as_str) {
        complain(&format_args!("{peer}: warning: {}", words::safe(warning)));
    }
}
