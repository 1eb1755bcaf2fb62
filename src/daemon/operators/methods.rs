//! The methods: who may call them, what they take, what they do.

use std::ffi::OsStr;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tracing::info;

use super::failure::Failure;
use super::instance::{Instance, from_desk};
use super::{render, service, wire};
use crate::config::{HostId, LogLevel};
use crate::control::interface::{
    self, ClientsReply, CountsReply, DelayedCount, DelayedReply, Message, MetricsReply, MovedReply,
    ReloadReply, StatusReply,
};
use crate::daemon::credentials::Credentials;
use crate::daemon::order::Order;
use crate::journal::message;
use crate::spool::{MoveError, Shelf};

/// How many entries a list has at most, and unless another number is asked for.
const MOST: usize = 10_000;
const USUAL: usize = 1_000;
/// Least distance of statuses that `Monitor` is asked for.
const LEAST_INTERVAL: Duration = Duration::from_millis(100);

/// What is to be done about a call.
pub(super) enum Outcome {
    /// Give this reply.
    Reply(Vec<u8>),
    /// Give a status at each change, and this often.
    Monitor(Option<Duration>),
}

/// Does what `call` asks for; `credentials` is who asks.
pub(super) async fn run(
    call: wire::Call,
    credentials: Credentials,
    instance: &Instance,
) -> Result<Outcome, Failure> {
    let mut given = Parameters(call.parameters.unwrap_or_default());
    let Some((interface, method)) = call.method.rsplit_once('.') else {
        return Err(Failure::MethodNotFound(call.method));
    };
    let reply = match (interface, method) {
        (service::NAME, "GetInfo") => given.end(service::info()),
        (service::NAME, "GetInterfaceDescription") => {
            let interface: String = given.required("interface")?;
            given.end(())?;
            service::describe(&interface).ok_or(Failure::InterfaceNotFound(interface))
        }
        (interface::NAME, "Monitor") => {
            let interval = given.optional("intervalUsec")?.map(Duration::from_micros);
            given.end(())?;
            return monitor(interval, call.more);
        }
        (interface::NAME, _) => match Method::named(method) {
            Some(Method::Reading(reading)) => {
                return read(reading, given, instance).await.map(Outcome::Reply);
            }
            Some(Method::Changing(_)) if !credentials.is_privileged() => Err(Failure::PermissionDenied),
            Some(Method::Changing(changing)) => {
                let name = given.0.get("name").map(Value::to_string).unwrap_or_default();
                let reply = change(changing, given, instance).await;
                tell(method, &name, credentials, reply.is_ok());
                return reply.map(Outcome::Reply);
            }
            None => Err(Failure::MethodNotFound(call.method)),
        },
        (service::NAME, _) => Err(Failure::MethodNotFound(call.method)),
        _ => Err(Failure::InterfaceNotFound(interface.to_owned())),
    };
    reply.map(|reply| Outcome::Reply(wire::reply(&reply, false)))
}

enum Method {
    /// For whoever may connect.
    Reading(Reading),
    /// For those who may stop the instance, too.
    Changing(Changing),
}

enum Reading {
    Status,
    Metrics,
    Clients,
    Delayed,
    Census,
    Configuration,
}

enum Changing {
    Reconnect,
    Reload,
    LogLevel,
    Retry,
    Hold,
    Drop,
}

impl Method {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "GetStatus" => Self::Reading(Reading::Status),
            "GetMetrics" => Self::Reading(Reading::Metrics),
            "ListClients" => Self::Reading(Reading::Clients),
            "ListDelayed" => Self::Reading(Reading::Delayed),
            "GetConfiguration" => Self::Reading(Reading::Configuration),
            "CountDelayed" => Self::Reading(Reading::Census),
            "Reconnect" => Self::Changing(Changing::Reconnect),
            "Reload" => Self::Changing(Changing::Reload),
            "SetLogLevel" => Self::Changing(Changing::LogLevel),
            "RetryDelayed" => Self::Changing(Changing::Retry),
            "HoldDelayed" => Self::Changing(Changing::Hold),
            "DropDelayed" => Self::Changing(Changing::Drop),
            _ => return None,
        })
    }
}

async fn read(reading: Reading, mut given: Parameters, instance: &Instance) -> Result<Vec<u8>, Failure> {
    match reading {
        Reading::Status => {
            given.end(())?;
            Ok(wire::reply(&status(instance).await, false))
        }
        Reading::Metrics => {
            given.end(())?;
            let (snapshot, delayed, reach) =
                tokio::join!(instance.snapshot(), instance.summary(), instance.socket.look());
            let metrics = render::metrics(instance, &snapshot, delayed.as_ref(), &reach);
            Ok(wire::reply(&MetricsReply { metrics }, false))
        }
        Reading::Clients => {
            let limit = given.limit()?;
            given.end(())?;
            let (reports, now) = instance.clients().await?;
            let total = reports.len();
            let mut clients = render::clients(reports, now);
            clients.truncate(limit);
            Ok(wire::reply(&ClientsReply { clients, total }, false))
        }
        Reading::Census => count(given, instance).await,
        Reading::Configuration => {
            given.end(())?;
            Ok(wire::reply(&render::configuration(instance), false))
        }
        Reading::Delayed => {
            let limit = given.limit()?;
            given.end(())?;
            let failing = instance.snapshot().await.status.failing;
            let listing = from_desk(instance.desk.list(limit, failing)).await?;
            let listing = listing.map_err(|fault| Failure::SpoolFault(fault.to_string()))?;
            let total = listing.total;
            let messages = listing.messages.iter().map(Message::from).collect();
            Ok(wire::reply(&DelayedReply { messages, total }, false))
        }
    }
}

