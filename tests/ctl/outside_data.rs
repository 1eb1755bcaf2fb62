//! What a control socket answers is outside data: whoever listens there may say anything.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixListener;
use std::thread;

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use test_harness::{Peer, Site};

use crate::field::start;
use crate::tool::{Ran, ctl};

/// Turns what follows round, forges a line, clears the screen, hides.
const EVIL: &str = "x\u{202e}\nforged: line\u{1b}[2J\u{1b}[8m\u{9b}\r\u{200b}\u{7}";

const COMMANDS: [&[&str]; 9] = [
    &["why", "msul1"],
    &["status"],
    &["status", "--json"],
    &["clients", "msul1"],
    &["clients", "msul1", "--json"],
    &["spool", "list"],
    &["spool", "list", "--json"],
    &["reload", "msul1"],
    &["metrics"],
];

#[test]
fn texts_that_steer_a_terminal() {
    let site = Site::office(&Peer::dead(), "");
    for field in [
        "peer",
        "hostId",
        "address",
        "text",
        "lastError",
        "peerVersion",
        "version",
    ] {
        let mut status = status(&site);
        status[field] = json!(EVIL);
        status["displaced"] = json!({ "text": EVIL, "pid": 1, "sinceUsec": 1 });
        for draining in [true, false] {
            status["draining"] = json!(draining);
            let ran = said_by(&site, &json!({ "status": status }));
            ran.iter().for_each(assert_harmless);
        }
    }
}

#[test]
fn every_text_of_a_status_at_once_and_in_each_state() {
    let site = Site::office(&Peer::dead(), "");
    let plain = status(&site);
    for state in ["up", "down", "connecting", "idle"] {
        let mut status = plain.clone();
        status["displaced"] = Value::Null;
        status["state"] = json!(state);
        status["refused"] = json!({ "text": EVIL, "open": 1, "dateUsec": 1, "untilUsec": 2 });
        for name in ["peer", "hostId", "address", "lastError"] {
            status[name] = json!(EVIL);
        }
        for link in status["links"].as_array_mut().unwrap() {
            link["otherHost"] = json!(EVIL);
            link["remote"] = json!(EVIL);
            link["trouble"]["text"] = json!(EVIL);
        }
        said_by(&site, &json!({ "status": status }))
            .iter()
            .for_each(assert_harmless);
    }
}

#[test]
fn numbers_that_are_no_dates_spans_or_counts() {
    let site = Site::office(&Peer::dead(), "");
    let plain = status(&site);
    for number in [u64::MAX, i64::MAX.unsigned_abs(), 9_000_000_000_000_000_000, 0] {
        let mut status = plain.clone();
        exaggerate(&mut status, number);
        for ran in said_by(&site, &json!({ "status": status })) {
            assert_harmless(&ran);
        }
    }
}

#[test]
fn faults_messages_and_clients_with_such_texts() {
    let site = Site::office(&Peer::dead(), "");
    for reply in [
        json!({ "error": EVIL, "parameters": { EVIL: EVIL } }),
        json!({ "error": "org.loncapa.lonc.BadConfiguration", "parameters": { "text": EVIL } }),
        json!({ "parameters": { "warnings": [EVIL], "total": u64::MAX, "messages": [
            { "name": EVIL, "state": "held", "size": u64::MAX, "writtenUsec": u64::MAX, "attempts": 1 } ] } }),
        json!({ "parameters": { "total": u64::MAX, "clients": [
            { "pid": -1, "uid": u32::MAX, "sinceUsec": u64::MAX, "requests": u64::MAX, "queued": 0, "inFlight": 0,
              "bytesHeld": u64::MAX } ] } }),
    ] {
        said(&site, &reply).iter().for_each(assert_harmless);
    }
}

/// It ended by itself and without a panic; nothing it printed steers a terminal or forges a line.
fn assert_harmless(ran: &Ran) {
    assert!(ran.code != 101 && ran.code != 134, "{ran:?}");
    for text in [&ran.out, &ran.err] {
        assert!(!text.contains("panicked"), "{ran:?}");
        assert!(
            !text.contains(['\u{202e}', '\u{1b}', '\u{9b}', '\r', '\u{200b}', '\u{7}']),
            "{ran:?}"
        );
        assert!(!text.lines().any(|line| line.starts_with("forged")), "{ran:?}");
    }
}

/// Each number becomes this one, and each date.
fn exaggerate(value: &mut Value, number: u64) {
    match value {
        Value::Number(one) if one.is_u64() => *value = json!(number),
        Value::Array(all) => all.iter_mut().for_each(|one| exaggerate(one, number)),
        Value::Object(all) => {
            let narrow = ["pid", "failedTries", "attempts"];
            for (_, one) in all
                .iter_mut()
                .filter(|(name, _)| !narrow.contains(&name.as_str()))
            {
                exaggerate(one, number);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What a daemon that is down says of itself.
fn status(site: &Site) -> Value {
    let mut lonc = start(site, "msul1", "down");
    let status = ctl(site, &["status", "--json", "--timeout", "10s", "msul1"]).json()[0]["status"].take();
    lonc.signal(Signal::SIGTERM);
    lonc.ended_well();
    status
}

fn said_by(site: &Site, parameters: &Value) -> Vec<Ran> {
    said(site, &json!({ "parameters": parameters }))
}

/// What the commands say where this is the answer to all that is asked.
fn said(site: &Site, reply: &Value) -> Vec<Ran> {
    let path = site.control_socket();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let listener = UnixListener::bind(&path).unwrap();
    let reply = [reply.to_string().as_bytes(), b"\0"].concat();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut last = [1];
            while last[0] != 0 && stream.read(&mut last).is_ok_and(|count| count > 0) {}
            if stream.write_all(&reply).is_err() || last[0] != 0 {
                return;
            }
        }
    });
    let ran = COMMANDS.map(|arguments| ctl(site, arguments)).into();
    drop(std::os::unix::net::UnixStream::connect(&path));
    fs::remove_file(&path).unwrap();
    ran
}
