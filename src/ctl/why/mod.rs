//! `loncctl why`: how far the link to a peer comes, what stops it, until when, and what to do.

mod account;
mod links;
mod remedy;

use std::time::SystemTime;

use serde_json::json;

use self::account::Account;
use super::outcome::{Exit, Fault};
use super::ping::Pong;
use super::screen::{self, Paint, Screen};
use super::site::Site;
use super::standing::Standing;
use super::{advice, arguments, words};
use crate::config::{HostId, Peer};
use crate::control::client::CallError;
use crate::control::interface::{State, Status, StatusReply};
use crate::units;

pub(super) async fn run(site: &Site, arguments: &arguments::Why, screen: Screen) -> Result<Exit, Fault> {
    let peer = site.peer(&arguments.peer)?;
    let limit = arguments.patience.timeout;
    let asked = site
        .ask::<StatusReply>(&peer.id, "GetStatus", &json!({}), limit)
        .await;
    let answer = asked.map(|reply| reply.status);
    let mut exit = Standing::of(&answer).exit();
    let account = match &answer {
        Ok(status) => {
            let now = units::micros_since_1970(SystemTime::now());
            let mut account = account::of(status, now);
            if status.state == State::Up && !status.draining && status.displaced.is_none() {
                // Requests are no different for the daemon, which runs.
                let pong = Pong::get(site.socket(&peer.id), limit).await;
                add_pong(&mut account, &pong, &peer.id);
                exit = exit.max(pong.exit(&peer.id).min(Exit::Amiss));
            }
            account
        }
        Err(fault) => unheard(site, &peer, fault),
    };
    screen::print(&account.render(screen))?;
    Ok(exit)
}

/// That a link is up does not say that the right lond is at its other end.
fn add_pong(account: &mut Account, pong: &Pong, peer: &HostId) {
    let Some(complaint) = pong.complaint(peer) else {
        account.line("ping", format!("answered by {peer}"));
        return;
    };
    account.paint = Paint::Bad;
    account.line("ping", words::safe(&complaint));
    if pong.another(peer).is_some() {
        account.remedy = remedy::of_wrong_host(peer);
    }
}

fn unheard(site: &Site, peer: &Peer, fault: &CallError) -> Account {
    let standing = Standing::silent(fault);
    let id = &peer.id;
    let headline = match standing {
        Standing::NotStarted => format!("{id} is not started"),
        Standing::Hung => format!("{id}: its daemon hangs"),
        Standing::Dead => format!("{id}: its daemon is dead"),
        Standing::Denied => format!("{id}: you may not ask its daemon"),
        Standing::Odd
        | Standing::Up
        | Standing::Idle
        | Standing::Connecting
        | Standing::Down
        | Standing::Displaced
        | Standing::Draining => {
            format!("{id}: its daemon cannot be asked")
        }
    };
    let mut account = Account::new(headline, standing.paint());
    account.line("address", peer.address.to_string());
    account.line("asked at", words::safe(&site.control(id).to_string_lossy()));
    account.line("answer", words::safe(&fault.to_string()));
    account.remedy = advice::about(fault, id, &site.control(id));
    account
}

/// What there is to do about a daemon that answered.
fn remedy(status: &Status) -> String {
    let peer = &words::safe(&status.peer);
    if status.displaced.is_some() {
        return advice::about_displaced(peer);
    }
    if status.draining {
        return format!(
            "It finishes what is in flight and ends. Clients that come now wait, and start it again under systemd; \
             without systemd start it by hand: lonc {peer}"
        );
    }
    let trouble = account::telling(status).and_then(|link| link.trouble.as_ref());
    match (status.state, trouble) {
        (State::Up, _) if status.refused.is_some() => remedy::of_refusal(peer),
        (State::Up, _) => "Nothing: requests go through".to_owned(),
        (State::Idle, _) => "Nothing: nobody needs a link, and the next request opens one".to_owned(),
        (State::Connecting, None) => "Wait: the first try is under way, and requests wait for it".to_owned(),
        (State::Down, None) => "Look at the log: journalctl -u lonc@".to_owned() + peer,
        (State::Connecting | State::Down, Some(trouble)) => remedy::of(trouble, status),
    }
}
