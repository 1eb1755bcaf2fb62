//! `loncctl why`: how far the link to a peer comes, what stops it, until when, and what to do.

use std::time::{Duration, SystemTime};

use super::check::Unnamed;
use super::outcome::{Exit, Fault};
use super::ping::Pong;
use super::screen::{self, Paint, Screen};
use super::site::Site;
use super::{arguments, spool, systemctl, words};
use crate::config::{ConfigError, HostId};
use crate::standing::account::{self, Account};
use crate::standing::{self, Grade, Seen, Standing, Waiting};
use crate::units;

/// Where text is broken, in characters, unless the screen is narrower.
const WIDTH: usize = 98;
/// Before the text of a labelled line, in characters.
const INDENT: usize = 15;

pub(super) async fn run(site: &Site, arguments: &arguments::Why, screen: Screen) -> Result<Exit, Fault> {
    let limit = arguments.patience.timeout;
    let peer = match site.peer(&arguments.peer) {
        Err(Fault::UnknownPeer(fault)) => return unlisted(site, &arguments.peer, fault, screen, limit).await,
        peer => peer?,
    };
    let look = async || site.look(std::slice::from_ref(&peer), limit).await.pop();
    let Some(mut seen) = look().await else {
        return Ok(Exit::Broken);
    };
    if seen.answer.is_err() {
        let counts = counts(site, limit).await;
        standing::add_waiting(std::slice::from_mut(&mut seen), &counts);
    }
    let mut exit = Exit::of(seen.standing);
    let mut pong = None;
    if matches!(seen.standing, Standing::Up | Standing::Stuck) {
        // Requests are no different for the daemon, which runs.
        let asked = Pong::get(site.socket(&peer.id), limit).await;
        if asked.is_late() {
            // How long lond has been silent is best told now.
            seen = look().await.unwrap_or(seen);
        }
        exit = exit.max(asked.exit_of_link(&peer.id));
        pong = Some(asked);
    }
    let account = account_of(site, &seen, pong.as_ref());
    screen::print(&render(&account, screen))?;
    Ok(exit.max(site.exit()))
}

/// Of a host in no table there is something to tell if messages for it are left.
async fn unlisted(
    site: &Site,
    peer: &HostId,
    fault: ConfigError,
    screen: Screen,
    limit: Duration,
) -> Result<Exit, Fault> {
    let counts = counts(site, limit).await;
    let seen = standing::find_unlisted(peer, &counts).ok_or(Fault::UnknownPeer(fault))?;
    screen::print(&render(&account_of(site, &seen, None), screen))?;
    Ok(Exit::of(seen.standing).max(site.exit()))
}

/// What is on disk for whom, as a daemon that runs tells or the directories do.
async fn counts(site: &Site, limit: Duration) -> Vec<Waiting> {
    let asked = standing::asked(&site.peers, limit).await;
    asked.or_else(|| spool::on_disk(site)).unwrap_or_default()
}

fn account_of(site: &Site, seen: &Seen, pong: Option<&Pong>) -> Account {
    let id = &seen.peer.id;
    let now = units::micros_since_1970(SystemTime::now());
    let status = match &seen.answer {
        Ok(status) => status,
        Err(fault) => {
            let mut account = standing::of_silent(seen, &site.socket(id), &site.control(id), fault, now);
            if let Some(fault) = systemctl::fault_of_start(id) {
                account.headline = format!("{id}: its daemon cannot begin");
                account.line("fault", fault);
                account.remedy = systemctl::MEND_START.into();
            }
            if seen.standing == Standing::Off
                && let Some(first) = Unnamed::find(site)
            {
                account.remedy = first.remedy;
            }
            return account;
        }
    };
    let mut account = account::of(status, now);
    if let Some(pong) = pong {
        add_pong(&mut account, site, pong, id);
        if pong.is_late() {
            account.remedy = standing::about_silence(status, Some(pong.took_usec()), now);
        }
    }
    if let Some(notice) = seen.not_yet() {
        account.line("not yet", words::safe(&notice));
    }
    account
}

/// That a link is up does not say that the right lond is at its other end.
fn add_pong(account: &mut Account, site: &Site, pong: &Pong, peer: &HostId) {
    if pong.is_denied() {
        account.line("ping", "not tried: you may not send requests".to_owned());
        return;
    }
    let Some(complaint) = pong.told(&site.outside(), peer) else {
        account.line("ping", format!("answered by {peer}"));
        return;
    };
    account.grade = Grade::Bad;
    account.line("ping", words::safe(&complaint));
    if pong.another(peer).is_some() {
        account.remedy = standing::of_wrong_host(peer);
    }
}

fn render(account: &Account, screen: Screen) -> String {
    let width = screen.width.unwrap_or(usize::MAX);
    let line = |(label, text): &(&str, String)| {
        let text = if text.chars().count() + INDENT <= width {
            text.clone()
        } else {
            words::wrapped(text, width.saturating_sub(INDENT)).join(&format!("\n{:INDENT$}", ""))
        };
        format!("  {label:11}  {text}")
    };
    let headline = words::wrapped(&account.headline, width).join("\n");
    let mut lines = vec![screen.paint(&headline, account.grade.into())];
    lines.extend(account.lines.iter().map(line));
    lines.push(screen.paint("What to do:", Paint::Bold));
    let remedy = words::wrapped(&account.remedy, width.min(WIDTH).saturating_sub(2));
    lines.extend(remedy.iter().map(|line| format!("  {line}")));
    lines.join("\n") + "\n"
}
