//! What an instance answers that asks how it stands, as bytes: another user may run it, or another release.

use super::account;
use super::{Standing, remark};
use crate::config::text;
use crate::control::interface::StatusReply;

/// More than the longest text that others wrote, escaped.
const LONGEST: usize = 20_000;

/// What is understood is told in lines that steer no terminal, and is said again as it was.
pub fn answers(input: &[u8]) {
    let (now, json) = input
        .split_first_chunk()
        .map_or((0, input), |(now, json)| (u64::from_be_bytes(*now), json));
    if let Ok(reply) = serde_json::from_slice::<StatusReply>(json) {
        check(&reply, now);
        let again = serde_json::to_vec(&reply).expect("plain data");
        let read: StatusReply = serde_json::from_slice(&again).expect("what we say we understand");
        assert_eq!(read, reply);
    }
}

fn check(reply: &StatusReply, now: u64) {
    let status = &reply.status;
    let account = account::of(status, now);
    let texts = account.lines.iter().map(|(_, text)| text);
    for text in texts.chain([&account.headline, &account.remedy]) {
        is_harmless(text);
    }
    is_harmless(&text::safe(&remark::remark(status, now)));
    assert!(!Standing::of_status(status).name().is_empty());
    let _ = (status.num_lost(), status.num_open());
}

fn is_harmless(text: &str) {
    assert!(text.len() <= LONGEST, "{} bytes", text.len());
    assert_eq!(text::plain(text), text, "it would steer a terminal");
}
