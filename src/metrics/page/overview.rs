//! All peers, the worst first.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use maud::{Markup, html};

use super::facts::Crowd;
use super::layout;
use super::view::View;
use crate::config::text::safe;
use crate::control::interface::Status;
use crate::standing::{Grade, Seen, Standing};
use crate::units;

/// Where there are more peers than these, those that are well are folded away.
const MOST_UNFOLDED: usize = 40;
/// What is shown where there is nothing.
const NOTHING: &str = "–";
/// The columns; the style sheet counts them.
const COLUMNS: [&str; 12] = [
    "Peer",
    "State",
    "Since",
    "Links",
    "Clients",
    "In flight",
    "Delayed",
    "Oldest",
    "Req/s",
    "Lost",
    "RTT",
    "Remark",
];

pub(super) fn page(crowd: &Crowd, view: View) -> Markup {
    let mut lines: Vec<_> = crowd.peers.iter().map(|seen| Line::of(seen, crowd.now)).collect();
    lines.sort_by(|one, other| one.rank().cmp(&other.rank()));
    let num_amiss = lines.partition_point(Line::is_amiss);
    let (amiss, well) = lines.split_at_checked(num_amiss).unwrap_or((&lines, &[]));
    let title = match amiss.len() {
        0 => format!("lonc on {}: all well", crowd.host_id),
        number => format!("lonc on {}: {number} of {} amiss", crowd.host_id, lines.len()),
    };
    let is_open = view.all || lines.len() <= MOST_UNFOLDED;
    let main = html! {
        (summary(crowd, &lines))
        @if !amiss.is_empty() {
            section aria-labelledby="amiss" {
                h2 id="amiss" { "Worth a look: " (amiss.len()) }
                (table("amiss", amiss, view))
            }
        }
        @if !well.is_empty() {
            section aria-labelledby="well" {
                details open[is_open] {
                    summary { h2 id="well" { "Well: " (well.len()) } }
                    @if lines.len() > MOST_UNFOLDED { (folding(view)) }
                    (table("well", well, view))
                }
            }
        }
    };
    layout::page("./", &title, &html! { "lonc on " (crowd.host_id) }, &main, view)
}

/// A page that refreshes itself forgets what was unfolded, but for what its address says.
fn folding(view: View) -> Markup {
    let other = View {
        all: !view.all,
        ..view
    };
    html! {
        p.folding { a href=(other.query()) { @if view.all { "Fold these away" } @else { "Keep these unfolded" } } }
    }
}

