//! What `loncctl why` and the page of a peer tell: a headline, labelled lines, and what to do.

use super::{Grade, Standing, advice, links, remedy, silence, tls, words_of};
use crate::config::text::safe;
use crate::control::interface::{DelayedSummary, Link, LinkState, State, Status, Trouble};
use crate::socket::place;
use crate::units;

/// The steps that open a link, as the field calls them; one of them only where links are secured.
const PHASES: [&str; 7] = ["name lookup", "TCP", TLS, "challenge", "ok", "key", "up"];
const TLS: &str = "TLS";

/// How one peer stands. What others wrote in it is escaped as for a terminal, and short.
pub(crate) struct Account {
    /// The peer, its state, since when.
    pub(crate) headline: String,
    pub(crate) grade: Grade,
    /// With a label each.
    pub(crate) lines: Vec<(&'static str, String)>,
    /// What to do, in whole sentences.
    pub(crate) remedy: String,
}

impl Account {
    pub(super) fn new(headline: String, grade: Grade) -> Self {
        Self {
            headline,
            grade,
            lines: Vec::new(),
            remedy: String::new(),
        }
    }

    pub(crate) fn line(&mut self, label: &'static str, text: String) {
        self.lines.push((label, text));
    }
}

/// About one that did; `now` is in microseconds since 1970.
pub(crate) fn of(status: &Status, now: u64) -> Account {
    let mut account = headline(status, now);
    account.line("address", safe(&status.address));
    if let Some(disabled) = &status.disabled {
        let reason = safe(&disabled.reason);
        account.line(
            "disabled",
            words_of(&reason, disabled.since_usec, disabled.until_usec),
        );
    }
    if let Some(displaced) = &status.displaced {
        account.grade = Grade::Bad;
        account.line("socket", safe(&displaced.text));
        account.line(
            "found",
            format!("{} ago", units::between(displaced.since_usec, now)),
        );
        account.lines.extend(displaced.pid.and_then(in_its_place));
    }
    if let Some(other) = other_host(status) {
        account.grade = Grade::Bad;
        account.line("who answers", format!("says it is {}", safe(other)));
    }
    account.lines.extend(links::lines(status, now));
    if let Some(link) = telling(status) {
        tell_link(&mut account, link, status, now);
    }
    if let Some(rtt) = status.rtt_usec {
        account.line("round trip", units::round_trip(rtt));
    }
    if let Some(tls) = &status.tls {
        account.line("secured", tls::secured(tls, now));
    }
    account.line("waiting", waiting(status, now));
    if let Some(refused) = &status.refused_reload {
        let ago = units::between(refused.date_usec, now);
        account.line("reload", format!("refused {ago} ago: {}", safe(&refused.text)));
    }
    account.remedy = if Standing::of_status(status) == Standing::Stuck {
        silence::remedy(status, None, now)
    } else {
        remedy(status)
    };
    account
}

fn headline(status: &Status, now: u64) -> Account {
    let standing = Standing::of_status(status);
    let (word, grade) = if standing == Standing::Displaced {
        // There is a link as well, or none.
        (Standing::of_state(status.state).name(), Grade::Bad)
    } else {
        (standing.name(), standing.grade())
    };
    let (since, span) = (
        units::date(status.since_usec),
        units::between(status.since_usec, now),
    );
    let state = if status.draining {
        format!("; {}", Standing::of_state(status.state).name())
    } else {
        String::new()
    };
    Account::new(
        format!("{} is {word}{state}, since {since} ({span})", safe(&status.peer)),
        grade,
    )
}

/// The link that tells most: one that fails, before one that is being opened, before one that is up.
pub(crate) fn telling(status: &Status) -> Option<&Link> {
    let rank = |link: &&Link| (!link.is_open(), link.failed_tries, std::cmp::Reverse(link.index));
    status.links.iter().max_by_key(rank)
}

/// What whoever answers calls itself, if that is not the peer.
fn other_host(status: &Status) -> Option<&String> {
    status
        .links
        .iter()
        .filter_map(|link| link.other_host.as_ref())
        .max()
}

fn tell_link(account: &mut Account, link: &Link, status: &Status, now: u64) {
    if status.links.len() > 1 {
        account.line("about", format!("link {}", link.index));
    }
    let trouble = link.trouble.as_ref();
    account.line("reached", checklist(link, status.tls.is_some()));
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
        safe(&trouble.text),
        units::between(trouble.date_usec, now)
    )
}

/// The process that listens there: the daemon may not see what it is called.
fn in_its_place(pid: i32) -> Option<(&'static str, String)> {
    place::title(pid).map(|title| ("there", format!("process {pid}: {title}")))
}

/// How far a step of opening a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Done,
    Failed,
    Current,
    Ahead,
}

