//! What a line of the status tells.

use serde_json::{Value, json};

use crate::control::interface::{DelayedSummary, Status};
use crate::ctl::table::Side::{Left, Right};
use crate::ctl::table::{Cell, NOTHING, Side, Table, or_nothing};
use crate::ctl::words;
use crate::standing::Seen;
use crate::units;

const COLUMNS: [(&str, Side); 14] = [
    ("PEER", Left),
    ("STATE", Left),
    ("SINCE", Right),
    ("ADDRESS", Left),
    ("RTT", Right),
    ("LINKS", Right),
    ("CLIENTS", Right),
    ("FLIGHT", Right),
    ("DELAYED", Right),
    ("OLDEST", Right),
    ("REQ/S", Right),
    ("LOST", Right),
    ("VERSION", Left),
    ("REMARK", Left),
];

/// Columns that a narrow terminal does without, the first first.
const DISPENSABLE: [&str; 10] = [
    "VERSION", "REQ/S", "ADDRESS", "CLIENTS", "LOST", "FLIGHT", "LINKS", "OLDEST", "RTT", "DELAYED",
];

/// `now` is in microseconds since 1970.
pub(super) fn table(all: &[&Seen], now: u64) -> Table {
    let mut table = Table::new(&COLUMNS).dropping(&DISPENSABLE);
    for seen in all {
        let mut cells = vec![
            Cell::from(&seen.peer.id),
            Cell::painted(seen.standing.name(), seen.standing.grade().into()),
        ];
        let remark = words::safe(&seen.remark(now));
        if let Some(status) = seen.status() {
            cells.extend(told(status, now));
        } else {
            cells.extend(untold(seen, now));
        }
        cells.push(remark.into());
        table.row(cells);
    }
    table
}

/// Of one whose daemon says nothing.
fn untold(seen: &Seen, now: u64) -> Vec<Cell> {
    let mut cells: Vec<_> = COLUMNS.iter().skip(3).map(|_| Cell::from(NOTHING)).collect();
    if let [_, address, _, _, _, _, queued, oldest, ..] = cells.as_mut_slice() {
        *address = (&seen.peer.address).into();
        [*queued, *oldest] = on_disk(seen.waiting, now);
    }
    cells
}

/// How many messages are to be sent, and how old the first is.
fn on_disk(delayed: Option<DelayedSummary>, now: u64) -> [Cell; 2] {
    let oldest = delayed.and_then(|delayed| delayed.oldest_usec);
    [
        or_nothing(delayed.map(|delayed| delayed.queued.to_string())),
        or_nothing(oldest.map(|oldest| units::between(oldest, now))),
    ]
}

fn told(status: &Status, now: u64) -> Vec<Cell> {
    let [queued, oldest] = on_disk(status.delayed, now);
    vec![
        units::between(status.since_usec, now).into(),
        words::word(&status.address).into(),
        or_nothing(status.rtt_usec.map(units::round_trip)),
        format!("{}/{}", status.num_open(), status.max_links).into(),
        status.clients.into(),
        status.in_flight.into(),
        queued,
        oldest,
        format!("{:.1}", status.request_rate).into(),
        status.num_lost().into(),
        or_nothing(status.peer_version.as_deref().map(words::word)),
    ]
}

/// The same for programs: the daemon's status as it is, or why there is none.
pub(super) fn json(all: &[&Seen]) -> Value {
    let entry = |seen: &&Seen| {
        let disabled = seen.disabled.as_ref().map(|disabled| {
            json!({
                "reason": disabled.reason,
                "sinceUsec": units::micros_since_1970(disabled.since),
                "untilUsec": disabled.until.map(units::micros_since_1970),
            })
        });
        json!({
            "peer": seen.peer.id.as_ref(),
            "address": seen.peer.address.to_string(),
            "state": seen.standing.name(),
            "error": seen.answer.as_ref().err().map(ToString::to_string),
            "notice": seen.not_yet(),
            "disabled": disabled,
            "status": seen.status(),
            "delayed": seen.delayed(),
        })
    };
    all.iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{Address, Alias, Peer};
    use crate::control::client::CallError;
    use crate::ctl::screen::Screen;
    use crate::standing::Standing;

    #[test]
    fn every_line_has_all_columns() {
        let all = [
            seen("a", CallError::NotStarted, Standing::NotStarted),
            seen("b", CallError::TimedOut(Duration::from_secs(1)), Standing::Hung),
        ];
        let all: Vec<_> = all.iter().collect();
        let text = table(&all, 0).render(Screen::of(false));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0].split_whitespace().count(), COLUMNS.len());
        assert_eq!(lines[1].split_whitespace().count(), COLUMNS.len() - 1);
        assert!(lines[1].starts_with("a     not-started"), "{text}");
        assert!(lines[2].ends_with("no answer within 1s"), "{text}");
        let json = json(&all);
        assert_eq!(json[0]["state"], "not-started");
        assert_eq!(json[1]["address"], "zaphod.msu.edu:5663");
    }

    #[test]
    fn what_is_dispensable_are_columns() {
        for name in DISPENSABLE {
            assert!(COLUMNS.iter().any(|(column, _)| *column == name), "{name}");
        }
    }

    fn seen(id: &str, fault: CallError, standing: Standing) -> Seen {
        Seen {
            peer: peer(id),
            answer: Err(fault),
            standing,
            disabled: None,
            is_ours: true,
            is_heard: None,
            waiting: None,
        }
    }

    fn peer(id: &str) -> Peer {
        Peer {
            id: id.parse().unwrap(),
            address: Address {
                host: "zaphod.msu.edu".to_owned(),
                alternative: None,
                port: 5663,
            },
            alias: Alias::None,
        }
    }
}
