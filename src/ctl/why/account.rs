//! What `loncctl why` tells: a headline, labelled lines, and what to do.

use super::links;
use crate::control::interface::{Link, LinkState, State, Status, Trouble};
use crate::ctl::screen::{Paint, Screen};
use crate::ctl::words;
use crate::socket::place;
use crate::units;

/// Where text is broken, in characters.
const WIDTH: usize = 96;
/// The steps that open a link, as the field calls them.
const PHASES: [&str; 6] = ["name lookup", "TCP", "challenge", "ok", "key", "up"];

pub(super) struct Account {
    headline: String,
    pub(super) paint: Paint,
    lines: Vec<(&'static str, String)>,
    pub(super) remedy: String,
}

impl Account {
    pub(super) fn new(headline: String, paint: Paint) -> Self {
        Self {
            headline,
            paint,
            lines: Vec::new(),
            remedy: String::new(),
        }
    }

    pub(super) fn line(&mut self, label: &'static str, text: String) {
        self.lines.push((label, text));
    }

    pub(super) fn render(&self, screen: Screen) -> String {
        let line = |(label, text): &(&str, String)| format!("  {label:11}  {text}");
        let mut lines = vec![screen.paint(&self.headline, self.paint)];
        lines.extend(self.lines.iter().map(line));
        lines.push(screen.paint("What to do:", Paint::Bold));
        let remedy = wrapped(&self.remedy, WIDTH);
        lines.extend(remedy.iter().map(|line| format!("  {line}")));
        lines.join("\n") + "\n"
    }
}

/// `now` is in microseconds since 1970.
pub(super) fn of(status: &Status, now: u64) -> Account {
    let mut account = headline(status, now);
    account.line("address", words::safe(&status.address));
    if let Some(displaced) = &status.displaced {
        account.paint = Paint::Bad;
        account.line("socket", words::safe(&displaced.text));
        account.line(
            "found",
            format!("{} ago", units::between(displaced.since_usec, now)),
        );
        account.lines.extend(displaced.pid.and_then(in_its_place));
    }
    account.lines.extend(links::lines(status, now));
    if let Some(link) = telling(status) {
        tell_link(&mut account, link, status, now);
    }
    if let Some(rtt) = status.rtt_usec {
        account.line("round trip", units::brief(rtt));
    }
    account.line("waiting", waiting(status, now));
    account.remedy = super::remedy(status);
    account
}

fn headline(status: &Status, now: u64) -> Account {
    let (word, paint) = match status.state {
        _ if status.draining => ("stopping", Paint::Warning),
        State::Up => ("up", Paint::Good),
        State::Connecting => ("connecting", Paint::Warning),
        State::Down => ("down", Paint::Bad),
        State::Idle => ("idle", Paint::Good),
    };
    let (since, span) = (
        units::date(status.since_usec),
        units::between(status.since_usec, now),
    );
    let state = match (status.draining, status.state) {
        (true, State::Up) => "; up".to_owned(),
        (true, State::Connecting) => "; connecting".to_owned(),
        (true, State::Down) => "; down".to_owned(),
        (true, State::Idle) => "; idle".to_owned(),
        (false, _) => String::new(),
    };
    Account::new(
        format!(
            "{} is {word}{state}, since {since} ({span})",
            words::safe(&status.peer)
        ),
        paint,
    )
}

/// The link that tells most: one that fails, before one that is being opened, before one that is up.
pub(super) fn telling(status: &Status) -> Option<&Link> {
    let rank = |link: &&Link| (!link.is_open(), link.failed_tries, std::cmp::Reverse(link.index));
    status.links.iter().max_by_key(rank)
}

fn tell_link(account: &mut Account, link: &Link, status: &Status, now: u64) {
    if status.links.len() > 1 {
        account.line("about", format!("link {}", link.index));
    }
    let trouble = link.trouble.as_ref();
    account.line("reached", checklist(link));
    account.line("now", at(link, now));
    if let Some(trouble) = trouble {
        let label = if link.is_open() {
            "last trouble"
        } else {
            "last error"
        };
        account.line(label, said(trouble, now));
    }
    if let Some(since) = link.failing_since_usec {
        let tries = units::count(link.failed_tries, "try");
        account.line(
            "failing",
            format!(
                "since {} ({}), {tries} failed",
                units::date(since),
                units::between(since, now)
            ),
        );
    }
    if let Some(next) = link.next_try_usec {
        account.line(
            "next try",
            format!("in {}, at {}", units::between(now, next), units::date(next)),
        );
    }
}

fn said(trouble: &Trouble, now: u64) -> String {
    format!(
        "{} ({} ago)",
        words::safe(&trouble.text),
        units::between(trouble.date_usec, now)
    )
}

/// The process that listens there: the daemon may not see what it is called.
fn in_its_place(pid: i32) -> Option<(&'static str, String)> {
    place::title(pid).map(|title| ("there", format!("process {pid}: {title}")))
}

/// What was reached in the present try or, while it backs off, in the last one; `[!]` is where that failed.
fn checklist(link: &Link) -> String {
    let failed = link.trouble.as_ref().filter(|_| link.state == LinkState::Waiting);
    let reached = phase(failed.map_or(link.state, |trouble| trouble.reached));
    let marked = |(index, name): (usize, &&str)| {
        let mark = match index {
            _ if link.is_open() || index < reached => 'x',
            _ if index == reached && failed.is_some() => '!',
            _ if index == reached => '.',
            _ => ' ',
        };
        format!("[{mark}] {name}")
    };
    PHASES
        .iter()
        .enumerate()
        .map(marked)
        .collect::<Vec<_>>()
        .join("  ")
}

fn phase(state: LinkState) -> usize {
    match state {
        LinkState::Lookup | LinkState::Waiting => 0,
        LinkState::Connect => 1,
        LinkState::Init => 2,
        LinkState::Challenge => 3,
        LinkState::Sethost | LinkState::Version | LinkState::Pong | LinkState::Ekey => 4,
        LinkState::Up | LinkState::Retiring => 5,
    }
}

fn at(link: &Link, now: u64) -> String {
    let what = match link.state {
        LinkState::Lookup => "looking up the name",
        LinkState::Connect => "connecting",
        LinkState::Init => "waiting for lond's challenge",
        LinkState::Challenge => "waiting for lond to take the challenge",
        LinkState::Sethost => "waiting for lond's answer to sethost",
        LinkState::Version => "waiting for lond's version",
        LinkState::Pong => "waiting for lond's answer to pong",
        LinkState::Ekey => "waiting for lond's key",
        LinkState::Up => "up",
        LinkState::Retiring => "up, and to be closed soon",
        LinkState::Waiting => "backing off",
    };
    let remote = link
        .remote
        .as_ref()
        .map(|remote| format!(" at {}", words::safe(remote)));
    format!(
        "{what}{}, for {}",
        remote.unwrap_or_default(),
        units::between(link.since_usec, now)
    )
}

fn waiting(status: &Status, now: u64) -> String {
    let mut parts = vec![
        units::count(status.queued, "request"),
        format!("{} in flight", status.in_flight),
    ];
    match &status.delayed {
        Some(delayed) => {
            let oldest = delayed.oldest_usec.map(|oldest| units::between(oldest, now));
            let oldest = oldest
                .map(|age| format!(", the oldest for {age}"))
                .unwrap_or_default();
            parts.push(units::count(delayed.queued, "delayed message") + &oldest);
            let some = |number: usize, what| (number > 0).then(|| format!("{number} {what}"));
            parts.extend(some(delayed.held, "held"));
            parts.extend(some(delayed.failed, "in failed/"));
        }
        None => parts.push("the disk of the delayed messages does not answer".to_owned()),
    }
    parts.join("; ")
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
    use crate::control::interface::{Cause, TroubleKind};

    #[test]
    fn the_checklist_shows_what_was_reached() {
        for (state, reached, list) in [
            (
                LinkState::Lookup,
                None,
                "[.] name lookup  [ ] TCP  [ ] challenge  [ ] ok  [ ] key  [ ] up",
            ),
            (
                LinkState::Waiting,
                Some(LinkState::Challenge),
                "[x] name lookup  [x] TCP  [x] challenge  [!] ok  [ ] key  [ ] up",
            ),
            (
                LinkState::Connect,
                Some(LinkState::Ekey),
                "[x] name lookup  [.] TCP  [ ] challenge  [ ] ok  [ ] key  [ ] up",
            ),
            (
                LinkState::Up,
                Some(LinkState::Up),
                "[x] name lookup  [x] TCP  [x] challenge  [x] ok  [x] key  [x] up",
            ),
        ] {
            assert_eq!(checklist(&link(state, reached)), list);
        }
    }

    #[test]
    fn text_is_wrapped_at_words() {
        assert_eq!(wrapped("a bc def", 4), ["a bc", "def"]);
        assert_eq!(wrapped("abcdef g", 4), ["abcdef", "g"]);
    }

    fn link(state: LinkState, reached: Option<LinkState>) -> Link {
        Link {
            index: 0,
            state,
            since_usec: 0,
            remote: None,
            in_flight: 0,
            cause: Cause::Kept,
            depth: None,
            service_usec: None,
            oldest_usec: None,
            stalled: false,
            other_host: None,
            rtt_usec: None,
            trouble: reached.map(|reached| Trouble {
                kind: TroubleKind::Closed,
                text: "closed by lond".to_owned(),
                reached,
                date_usec: 0,
            }),
            failing_since_usec: None,
            failed_tries: 0,
            next_try_usec: None,
        }
    }
}
