//! The shapes must be those that the description tells.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::*;
use crate::tls::Side;

#[test]
fn a_status_is_as_described() {
    let value = serde_json::to_value(status()).unwrap();
    assert_is_type(&value, "Status", "status");
    assert_eq!(serde_json::from_value::<Status>(value).unwrap(), status());
}

#[test]
fn metrics_are_as_described() {
    let histogram = Histogram {
        buckets: vec![Bucket { le_usec: 1, count: 1 }],
        count: 1,
        sum_usec: 1,
    };
    let metrics = Metrics {
        peer: "x".to_owned(),
        state: State::Down,
        up: 0,
        links: 1,
        max_links: 1,
        depth: 1,
        oldest_usec: Some(1),
        silent_since_usec: Some(1),
        clients: 1,
        queued: 1,
        in_flight: 1,
        held_bytes: 1,
        max_held_bytes: 1,
        sending: 1,
        delayed: Some(delayed()),
        draining: true,
        displaced: Some(true),
        rtt_usec: None,
        tls: Some(tls()),
        counters: counters(),
        reply_time: histogram.clone(),
        link_rtt: histogram,
        started_usec: 1,
        taken_usec: 1,
    };
    let value = serde_json::to_value(&metrics).unwrap();
    assert_is_type(&value, "Metrics", "metrics");
    assert_eq!(serde_json::from_value::<Metrics>(value).unwrap(), metrics);
}

#[test]
fn lists_are_as_described() {
    let client = Client {
        pid: 1,
        uid: 0,
        since_usec: 1,
        requests: 1,
        queued: 1,
        in_flight: 1,
        bytes_held: 1,
    };
    assert_is_type(&serde_json::to_value(client).unwrap(), "Client", "client");
    let message = Message {
        name: "x".to_owned(),
        state: MessageState::Unfinished,
        size: 1,
        written_usec: 1,
        attempts: 1,
    };
    assert_is_type(&serde_json::to_value(message).unwrap(), "Message", "message");
}

#[test]
fn every_word_of_the_description_is_known() {
    fn known<T: for<'de> Deserialize<'de>>(name: &str) {
        for word in described()[name].keys() {
            assert!(serde_json::from_value::<T>(json!(word)).is_ok(), "{name}: {word}");
        }
    }
    known::<State>("State");
    known::<LinkState>("LinkState");
    known::<Cause>("Cause");
    known::<TroubleKind>("TroubleKind");
    known::<TlsReason>("TlsReason");
    known::<Side>("Side");
    known::<MessageState>("MessageState");
    known::<LogLevel>("LogLevel");
}

/// What stands in the parentheses of each type of the description.
fn described() -> BTreeMap<String, BTreeMap<String, String>> {
    let text: Vec<_> = DESCRIPTION
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let text = text.join("\n");
    let types = text.split("\ntype ").skip(1);
    let body = |rest: &str| {
        let (name, body) = rest.split_once('(').unwrap();
        let body = body.split_once(')').unwrap().0;
        let fields = body.split(',').map(|field| {
            let (name, kind) = field.split_once(':').unwrap_or((field, ""));
            (name.trim().to_owned(), kind.trim().to_owned())
        });
        (name.trim().to_owned(), fields.collect())
    };
    types.map(body).collect()
}

/// Whether `value` is of this kind of the description.
fn assert_is(value: &Value, kind: &str, path: &str) {
    if let Some(kind) = kind.strip_prefix('?') {
        if !value.is_null() {
            assert_is(value, kind, path);
        }
        return;
    }
    if let Some(kind) = kind.strip_prefix("[]") {
        for one in value.as_array().unwrap() {
            assert_is(one, kind, path);
        }
        return;
    }
    let is = match kind {
        "int" => value.is_u64(),
        "float" => value.is_number(),
        "string" => value.is_string(),
        "bool" => value.is_boolean(),
        name => return assert_is_type(value, name, path),
    };
    assert!(is, "{path}: {kind}: {value}");
}