/// How many there are in each state, and what all of them have together.
fn summary(crowd: &Crowd, lines: &[Line<'_>]) -> Markup {
    let mut states = BTreeMap::<_, usize>::new();
    for line in lines {
        *states.entry(line.worst()).or_default() += 1;
    }
    let told = || lines.iter().filter_map(Line::status);
    let rate: f64 = told().map(|status| status.request_rate).sum();
    let clients = told().map(|status| status.clients).fold(0, usize::saturating_add);
    let lost = told().map(Status::num_lost).fold(0, u64::saturating_add);
    let delayed = lines.iter().filter_map(|line| line.seen.delayed());
    let num_delayed = delayed
        .clone()
        .map(|delayed| delayed.queued)
        .fold(0, usize::saturating_add);
    let oldest = delayed.filter_map(|delayed| delayed.oldest_usec).min();
    html! {
        p.states {
            b { (units::count(lines.len(), "peer")) } ": "
            @for ((_, Reverse(standing)), number) in states { (layout::badge(standing, Some(number))) " " }
        }
        p.sums {
            (units::count(clients, "client")) ", " (format!("{rate:.1}")) " requests/s, "
            (units::count(num_delayed, "delayed message"))
            @if let Some(oldest) = oldest { " (the oldest for " (units::between(oldest, crowd.now)) ")" }
            ", " (units::count(lost, "request")) " lost since the instances started; as of " (units::date(crowd.now))
        }
        @if let Some(notice) = &crowd.notice { p.fault role="alert" { (safe(notice)) } }
        @if crowd.num_warnings > 0 {
            p.fault.hint {
                "The configuration gives " (units::count(crowd.num_warnings, "warning")) ": "
                code { "loncctl check" } " tells more."
            }
        }
        @if lines.is_empty() { p.fault.hint { "There are no peers in hosts.tab, nor in lonc.toml." } }
    }
}

fn table(label: &str, lines: &[Line<'_>], view: View) -> Markup {
    html! {
        table.peers role="table" aria-labelledby=(label) {
            thead role="rowgroup" {
                tr role="row" { @for name in COLUMNS { th role="columnheader" scope="col" { (name) } } }
            }
            tbody role="rowgroup" { @for line in lines { (line.row(view)) } }
        }
    }
}

/// What is shown of a peer.
struct Line<'a> {
    seen: &'a Seen,
    standing: Standing,
    remark: String,
    now: u64,
}

impl<'a> Line<'a> {
    fn of(seen: &'a Seen, now: u64) -> Self {
        Self {
            seen,
            standing: seen.standing,
            remark: safe(&seen.remark(now)),
            now,
        }
    }

    fn status(&self) -> Option<&'a Status> {
        self.seen.answer.as_ref().ok()
    }

    fn num_delayed(&self) -> usize {
        self.seen.delayed().map_or(0, |delayed| delayed.queued)
    }

    fn is_amiss(&self) -> bool {
        let is_remarkable = self.status().is_some() && !self.remark.is_empty() || self.seen.is_left_alone();
        matches!(self.standing.grade(), Grade::Bad | Grade::Warning) || is_remarkable
    }

    /// The worst first: one that cannot be asked before one that is down; of those that stand alike the one for which most
    /// waits.
    fn rank(&self) -> impl Ord + '_ {
        (
            !self.is_amiss(),
            self.worst(),
            Reverse(self.num_delayed()),
            &self.seen.peer.id,
        )
    }

    /// For sorting: the worst first.
    fn worst(&self) -> (u8, Reverse<Standing>) {
        (self.standing.grade().weight(), Reverse(self.standing))
    }

    fn row(&self, view: View) -> Markup {
        let id = &self.seen.peer.id;
        html! {
            tr role="row" class=(layout::class(self.standing.grade())) {
                th role="rowheader" scope="row" {
                    a href={ "peer/" (id) (view.query()) } { (id) }
                }
                td role="cell" { (layout::badge(self.standing, None)) }
                @match self.status() {
                    Some(status) => { (self.numbers(status)) }
                    None => { (self.untold()) }
                }
                td role="cell" class=[self.remark.is_empty().then_some("nil")] { (self.remark) }
            }
        }
    }

    /// Of one whose instance says nothing.
    fn untold(&self) -> Markup {
        let waiting = self.seen.waiting;
        html! {
            @for _ in 0..4 { (cell(None)) }
            (cell(waiting.and_then(|waiting| count(waiting.queued))))
            (cell(waiting.and_then(|waiting| waiting.oldest_usec).map(|oldest| units::between(oldest, self.now))))
            @for _ in 0..3 { (cell(None)) }
        }
    }

    fn numbers(&self, status: &Status) -> Markup {
        let delayed = status.delayed.as_ref();
        let oldest = delayed.and_then(|delayed| delayed.oldest_usec);
        html! {
            (cell(Some(units::between(status.since_usec, self.now))))
            (cell(Some(format!("{}/{}", status.num_open(), status.max_links))))
            (cell(count(status.clients)))
            (cell(count(status.in_flight)))
            (cell(delayed.map_or_else(|| Some("?".to_owned()), |delayed| count(delayed.queued))))
            (cell(oldest.map(|oldest| units::between(oldest, self.now))))
            (cell((status.request_rate >= 0.05).then(|| format!("{:.1}", status.request_rate))))
            (cell(some(status.num_lost())))
            (cell(status.rtt_usec.map(units::brief)))
        }
    }
}

/// A number that is worth a cell.
fn some(number: u64) -> Option<String> {
    (number > 0).then(|| number.to_string())
}

fn count(number: usize) -> Option<String> {
    some(u64::try_from(number).unwrap_or(u64::MAX))
}

/// A cell with a number; where there is none, a narrow screen leaves it out.
fn cell(text: Option<String>) -> Markup {
    html! {
        @match text {
            Some(text) => { td role="cell" { (text) } }
            None => { td.nil role="cell" { (NOTHING) } }
        }
    }
}
