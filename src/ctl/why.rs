//! `loncctl why`: how far the link to a peer comes, what stops it, until when, and what to do.

use std::time::SystemTime;

use serde_json::json;

use super::outcome::{Exit, Fault};
use super::ping::Pong;
use super::screen::{self, Paint, Screen};
use super::site::Site;
use super::{arguments, words};
use crate::config::HostId;
use crate::control::interface::{State, StatusReply};
use crate::standing::account::{self, Account};
use crate::standing::{self, Grade, Standing};
use crate::units;

/// Where text is broken, in characters.
const WIDTH: usize = 96;

pub(super) async fn run(site: &Site, arguments: &arguments::Why, screen: Screen) -> Result<Exit, Fault> {
    let peer = site.peer(&arguments.peer)?;
    let limit = arguments.patience.timeout;
    let asked = site
        .ask::<StatusReply>(&peer.id, "GetStatus", &json!({}), limit)
        .await;
    let answer = asked.map(|reply| reply.status);
    let mut exit = Exit::of(Standing::of(&answer));
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
        Err(fault) => account::of_silent(&peer, &site.control(&peer.id), fault),
    };
    screen::print(&render(&account, screen))?;
    Ok(exit)
}

/// That a link is up does not say that the right lond is at its other end.
fn add_pong(account: &mut Account, pong: &Pong, peer: &HostId) {
    let Some(complaint) = pong.complaint(peer) else {
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
    let line = |(label, text): &(&str, String)| format!("  {label:11}  {text}");
    let mut lines = vec![screen.paint(&account.headline, account.grade.into())];
    lines.extend(account.lines.iter().map(line));
    lines.push(screen.paint("What to do:", Paint::Bold));
    let remedy = wrapped(&account.remedy, WIDTH);
    lines.extend(remedy.iter().map(|line| format!("  {line}")));
    lines.join("\n") + "\n"
}

/// Lines of at most `width` characters, but for longer words.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_at_words() {
        assert_eq!(wrapped("a bc def", 4), ["a bc", "def"]);
        assert_eq!(wrapped("abcdef g", 4), ["abcdef", "g"]);
    }
}
