//! Calls at the control socket, as bytes.

use serde_json::Value;

use super::wire::{Call, Connection, Fault, MAX_CALL};
use crate::fuzzing::{Pieces, block_on, parts, ways};

/// Why no more calls came.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Fine,
    TooLong,
    Malformed,
}

/// However the bytes come in, they are the calls that they are when looked at whole.
pub fn calls(input: &[u8]) {
    let (cuts, bytes) = parts(input);
    let wanted = reference(bytes);
    for cuts in ways(cuts) {
        assert_eq!(
            block_on(read(Pieces::new(bytes, cuts))),
            wanted,
            "in pieces of {cuts:?}"
        );
    }
}

async fn read(stream: Pieces<'_>) -> (Vec<String>, End) {
    let (mut connection, mut calls) = (Connection::new(stream), Vec::new());
    loop {
        match connection.next().await {
            Ok(Some(call)) => calls.push(format!("{call:?}")),
            Ok(None) => return (calls, End::Fine),
            Err(Fault::TooLong) => return (calls, End::TooLong),
            Err(Fault::Malformed(_)) => return (calls, End::Malformed),
            Err(fault @ (Fault::Idle | Fault::Stalled | Fault::Io(_))) => panic!("{fault}"),
        }
    }
}

/// The calls by their ends, and what comes after the last that is one.
fn reference(bytes: &[u8]) -> (Vec<String>, End) {
    let mut calls = Vec::new();
    let mut messages = bytes.split(|byte| *byte == 0).peekable();
    while let Some(message) = messages.next() {
        if message.len() > MAX_CALL {
            return (calls, End::TooLong);
        }
        if messages.peek().is_none() {
            // What has no end is no call; it may be the beginning of one.
            break;
        }
        let Ok(call) = serde_json::from_slice::<Call>(message) else {
            return (calls, End::Malformed);
        };
        check(&call, message);
        calls.push(format!("{call:?}"));
    }
    (calls, End::Fine)
}

/// What the call says is what an object of JSON says that has the names of Varlink.
fn check(call: &Call, message: &[u8]) {
    let Ok(Value::Object(said)) = serde_json::from_slice(message) else {
        // Numbers that are too large for any type are passed over in what nobody looks at.
        return;
    };
    let is_true = |name: &str| said.get(name) == Some(&Value::Bool(true));
    assert_eq!(said.get("method").and_then(Value::as_str), Some(&*call.method));
    assert_eq!((is_true("more"), is_true("oneway")), (call.more, call.oneway));
    let parameters = said.get("parameters").and_then(Value::as_object);
    assert_eq!(parameters, call.parameters.as_ref());
}
