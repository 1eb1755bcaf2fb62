//! One peer: how it stands and why, its links, how long its replies take, what waits.

use maud::{Markup, html};

use super::facts::Close;
use super::view::View;
use super::{layout, picture};
use crate::config::text::safe;
use crate::control::interface::{Cause, DelayedReply, Link, Metrics, Status};
use crate::standing::account::{self, Account, Mark};
use crate::standing::{self, Seen};
use crate::units;

/// Lines of the account that the page shows otherwise.
const SHOWN_OTHERWISE: [&str; 2] = ["reached", "link"];

pub(super) fn page(close: &Close, view: View) -> Markup {
    let Seen {
        peer,
        answer,
        standing,
        ..
    } = &close.seen;
    let account = match answer {
        Ok(status) => account::of(status, close.now),
        Err(fault) => standing::of_silent(&close.seen, &close.socket, &close.control, fault, close.now),
    };
    let main = html! {
        p { a href={ "../" (view.query()) } { "All peers" } }
        (told(&account, close))
        @if let Ok(status) = answer { (links(status, close.now)) }
        @if let Ok(metrics) = &close.metrics {
            div.figures {
                (picture::figure("replies", "Reply times", "reply", &metrics.reply_time))
                (picture::figure("trips", "Round trips", "round trip", &metrics.link_rtt))
            }
            (counted(metrics))
        }
        @if answer.is_ok() { (delayed(close)) }
    };
    let title = format!("{} {} – lonc on {}", peer.id, standing.name(), close.host_id);
    let heading = html! { (peer.id) " " (layout::badge(*standing, None)) };
    layout::page("../", &title, &heading, &main, view)
}

/// What `loncctl why` says.
fn told(account: &Account, close: &Close) -> Markup {
    let status = close.seen.answer.as_ref().ok();
    let link = status.and_then(account::telling);
    let is_secured = status.is_some_and(|status| status.tls.is_some());
    let lines = account.lines.iter();
    html! {
        section aria-labelledby="why" {
            h2 id="why" { (account.headline) }
            @if let Some(link) = link.filter(|link| !link.is_open()) { (steps(link, is_secured)) }
            div class={ "advice " (layout::class(account.grade)) } { p { b { "What to do: " } (account.remedy) } }
            dl {
                @for (label, text) in lines.filter(|(label, _)| !SHOWN_OTHERWISE.contains(label)) {
                    div { dt { (label) } dd { (text) } }
                }
            }
            @if !close.seen.is_ours && close.seen.answer.is_ok() { p { "This peer is not taken over from the Perl lonc." } }
            p.sums { "As of " (units::date(close.now)) }
        }
    }
}

/// How far the link comes.
fn steps(link: &Link, is_secured: bool) -> Markup {
    html! {
        ol.steps aria-label="Steps that open a link" {
            @for (name, mark) in account::steps(link, is_secured) {
                @let (class, sign, word) = match mark {
                    Mark::Done => ("good", "✓", "done"),
                    Mark::Failed => ("bad", "✗", "failed"),
                    Mark::Current => ("warning", "…", "under way"),
                    Mark::Ahead => ("unasked", "·", "not reached"),
                };
                li class=(class) { span aria-hidden="true" { (sign) " " } (name) span.spoken { ": " (word) } }
            }
        }
    }
}

fn links(status: &Status, now: u64) -> Markup {
    html! {
        section aria-labelledby="links" {
            h2 id="links" { "Links: " (status.num_open()) " open of at most " (status.max_links) }
            @if status.links.is_empty() {
                p { "There is none." }
            } @else {
                div.scroll role="region" aria-label="Table of the links" tabindex="0" {
                    table.links {
                        thead {
                            tr {
                                @for name in [
                                    "Link", "State", "For", "Address", "In flight", "Oldest", "At a time", "lond takes",
                                    "Round trip", "Opened", "Next try", "Last trouble",
                                ] { th scope="col" { (name) } }
                            }
                        }
                        tbody { @for link in &status.links { (row(link, now)) } }
                    }
                }
            }
        }
    }
}

fn row(link: &Link, now: u64) -> Markup {
    let cause = match link.cause {
        Cause::Kept => "kept open",
        Cause::Demand => "on demand",
        Cause::Replacement => "in place of another",
        Cause::Asked => "asked for",
        Cause::Silence => "beside a silent one",
    };
    let or_nothing = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    html! {
        tr {
            th scope="row" { (link.index) }
            td { (account::activity(link.state)) @if link.stalled { ", slow" } }
            td { (units::between(link.since_usec, now)) }
            td { (or_nothing(link.remote.as_deref().map(safe))) }
            td { (link.in_flight) }
            td { (or_nothing(link.oldest_usec.map(|oldest| units::brief(now.saturating_sub(oldest))))) }
            td { (or_nothing(link.depth.map(|depth| depth.to_string()))) }
            td { (or_nothing(link.service_usec.map(units::brief))) }
            td { (or_nothing(link.rtt_usec.map(units::brief))) }
            td { (cause) }
            td { (or_nothing(link.next_try_usec.map(|next| format!("in {}", units::between(now, next))))) }
            td {
                @match &link.trouble {
                    Some(trouble) => { (safe(&trouble.text)) " (" (units::between(trouble.date_usec, now)) " ago)" }
                    None => "–",
                }
            }
        }
    }
}

/// What was counted since the start.
fn counted(metrics: &Metrics) -> Markup {
    let counters = &metrics.counters;
    let numbers = [
        ("requests", counters.requests),
        ("replies", counters.replies),
        ("lost, never sent", counters.never_sent),
        ("lost, after sending", counters.sent_no_reply),
        ("replies not usable", counters.malformed),
        ("critical requests put on disk", counters.stored),
        ("delayed messages delivered", counters.delivered),
        ("delayed messages set aside", counters.set_aside),
        ("links opened", counters.links_opened),
        ("tries failed", counters.tries_failed),
        ("clients cut off", counters.clients_cut),
        ("log records lost", counters.log_lost),
    ];
    html! {
        section aria-labelledby="counted" {
            h2 id="counted" { "Counted since " (units::date(metrics.started_usec)) }
            dl.counted {
                @for (label, number) in numbers { div { dt { (label) } dd { (number) } } }
                div { dt { "bytes sent" } dd { (units::size(counters.bytes_sent)) } }
                div { dt { "bytes received" } dd { (units::size(counters.bytes_received)) } }
            }
        }
    }
}

/// What waits in the spool. The names of messages tell what they are about, so they are not shown here.
fn delayed(close: &Close) -> Markup {
    html! {
        section aria-labelledby="delayed" {
            h2 id="delayed" { "Delayed messages" }
            @match &close.delayed {
                Err(fault) => p.fault { "They cannot be told: " (safe(&fault.to_string())) },
                Ok(list) if list.messages.is_empty() => p { "None is on disk." },
                Ok(list) => { (messages(list, close)) }
            }
        }
    }
}

fn messages(list: &DelayedReply, close: &Close) -> Markup {
    html! {
        p {
            (units::count(list.total, "message"))
            @if list.total > list.messages.len() { ", of which the first " (list.messages.len()) " are shown" }
            "; " code { "loncctl spool list " (close.seen.peer.id) } " tells their names."
        }
        table.numbers {
            thead {
                tr { @for name in ["State", "Age", "Size", "Broke the link"] { th scope="col" { (name) } } }
            }
            tbody {
                @for message in &list.messages {
                    tr {
                        td { (message.state.word()) }
                        td { (units::between(message.written_usec, close.now)) }
                        td { (units::size(message.size)) }
                        td { (message.attempts) }
                    }
                }
            }
        }
    }
}