/// What was reached in the present try or, while it backs off, in the last one.
pub(crate) fn steps(link: &Link, is_secured: bool) -> impl Iterator<Item = (&'static str, Mark)> {
    let failed = link.trouble.as_ref().filter(|_| link.state == LinkState::Waiting);
    let reached = phase(failed.map_or(link.state, |trouble| trouble.reached));
    let (is_open, has_failed) = (link.is_open(), failed.is_some());
    let phases = PHASES.into_iter().enumerate();
    let phases = phases.filter(move |(_, name)| is_secured || *name != TLS);
    phases.map(move |(index, name)| {
        let mark = match index {
            _ if is_open || index < reached => Mark::Done,
            _ if index == reached && has_failed => Mark::Failed,
            _ if index == reached => Mark::Current,
            _ => Mark::Ahead,
        };
        (name, mark)
    })
}

/// The same on one line; `[!]` is where it failed.
fn checklist(link: &Link, is_secured: bool) -> String {
    let marked = |(name, mark)| {
        let mark = match mark {
            Mark::Done => 'x',
            Mark::Failed => '!',
            Mark::Current => '.',
            Mark::Ahead => ' ',
        };
        format!("[{mark}] {name}")
    };
    steps(link, is_secured).map(marked).collect::<Vec<_>>().join("  ")
}

fn phase(state: LinkState) -> usize {
    match state {
        LinkState::Lookup | LinkState::Waiting => 0,
        LinkState::Connect => 1,
        LinkState::Tls => 2,
        LinkState::Init => 3,
        LinkState::Challenge => 4,
        LinkState::Sethost | LinkState::Version | LinkState::Pong | LinkState::Ekey => 5,
        LinkState::Up | LinkState::Retiring => 6,
    }
}

/// What a link is at.
pub(crate) fn activity(state: LinkState) -> &'static str {
    match state {
        LinkState::Lookup => "looking up the name",
        LinkState::Connect => "connecting",
        LinkState::Tls => "securing the connection (TLS)",
        LinkState::Init => "waiting for lond's challenge",
        LinkState::Challenge => "waiting for lond to take the challenge",
        LinkState::Sethost => "waiting for lond's answer to sethost",
        LinkState::Version => "waiting for lond's version",
        LinkState::Pong => "waiting for lond's answer to pong",
        LinkState::Ekey => "waiting for lond's key",
        LinkState::Up => "up",
        LinkState::Retiring => "up, and to be closed soon",
        LinkState::Waiting => "backing off",
    }
}

fn at(link: &Link, now: u64) -> String {
    let remote = link.remote.as_ref().map(|remote| format!(" at {}", safe(remote)));
    format!(
        "{}{}, for {}",
        activity(link.state),
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
            parts.push(on_disk(delayed, now));
        }
        None => parts.push("the disk of the delayed messages does not answer".to_owned()),
    }
    parts.join("; ")
}

/// What there is to do about a daemon that answered.
fn remedy(status: &Status) -> String {
    let peer = &safe(&status.peer);
    if status.displaced.is_some() {
        return advice::about_displaced(peer);
    }
    if status.draining {
        return format!(
            "It finishes what is in flight and ends. Clients that come now wait, and start it again under systemd; \
             without systemd start it by hand: lonc {peer}"
        );
    }
    let trouble = telling(status).and_then(|link| link.trouble.as_ref());
    match (status.state, trouble) {
        (State::Up, _) if other_host(status).is_some() => remedy::of_wrong_host(peer),
        (State::Up, _) if status.refused.is_some() => remedy::of_refusal(peer),
        (State::Up, _) => "Nothing: requests go through".to_owned(),
        (State::Disabled, _) => remedy::of_disabled(peer),
        (State::Idle, _) => "Nothing: nobody needs a link, and the next request opens one".to_owned(),
        (State::Connecting, None) => "Wait: the first try is under way, and requests wait for it".to_owned(),
        (State::Down, None) => "Look at the log: journalctl -u lonc@".to_owned() + peer,
        (State::Connecting | State::Down, Some(trouble)) => remedy::of(trouble, status),
    }
}

/// What waits on disk.
pub(super) fn on_disk(delayed: &DelayedSummary, now: u64) -> String {
    let oldest = delayed.oldest_usec.map(|oldest| units::between(oldest, now));
    let oldest = oldest
        .map(|age| format!(", the oldest for {age}"))
        .unwrap_or_default();
    let some = |number: usize, what| (number > 0).then(|| format!("{number} {what}"));
    let mut parts = vec![units::count(delayed.queued, "delayed message") + &oldest];
    parts.extend(some(delayed.held, "held"));
    parts.extend(some(delayed.failed, "in failed/"));
    parts.join("; ")
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
            assert_eq!(checklist(&link(state, reached), false), list);
        }
        let secured = checklist(&link(LinkState::Tls, None), true);
        assert!(
            secured.starts_with("[x] name lookup  [x] TCP  [.] TLS  [ ] challenge"),
            "{secured}"
        );
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
                tls: None,
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