fn assert_is_type(value: &Value, name: &str, path: &str) {
    let described = described();
    let fields = described
        .get(name)
        .unwrap_or_else(|| panic!("{path}: no type {name}"));
    let Value::Object(object) = value else {
        assert!(
            fields.contains_key(value.as_str().unwrap()),
            "{path}: {name}: {value}"
        );
        return;
    };
    let (has, wants): (BTreeSet<_>, BTreeSet<_>) = (object.keys().collect(), fields.keys().collect());
    assert_eq!(has, wants, "{path}: {name}");
    for (field, kind) in fields {
        assert_is(&object[field], kind, &format!("{path}.{field}"));
    }
}

fn link() -> Link {
    Link {
        index: 0,
        state: LinkState::Waiting,
        since_usec: 1,
        remote: Some("127.0.0.1:5663".to_owned()),
        in_flight: 1,
        cause: Cause::Demand,
        depth: Some(1),
        service_usec: Some(1),
        oldest_usec: Some(1),
        stalled: true,
        other_host: Some("msul9".to_owned()),
        rtt_usec: Some(1),
        trouble: Some(Trouble {
            tls: Some(TlsReason::Expired),
            kind: TroubleKind::Refused,
            text: "refused".to_owned(),
            reached: LinkState::Connect,
            date_usec: 1,
        }),
        failing_since_usec: Some(1),
        failed_tries: 1,
        next_try_usec: Some(1),
    }
}

fn tls() -> Tls {
    Tls {
        certificates: vec![Certificate {
            side: Side::Theirs,
            expires_usec: 1,
        }],
        warning_usec: 1,
        failures: vec![TlsFailures {
            reason: TlsReason::CutOff,
            count: 1,
        }],
    }
}

fn delayed() -> DelayedSummary {
    DelayedSummary {
        queued: 1,
        oldest_usec: Some(1),
        held: 0,
        failed: 0,
    }
}

fn counters() -> Counters {
    Counters {
        requests: 1,
        replies: 1,
        never_sent: 1,
        sent_no_reply: 1,
        malformed: 1,
        stored: 1,
        not_stored: 1,
        delivered: 1,
        set_aside: 1,
        links_opened: 1,
        links_on_demand: 1,
        links_replacing: 1,
        links_retired: 1,
        links_refused: 1,
        tries_failed: 1,
        bytes_sent: 1,
        bytes_received: 1,
        clients_cut: 1,
        log_lost: 1,
    }
}

fn status() -> Status {
    let word = || "x".to_owned();
    Status {
        peer: word(),
        host_id: word(),
        address: word(),
        state: State::Connecting,
        since_usec: 1,
        draining: false,
        text: word(),
        displaced: Some(Displaced {
            text: word(),
            pid: Some(1),
            since_usec: 1,
        }),
        disabled: Some(Disabled {
            reason: "x".to_owned(),
            since_usec: 1,
            until_usec: Some(1),
        }),
        refused_reload: Some(RefusedReload {
            text: word(),
            date_usec: 1,
        }),
        silent_since_usec: Some(1),
        last_error: Some(word()),
        next_try_usec: Some(1),
        rtt_usec: Some(1),
        links: vec![link()],
        max_links: 1,
        refused: Some(Refused {
            text: word(),
            date_usec: 1,
            open: 1,
            until_usec: 1,
        }),
        waiting_since_usec: Some(1),
        clients: 1,
        queued: 1,
        in_flight: 1,
        held_bytes: 1,
        max_held_bytes: 1,
        request_rate: 0.5,
        sending: 1,
        delayed: Some(delayed()),
        tls: Some(tls()),
        counters: counters(),
        peer_version: Some(word()),
        version: word(),
        pid: 1,
        started_usec: 1,
        taken_usec: 1,
        log_level: LogLevel::Info,
    }
}