/// What there is in the spool of each host.
async fn count(mut given: Parameters, instance: &Instance) -> Result<Vec<u8>, Failure> {
    let known: Vec<HostId> = given.optional("peers")?.unwrap_or_default();
    given.end(())?;
    let counts = instance.census.count(known).await?;
    let counts = counts.iter().take(MOST).map(|(peer, one)| DelayedCount {
        peer: peer.to_string(),
        delayed: one.into(),
    });
    let counts = counts.collect();
    Ok(wire::reply(&CountsReply { counts }, false))
}

async fn change(changing: Changing, mut given: Parameters, instance: &Instance) -> Result<Vec<u8>, Failure> {
    match changing {
        Changing::Reconnect => {
            let cycle = given.optional("cycle")?.unwrap_or(false);
            given.end(())?;
            instance.reconnect(cycle).await.map(|()| nothing())
        }
        Changing::Reload => {
            given.end(())?;
            let outcome = instance.order(|answer| Order::Reload(Some(answer))).await?;
            let warnings = outcome.map_err(|fault| Failure::BadConfiguration(Box::new(fault)))?;
            Ok(wire::reply(&ReloadReply { warnings }, false))
        }
        Changing::LogLevel => {
            let level: LogLevel = given.required("level")?;
            given.end(())?;
            let is_set = instance.order(|answer| Order::LogLevel(level, answer)).await?;
            is_set.then(nothing).ok_or(Failure::LogLevelFixed)
        }
        Changing::Retry => {
            let name: Option<String> = given.optional("name")?;
            given.end(())?;
            match name {
                Some(name) => drop(put(&name, Shelf::Queue, instance).await?),
                None => instance.desk.look(),
            }
            instance.reconnect(false).await.map(|()| nothing())
        }
        Changing::Hold => move_to(Shelf::Held, given, instance).await,
        Changing::Drop => move_to(Shelf::Failed, given, instance).await,
    }
}

/// How things stand now.
pub(super) async fn status(instance: &Instance) -> StatusReply {
    let (snapshot, delayed, reach) =
        tokio::join!(instance.snapshot(), instance.summary(), instance.socket.look());
    StatusReply {
        status: render::status(instance, &snapshot, delayed.as_ref(), &reach),
    }
}

fn monitor(interval: Option<Duration>, more: bool) -> Result<Outcome, Failure> {
    if !more {
        return Err(Failure::ExpectedMore);
    }
    if interval.is_some_and(|interval| interval < LEAST_INTERVAL) {
        return Err(Failure::InvalidParameter("intervalUsec".to_owned()));
    }
    Ok(Outcome::Monitor(interval))
}

async fn move_to(shelf: Shelf, mut given: Parameters, instance: &Instance) -> Result<Vec<u8>, Failure> {
    let name: String = given.required("name")?;
    given.end(())?;
    let path = put(&name, shelf, instance).await?;
    Ok(wire::reply(&MovedReply { path }, false))
}

/// Puts a message onto another shelf, taking it back from the session if it waits there.
async fn put(name: &str, shelf: Shelf, instance: &Instance) -> Result<String, Failure> {
    let gone = || Failure::NoSuchMessage(name.to_owned());
    let busy = || Failure::MessageBusy(name.to_owned());
    let os_name = OsStr::new(name);
    let found = from_desk(instance.desk.find(os_name)).await?.ok_or_else(gone)?;
    let withdrawn = found.given.filter(|_| shelf != found.shelf);
    if let Some(id) = withdrawn
        && !instance.withdraw(id).await?
    {
        return Err(busy());
    }
    match from_desk(instance.desk.put(os_name, shelf, withdrawn)).await? {
        Ok(path) => Ok(path.to_string_lossy().into_owned()),
        Err(MoveError::NoSuchMessage) => Err(gone()),
        Err(MoveError::Busy) => Err(busy()),
        Err(MoveError::System(fault)) => Err(Failure::SpoolFault(fault.to_string())),
    }
}

fn nothing() -> Vec<u8> {
    wire::reply(&json!({}), false)
}

/// `name` is that of a message, as JSON has it, if there is one.
fn tell(method: &str, name: &str, credentials: Credentials, is_done: bool) {
    let outcome = if is_done { "done" } else { "failed" };
    info!(MESSAGE_ID = message::STEERED, LONC_CLIENT = %credentials, "control socket: {method} {name} {outcome}");
}

/// What a call gives.
struct Parameters(Map<String, Value>);

impl Parameters {
    /// One that may be missing or null.
    fn optional<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, Failure> {
        let value = self.0.remove(name).unwrap_or_default();
        serde_json::from_value(value).map_err(|_| Failure::InvalidParameter(name.to_owned()))
    }

    fn required<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Failure> {
        let missing = || Failure::InvalidParameter(name.to_owned());
        self.optional(name)?.ok_or_else(missing)
    }

    fn limit(&mut self) -> Result<usize, Failure> {
        let limit = self.optional("limit")?.unwrap_or(USUAL);
        if (1..=MOST).contains(&limit) {
            Ok(limit)
        } else {
            Err(Failure::InvalidParameter("limit".to_owned()))
        }
    }

    /// `reply`, if nothing is left that nobody knows.
    fn end<T: Serialize>(self, reply: T) -> Result<T, Failure> {
        match self.0.into_iter().next() {
            None => Ok(reply),
            Some((unknown, _)) => Err(Failure::InvalidParameter(unknown)),
        }
    }
}
