//! What a line of the status tells.

use serde_json::{Value, json};

use crate::config::{Peer, TakenOver};
use crate::control::interface::Status;
use crate::ctl::table::Side::{Left, Right};
use crate::ctl::table::{Cell, NOTHING, Side, Table, or_nothing};
use crate::ctl::words;
use crate::standing::{self, Answer, Standing};
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

/// `now` is in microseconds since 1970.
pub(super) fn table(peers: &[Peer], answers: &[Answer], ours: &TakenOver, now: u64) -> Table {
    let mut table = Table::new(&COLUMNS);
    for (peer, answer) in peers.iter().zip(answers) {
        let standing = Standing::of(answer);
        let mut cells = vec![
            Cell::from(&peer.id),
            Cell::painted(standing.word(), standing.grade().into()),
        ];
        match answer {
            Ok(status) => cells.extend(told(status, now)),
            Err(fault) => {
                cells.extend([NOTHING.into(), (&peer.address).into()]);
                cells.extend(COLUMNS.iter().skip(5).map(|_| Cell::from(NOTHING)));
                let remark = if standing != Standing::NotStarted {
                    fault.to_string()
                } else if !ours.has(&peer.id) {
                    "not taken over from the Perl lonc".to_owned()
                } else {
                    // The state says it all.
                    String::new()
                };
                cells.push(words::safe(&remark).into());
            }
        }
        table.row(cells);
    }
    table
}

fn told(status: &Status, now: u64) -> Vec<Cell> {
    let delayed = status.delayed.as_ref();
    let oldest = delayed.and_then(|delayed| delayed.oldest_usec);
    vec![
        units::between(status.since_usec, now).into(),
        words::word(&status.address).into(),
        or_nothing(status.rtt_usec.map(units::brief)),
        format!("{}/{}", status.num_open(), status.max_links).into(),
        status.clients.into(),
        status.in_flight.into(),
        or_nothing(delayed.map(|delayed| delayed.queued.to_string())),
        or_nothing(oldest.map(|oldest| units::between(oldest, now))),
        format!("{:.1}", status.request_rate).into(),
        status.num_lost().into(),
        or_nothing(status.peer_version.as_deref().map(words::word)),
        words::safe(&standing::remark(status, now)).into(),
    ]
}

/// The same for programs: the daemon's status as it is, or why there is none.
pub(super) fn json(peers: &[Peer], answers: &[Answer]) -> Value {
    let entry = |(peer, answer): (&Peer, &Answer)| {
        json!({
            "peer": peer.id.as_ref(),
            "address": peer.address.to_string(),
            "state": Standing::of(answer).name(),
            "error": answer.as_ref().err().map(ToString::to_string),
            "status": answer.as_ref().ok(),
        })
    };
    peers.iter().zip(answers).map(entry).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::{Address, Alias};
    use crate::control::client::CallError;
    use crate::ctl::screen::Screen;

    #[test]
    fn every_line_has_all_columns() {
        let peers = [peer("a"), peer("b")];
        let answers = [
            Err(CallError::NotStarted),
            Err(CallError::TimedOut(Duration::from_secs(1))),
        ];
        let text = table(&peers, &answers, &TakenOver::All, 0).render(Screen::of(false));
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0].split_whitespace().count(), COLUMNS.len());
        assert_eq!(lines[1].split_whitespace().count(), COLUMNS.len() - 1);
        assert!(lines[1].starts_with("a     not-started"), "{text}");
        assert!(lines[2].ends_with("no answer within 1s"), "{text}");
        let json = json(&peers, &answers);
        assert_eq!(json[0]["state"], "notStarted");
        assert_eq!(json[1]["address"], "zaphod.msu.edu:5663");
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
