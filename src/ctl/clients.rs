//! `loncctl clients`: who is connected to a daemon.

use std::fs;
use std::time::SystemTime;

use nix::unistd::{Uid, User};
use serde_json::json;

use super::arguments;
use super::outcome::{Exit, Fault};
use super::screen::{self, Screen};
use super::site::Site;
use super::steer;
use super::table::Side::{Left, Right};
use super::table::{NOTHING, Table};
use super::words;
use crate::control::interface::{Client, ClientsReply};
use crate::units;

pub(super) async fn run(site: &Site, arguments: &arguments::Clients, screen: Screen) -> Result<Exit, Fault> {
    let peer = site.peer(&arguments.peer)?.id;
    let limit = arguments.patience.timeout;
    let asked = site
        .ask::<ClientsReply>(&peer, "ListClients", &json!({}), limit)
        .await;
    let reply = match asked {
        Ok(reply) => reply,
        Err(fault) => return Ok(steer::failed(site, &site.outside(), &peer, &fault)),
    };
    if arguments.json {
        screen::print_json(&json!(reply))?;
        return Ok(Exit::Fine);
    }
    screen::print(&table(&reply.clients).render(screen))?;
    let more = reply.total.saturating_sub(reply.clients.len());
    if more > 0 {
        screen::print(&format!("and {more} more\n"))?;
    }
    Ok(Exit::Fine)
}

fn table(clients: &[Client]) -> Table {
    let now = units::micros_since_1970(SystemTime::now());
    let mut table = Table::new(&[
        ("PID", Right),
        ("PROGRAM", Left),
        ("USER", Left),
        ("SINCE", Right),
        ("REQUESTS", Right),
        ("QUEUED", Right),
        ("FLIGHT", Right),
        ("HELD", Right),
    ]);
    for client in clients {
        table.row(vec![
            client.pid.into(),
            program(client.pid).into(),
            user(client.uid).into(),
            units::between(client.since_usec, now).into(),
            client.requests.into(),
            client.queued.into(),
            client.in_flight.into(),
            units::size(client.bytes_held as u64).into(),
        ]);
    }
    table
}

/// What the process is called, if it is still there.
fn program(pid: i32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    let name = words::word(name.trim());
    if name.is_empty() { NOTHING.to_owned() } else { name }
}

/// The sandbox of the service shows all users but root and its own as 65534.
fn user(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        _ if uid == 65534 => "other".to_owned(),
        Ok(Some(user)) => words::word(&user.name),
        Ok(None) | Err(_) => uid.to_string(),
    }
}
