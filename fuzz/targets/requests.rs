//! What a worker's line asks for: nothing that is to be encrypted goes out in the clear, nothing changes the link, and
//! what is delayed is the same request when it comes back from disk.
#![no_main]

use bytes::{Bytes, BytesMut};
use libfuzzer_sys::fuzz_target;
use lonc_proto::cipher::{Cipher, Key};
use lonc_proto::request::{Asked, Encoder, Request};
use lonc_proto::spool::{self, Unsendable};

/// The prefixes of a line, one after the other, and what is behind them.
fn prefixes(line: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let (mut found, mut rest) = (Vec::new(), line);
    loop {
        let len = if rest.starts_with(b"critical:") || rest.starts_with(b"encrypt:") {
            rest.iter().position(|byte| *byte == b':').map(|at| at + 1)
        } else if rest.starts_with(b"sethost:") {
            let id = rest[8..].iter().position(|byte| *byte == b':');
            id.filter(|len| *len > 0).map(|len| 8 + len + 1)
        } else {
            None
        };
        let Some(len) = len else {
            return (found, rest);
        };
        found.push(&rest[..len]);
        rest = &rest[len..];
    }
}

fn check_request(request: &Request, line: &[u8]) {
    let (prefixes, rest) = prefixes(line);
    let has = |word: &[u8]| prefixes.iter().any(|prefix| prefix.starts_with(word));
    assert_eq!(request.line_len(), line.len() + 1);
    assert!(!request.is_critical() || has(b"critical:"));
    assert!(!request.is_encrypted() || has(b"encrypt:"));
    // Whatever prefix asks for encryption has it, if anything is behind.
    assert!(
        request.is_encrypted() || rest.is_empty() || !has(b"encrypt:"),
        "in the clear"
    );
    assert!(
        request.is_encrypted() || rest.is_empty() || !has(b"sethost:encrypt:"),
        "in the clear"
    );
    assert!(line.ends_with(request.command()));
    assert!(!request.command().is_empty() || request.is_encrypted());
    let host = request.host();
    assert!(host.is_empty() || host.starts_with(b"sethost:") && prefixes.contains(&&host[..]));
    let word = request
        .command()
        .split(|byte| *byte == b':')
        .next()
        .unwrap_or_default();
    assert!(
        !matches!(word, b"init" | b"sethost") && !word.starts_with(b"ekey"),
        "changes the link"
    );
    let lost: &[u8] = if request.is_critical() {
        b"con_failed"
    } else {
        b"con_lost"
    };
    assert_eq!(request.no_reply(), lost);
    let shown = format!("{request} {request:?}");
    assert!(shown.len() < 120, "{shown}");
    check_wire(request);
}

fn check_wire(request: &Request) {
    let cipher = Cipher::new(&Key::from_bytes([7; 16]));
    let encoded = |room| {
        let (mut encoder, mut wire) = (Encoder::default(), BytesMut::new());
        while !encoder.encode(request, &cipher, room, &mut wire) {}
        wire
    };
    let wire = encoded(usize::MAX);
    for room in [0, 1, 17, 100] {
        assert_eq!(encoded(room), wire, "in pieces of {room}");
    }
    if request.is_encrypted() {
        assert!(wire.starts_with(b"enc:"));
        assert_eq!(wire.iter().position(|byte| *byte == b'\n'), Some(wire.len() - 1));
    } else {
        assert_eq!(wire, [request.command(), b"\n"].concat());
    }
}

/// What a message's file with this line is.
fn check_file(line: &[u8], asked: &Asked) {
    let file = Bytes::from([line, b"\n"].concat());
    let read = spool::parse(file.clone(), usize::MAX);
    match (&read, asked) {
        (Ok(read), Asked::Forward(request)) => assert!(read == request),
        (Err(Unsendable::Refused(one)), Asked::Refused(other)) => assert_eq!(one, other),
        (Err(Unsendable::Damaged), Asked::Nothing | Asked::Stop | Asked::Retry) => {}
        _ => panic!("{read:?} of a file, and something else of a worker"),
    }
    assert_eq!(
        spool::parse(file.slice(..line.len()), usize::MAX),
        Err(Unsendable::Unfinished)
    );
    let limit = file.len() - spool::most_read(0);
    let at_limit = spool::parse(file.clone(), limit + 1);
    assert_eq!(
        at_limit == Err(Unsendable::TooLarge),
        read == Err(Unsendable::TooLarge)
    );
    assert_eq!(spool::parse(file, limit), Err(Unsendable::TooLarge));
}

fuzz_target!(|input: &[u8]| {
    let line = input.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let asked = Asked::of(Bytes::copy_from_slice(line));
    match &asked {
        Asked::Forward(request) => check_request(request, line),
        Asked::Stop => assert!(line.ends_with(b"close_connection_exit")),
        Asked::Retry => assert!(line.ends_with(b"reset_retries")),
        Asked::Nothing => assert!(prefixes(line).1.is_empty()),
        Asked::Refused(_) => {}
    }
    if line.len() >= 2 {
        check_file(line, &asked);
    }
});
