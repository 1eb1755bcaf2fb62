//! `loncctl spool retry`, `hold` and `drop`. A daemon that runs moves its messages itself; where there is none we do.

use std::cell::LazyCell;
use std::io::{IsTerminal as _, Write as _, stderr, stdin};
use std::time::Duration;

use serde_json::json;

use super::store::Store;
use crate::config::HostId;
use crate::control::client::CallError;
use crate::control::interface::MovedReply;
use crate::ctl::outcome::{Exit, Fault, complain};
use crate::ctl::screen;
use crate::ctl::site::Site;
use crate::ctl::steer::{self, Empty};
use crate::ctl::{arguments, systemctl, words};
use crate::spool::Shelf;
use crate::units;

/// As long as a daemon waits for its disk, and some more.
pub(super) const PATIENCE: Duration = Duration::from_secs(35);

/// Asks the person at the terminal.
pub(super) fn confirmed(which: &arguments::SpoolNames) -> Result<bool, Fault> {
    let ask = format!(
        "Give up {} of {}? What is given up is kept in failed/ and not sent. [y/N] ",
        units::count(which.names.len(), "delayed message"),
        which.peer
    );
    answered_yes(&ask)
}

/// Whether the person at the terminal says so.
pub(super) fn answered_yes(ask: &str) -> Result<bool, Fault> {
    if !stdin().is_terminal() {
        let text = "there is nobody to be asked; to do it all the same: --yes";
        return Err(Fault::Said(text.to_owned(), Exit::Usage));
    }
    let asked = stderr().write_all(ask.as_bytes());
    asked.map_err(Fault::Output)?;
    let mut answer = String::new();
    stdin().read_line(&mut answer).map_err(Fault::Input)?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

/// Has the daemon look at all that waits, and try again now.
pub(super) async fn retry_all(site: &Site, peer: &HostId) -> Result<Exit, Fault> {
    let peer = site.peer(peer)?.id;
    match site.ask(&peer, "RetryDelayed", &json!({}), PATIENCE).await {
        Ok(Empty {}) => {
            screen::print(&format!(
                "{peer}: tries again now; what waits is sent when the link is up\n"
            ))?;
            Ok(Exit::Fine)
        }
        Err(fault) => Ok(steer::failed(site, &site.outside(), &peer, &fault)),
    }
}

/// Puts each of the messages where it is to go.
pub(super) async fn run(site: &Site, peer: &HostId, names: &[String], to: Shelf) -> Result<Exit, Fault> {
    let mover = Mover {
        site,
        peer: site.peer(peer)?.id,
        to,
    };
    let mut exit = Exit::Fine;
    let outside = LazyCell::new(|| site.outside());
    for name in names {
        match mover.ask(name).await {
            Ok(text) => screen::print(&format!("{}: {text}\n", words::safe(name)))?,
            // There is no daemon whose messages we could take from under its hands.
            Err(CallError::NotStarted | CallError::Refused) => match mover.put(name) {
                Ok(text) => screen::print(&format!("{}: {text}\n", words::safe(name)))?,
                Err(text) => {
                    complain(&format_args!("{}: {text}", words::safe(name)));
                    exit = exit.max(Exit::Amiss);
                }
            },
            Err(fault) => exit = exit.max(steer::failed(site, &outside, &mover.peer, &fault)),
        }
    }
    Ok(exit)
}

struct Mover<'a> {
    site: &'a Site,
    peer: HostId,
    to: Shelf,
}

impl Mover<'_> {
    async fn ask(&self, name: &str) -> Result<String, CallError> {
        let parameters = json!({ "name": name });
        if self.to == Shelf::Queue {
            let Empty {} = self
                .site
                .ask(&self.peer, "RetryDelayed", &parameters, PATIENCE)
                .await?;
            return Ok("to be sent".to_owned());
        }
        let method = if self.to == Shelf::Held {
            "HoldDelayed"
        } else {
            "DropDelayed"
        };
        let moved: MovedReply = self.site.ask(&self.peer, method, &parameters, PATIENCE).await?;
        Ok(format!("is in {} now", words::safe(&moved.path)))
    }

    fn put(&self, name: &str) -> Result<String, String> {
        let peer = &self.peer;
        if systemctl::is_active(&format!("lonc@{peer}.service")) {
            return Err(format!(
                "the daemon of {peer} runs, and has no control socket; first: systemctl stop lonc@{peer}"
            ));
        }
        let store = Store::of(self.site, peer).map_err(|fault| fault.to_string())?;
        let found = store.find(name).ok_or_else(|| {
            format!("no such message of {peer}, or you may not look; loncctl spool list {peer} shows them")
        })?;
        let path = store.put(name, found.shelf, self.to)?;
        let path = words::safe(&path.to_string_lossy());
        Ok(match self.to {
            Shelf::Queue => {
                format!("is in {path} now, and sent when the daemon starts (loncctl ping {peer})")
            }
            Shelf::Held | Shelf::Failed => format!("is in {path} now"),
        })
    }
}
