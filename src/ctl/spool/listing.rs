//! `loncctl spool list`.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::store::Store;
use crate::config::{HostId, Peer};
use crate::control::client::{self, CallError};
use crate::control::interface::{DelayedReply, DelayedSummary, Message, MessageState};
use crate::ctl::outcome::{Exit, Fault, complain};
use crate::ctl::screen::{self, Paint, Screen};
use crate::ctl::site::Site;
use crate::ctl::table::Side::{Left, Right};
use crate::ctl::table::{Cell, Table};
use crate::ctl::{arguments, words};
use crate::standing;
use crate::units;

/// Those of `names`, also hosts that are in no table and have messages; of none, all peers.
fn peers(site: &Site, names: &[HostId]) -> Result<Vec<Peer>, Fault> {
    if names.is_empty() {
        return site.choose(names);
    }
    let has_messages = |name: &HostId| {
        let store = Store::unlisted(site, name).ok();
        store
            .and_then(|store| store.list(1).ok())
            .is_some_and(|list| list.total > 0)
    };
    let peer = |name| match site.peer(name) {
        Err(Fault::UnknownPeer(_)) if has_messages(name) => Ok(site.peer_or_unlisted(name)),
        peer => peer,
    };
    names.iter().map(peer).collect()
}

/// Asks all peers at the same time.
pub(super) async fn run(
    site: &Site,
    arguments: &arguments::SpoolList,
    screen: Screen,
) -> Result<Exit, Fault> {
    let peers = peers(site, &arguments.peers)?;
    let most = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
    let lists = lists(site, &peers, most, arguments.patience.timeout).await;
    if arguments.json {
        screen::print_json(&for_programs(&lists))?;
    } else {
        screen::print(&table(&lists).render(screen))?;
    }
    let mut exit = site.exit();
    if arguments.peers.is_empty() {
        exit = exit.max(tell_unlisted(site));
    }
    for list in &lists {
        exit = exit.max(remark(list));
    }
    Ok(exit)
}

/// How much there is of each host, as the directories tell; nothing if one may not look.
pub(in crate::ctl) fn on_disk(site: &Site) -> Option<Vec<standing::Waiting>> {
    let known: Vec<_> = site.peers.peers.iter().map(|peer| peer.id.clone()).collect();
    let counts = Store::shared(site).ok()?.census(&known).ok()?;
    let of = |(id, one): (HostId, _)| standing::Waiting::new(&site.peers, id, DelayedSummary::from(&one));
    Some(counts.into_iter().map(of).collect())
}

/// Says what there is for hosts that are in no table, and how to get rid of it.
fn tell_unlisted(site: &Site) -> Exit {
    let mut exit = Exit::Fine;
    // Who may not look is told so of each peer.
    for one in on_disk(site).into_iter().flatten().filter(|one| !one.is_listed) {
        let id = &one.peer;
        complain(&format_args!(
            "{id} is in no table, and there are messages for it ({} to be sent, {} held, {} in failed/), which are sent \
             to nobody. To see them: loncctl spool list {id}; to get rid of them: loncctl spool delete {id} \
             --queued; to have them sent: put {id} back into hosts.tab",
            one.delayed.queued, one.delayed.held, one.delayed.failed
        ));
        exit = Exit::Amiss;
    }
    exit
}

/// Messages to be sent to a peer whose daemon is not started; none if that cannot be told.
pub(in crate::ctl) fn waiting(site: &Site, peer: &Peer) -> Option<usize> {
    let list = Store::of(site, &peer.id).ok()?.list(usize::MAX).ok()?;
    let to_be_sent = |message: &&Message| message.state == MessageState::Waiting;
    Some(list.messages.iter().filter(to_be_sent).count())
}

/// The messages of a peer.
struct List<'a> {
    peer: &'a Peer,
    /// Why its daemon was not asked, and the directories were looked at.
    silence: Option<CallError>,
    /// What was found, or why nothing was.
    found: Result<DelayedReply, String>,
}

async fn lists<'a>(site: &Site, peers: &'a [Peer], most: usize, limit: Duration) -> Vec<List<'a>> {
    let paths = site.controls(peers);
    let answers = client::ask_all(paths, "ListDelayed", json!({ "limit": most }), limit).await;
    let list = |(peer, answer)| match answer {
        Ok(found) => List {
            peer,
            silence: None,
            found: Ok(found),
        },
        Err(silence) => List {
            peer,
            silence: Some(silence),
            found: listed(site, peer, most),
        },
    };
    peers.iter().zip(answers).map(list).collect()
}

fn listed(site: &Site, peer: &Peer, most: usize) -> Result<DelayedReply, String> {
    let store = Store::unlisted(site, &peer.id).map_err(|fault| fault.to_string())?;
    store.list(most).map_err(|fault| format!("the spool: {fault}"))
}

fn table(lists: &[List<'_>]) -> Table {
    let mut table = Table::new(&[
        ("PEER", Left),
        ("STATE", Left),
        ("AGE", Right),
        ("SIZE", Right),
        ("FAILED", Right),
        ("NAME", Left),
    ]);
    let now = units::micros_since_1970(SystemTime::now());
    for list in lists {
        for message in list.found.iter().flat_map(|found| &found.messages) {
            table.row(vec![
                Cell::from(&list.peer.id),
                Cell::painted(message.state.word(), paint(message.state)),
                units::between(message.written_usec, now).into(),
                units::size(message.size).into(),
                message.attempts.into(),
                words::safe(&message.name).into(),
            ]);
        }
    }
    table
}

fn paint(state: MessageState) -> Paint {
    match state {
        MessageState::Waiting | MessageState::Sending => Paint::Plain,
        MessageState::Answered | MessageState::Unfinished | MessageState::Held => Paint::Warning,
        MessageState::Unusable | MessageState::Failed => Paint::Bad,
    }
}

/// What the table does not show goes to standard error.
fn remark(list: &List<'_>) -> Exit {
    let id = &list.peer.id;
    let silence = list
        .silence
        .as_ref()
        .filter(|silence| !matches!(silence, CallError::NotStarted));
    if let Some(silence) = silence {
        let text = words::safe(&silence.to_string());
        complain(&format_args!(
            "{id}: its daemon cannot be asked ({text}); this is what its directories hold"
        ));
    }
    match &list.found {
        Ok(found) => {
            let more = found.total.saturating_sub(found.messages.len());
            if more > 0 {
                complain(&format_args!("{id}: and {more} more; --limit"));
            }
            silence.map_or(Exit::Fine, |_| Exit::Broken)
        }
        Err(fault) => {
            complain(&format_args!(
                "{id}: {}; root and the group of the spool may look",
                words::safe(fault)
            ));
            Exit::Broken
        }
    }
}

fn for_programs(lists: &[List<'_>]) -> Value {
    let entry = |list: &List<'_>| {
        let found = list.found.as_ref();
        json!({
            "peer": list.peer.id.as_ref(),
            "source": if list.silence.is_none() { "daemon" } else { "directory" },
            "error": found.err(),
            "total": found.ok().map(|found| found.total),
            "messages": found.ok().map(|found| &found.messages),
        })
    };
    lists.iter().map(entry).collect()
}
