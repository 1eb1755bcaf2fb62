//! `loncctl spool delete`: messages that nobody needs any more are gone for good. What is still to be sent goes only where
//! that is said.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use super::moves;
use super::store::Store;
use crate::config::HostId;
use crate::control::client::CallError;
use crate::control::interface::{Message, MessageState, MovedReply};
use crate::ctl::arguments::SpoolDelete;
use crate::ctl::outcome::{Exit, Fault, complain};
use crate::ctl::screen;
use crate::ctl::site::Site;
use crate::ctl::words;
use crate::spool::{Shelf, host_of};
use crate::units;

pub(super) async fn run(site: &Site, arguments: &SpoolDelete) -> Result<Exit, Fault> {
    let names = if arguments.names.is_empty() {
        chosen(site, arguments)?
    } else {
        arguments.names.clone()
    };
    if names.is_empty() {
        screen::print("there is nothing to be deleted\n")?;
        return Ok(Exit::Fine);
    }
    let what = units::count(names.len(), "message");
    let question = format!("Delete {what} for good? [y/N] ");
    if !arguments.yes && !moves::answered_yes(&question)? {
        return Ok(Exit::Amiss);
    }
    let mut exit = Exit::Fine;
    for name in &names {
        match delete(site, arguments, name).await {
            Ok(()) => screen::print(&format!("{}: deleted\n", words::safe(name)))?,
            Err(text) => {
                complain(&format_args!("{}: {text}", words::safe(name)));
                exit = Exit::Amiss;
            }
        }
    }
    Ok(exit)
}

/// What is old enough and that peer's: of what was set aside, and where it is wanted of the rest.
fn chosen(site: &Site, arguments: &SpoolDelete) -> Result<Vec<String>, Fault> {
    let said = |text: String| Fault::Said(text, Exit::Broken);
    let now = SystemTime::now();
    let is_old = |written: SystemTime| {
        let age = now.duration_since(written).unwrap_or_default();
        arguments.older_than.is_none_or(|least| age >= least)
    };
    let Some(peer) = &arguments.peer else {
        let all = Store::shared(site)?.set_aside().map_err(said)?;
        let old = all.into_iter().filter(|(_, written)| is_old(*written));
        return Ok(old.map(|(name, _)| name).collect());
    };
    let list = Store::unlisted(site, peer)?.list(usize::MAX).map_err(said)?;
    let is_it = |message: &Message| {
        let written = UNIX_EPOCH + Duration::from_micros(message.written_usec);
        (arguments.queued || message.state == MessageState::Failed) && is_old(written)
    };
    let chosen = list.messages.into_iter().filter(is_it);
    Ok(chosen.map(|message| message.name).collect())
}

/// The message of this name, where it is that host's, and where it is.
fn find(site: &Site, peer: &HostId, name: &str) -> Option<(Store, Shelf)> {
    let known = site.peers.peers.iter().map(|peer| peer.id.as_ref()).collect();
    let store = Store::unlisted(site, peer).ok()?;
    let shelf = store.find(name)?.shelf;
    // What a name means differs from shelf to shelf.
    (host_of(shelf, name, &known).as_ref() == Some(peer)).then_some((store, shelf))
}

/// Whose it is, of those that were set aside.
fn owner(site: &Site, name: &str) -> Option<HostId> {
    let known = site.peers.peers.iter().map(|peer| peer.id.as_ref()).collect();
    host_of(Shelf::Failed, name, &known)
}

async fn delete(site: &Site, arguments: &SpoolDelete, name: &str) -> Result<(), String> {
    let none = "no such message, or you may not look; loncctl spool list shows them";
    let peer = arguments.peer.clone().or_else(|| owner(site, name)).ok_or(none)?;
    let (store, shelf) = find(site, &peer, name).ok_or(none)?;
    if shelf == Shelf::Failed {
        return store.remove(name);
    }
    if !arguments.queued {
        return Err("it is still to be sent, or held; to lose it all the same: --queued".to_owned());
    }
    // A daemon that runs gives it up first, so that it is not just being sent.
    let parameters = json!({ "name": name });
    let asked = site.ask::<MovedReply>(&peer, "DropDelayed", &parameters, moves::PATIENCE);
    let path = match asked.await {
        Ok(moved) => moved.path.into(),
        Err(CallError::NotStarted | CallError::Refused) => store.put(name, shelf, Shelf::Failed)?,
        Err(fault) => return Err(words::safe(&fault.to_string())),
    };
    let set_aside = path.file_name().and_then(|name| name.to_str()).unwrap_or(name);
    store.remove(set_aside)
}
