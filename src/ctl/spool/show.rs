//! `loncctl spool show`: one message. Bodies may hold secrets: only who may read the file sees one, and one that goes
//! encrypted only on demand.

use std::time::{Duration, SystemTime};

use serde_json::json;

use super::store::Store;
use crate::control::interface::{DelayedReply, Message};
use crate::ctl::outcome::{Exit, Fault, complain};
use crate::ctl::screen::{self, Screen};
use crate::ctl::site::Site;
use crate::ctl::{arguments, words};
use crate::spool::Shelf;
use crate::units;

/// What a daemon may take to say what it knows of the message.
const PATIENCE: Duration = Duration::from_secs(1);
/// The most of a body that is shown among other lines, in characters.
const MOST: usize = 400;

pub(super) async fn run(site: &Site, arguments: &arguments::SpoolShow) -> Result<Exit, Fault> {
    let peer = site.peer(&arguments.peer)?.id;
    let store = Store::of(site, &peer)?;
    let name = &arguments.name;
    let found = store.find(name);
    let shelf = found.as_ref().map(|found| found.shelf);
    if arguments.body {
        return body_alone(&store, shelf, arguments);
    }
    let asked = site
        .ask::<DelayedReply>(&peer, "ListDelayed", &json!({ "limit": 10_000 }), PATIENCE)
        .await;
    let told = asked
        .ok()
        .and_then(|reply| reply.messages.into_iter().find(|one| one.name == *name));
    let seen = found.map(|found| Message::from(&found.message));
    let Some(message) = told.or(seen) else {
        complain(&format_args!(
            "{peer} has no delayed message {}, or you may not look; loncctl spool list {peer} shows them",
            words::safe(name)
        ));
        return Ok(Exit::Amiss);
    };
    screen::print(&lines(&store, shelf, &message))?;
    Ok(Exit::Fine)
}

fn lines(store: &Store, shelf: Option<Shelf>, message: &Message) -> String {
    let now = units::micros_since_1970(SystemTime::now());
    let path = shelf.map(|shelf| store.path(shelf).join(&message.name));
    let path = path.map_or_else(
        || "you may not look there".to_owned(),
        |path| path.display().to_string(),
    );
    let written = message.written_usec;
    let lines = [
        ("name", words::safe(&message.name)),
        ("state", message.state.word().to_owned()),
        ("file", words::safe(&path)),
        ("size", units::size(message.size)),
        (
            "written",
            format!("{} ({} ago)", units::date(written), units::between(written, now)),
        ),
        ("failed", units::count(message.attempts, "time") + " in a row"),
        ("body", body(store, shelf, message)),
    ];
    let line = |(label, text): &(&str, String)| format!("{label:8}  {text}");
    lines.iter().map(line).collect::<Vec<_>>().join("\n") + "\n"
}

fn body(store: &Store, shelf: Option<Shelf>, message: &Message) -> String {
    let Some(shelf) = shelf else {
        return "not shown: you may not read it".to_owned();
    };
    match store.body(shelf, &message.name) {
        Ok((true, _)) => "not shown: it goes encrypted; --body prints it".to_owned(),
        Ok((false, command)) => {
            let text = words::safe(&String::from_utf8_lossy(&command));
            let short: String = text.chars().take(MOST).collect();
            if short.len() < text.len() {
                format!("{short}… (--body prints all)")
            } else {
                short
            }
        }
        Err(fault) => format!("not shown: {}", words::safe(&fault)),
    }
}

fn body_alone(store: &Store, shelf: Option<Shelf>, arguments: &arguments::SpoolShow) -> Result<Exit, Fault> {
    let found = shelf.ok_or_else(|| "no such message, or you may not look".to_owned());
    match found.and_then(|shelf| store.body(shelf, &arguments.name)) {
        Ok((_, command)) => {
            screen::print_theirs(&command, Screen::new().is_terminal)?;
            Ok(Exit::Fine)
        }
        Err(fault) => {
            complain(&format_args!(
                "{}: {}",
                words::safe(&arguments.name),
                words::safe(&fault)
            ));
            Ok(Exit::Amiss)
        }
    }
}
