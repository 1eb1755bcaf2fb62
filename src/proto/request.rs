//! What a client's line asks for, and how it goes on the wire.
//!
//! | a line | what it asks |
//! |---|---|
//! | `encrypt:<command>` | to send the command encrypted |
//! | `critical:<line>` | not to lose it |
//! | `sethost:<id>:<line>` | the same of the host of that id, which is the peer by another name; workers write it since 2007 |
//! | `reset_retries` | to try now if there is no link |
//! | `close_connection_exit` | to stop the instance |
//! | anything else | to send it as it is |
//!
//! The first three stand in any order that makes sense: `critical:` on either side of `sethost:<id>:`, `encrypt:` behind
//! both. Whatever asks for encryption in another way is refused, so that nothing which somebody wanted encrypted goes out
//! in the clear; and so is whatever would change the link for everybody.

use alloc::format;
use bytes::{Buf as _, Bytes, BytesMut};
use core::fmt;
use memchr::memchr;

use crate::cipher::{BLOCK, Cipher};
use crate::time::Instant;

/// lonc's own answers, as lonnet and the original use the words.
pub mod answer {
    /// No usable reply could be had from the peer.
    pub const CON_LOST: &[u8] = b"con_lost";
    /// A critical message got no reply, and is stored to be sent later.
    pub const CON_DELAYED: &[u8] = b"con_delayed";
    /// A critical message got no reply and is not stored either.
    pub const CON_FAILED: &[u8] = b"con_failed";
    /// The line asks for nothing.
    pub const UNKNOWN_CMD: &[u8] = b"unknown_cmd";
    /// The client may not ask for that.
    pub const REFUSED: &[u8] = b"refused";
    /// Done.
    pub const OK: &[u8] = b"ok";
    /// The line was longer than allowed; the connection is closed after this.
    pub const TOO_LONG: &[u8] = b"error: request too long";
}

const CRITICAL: &[u8] = b"critical:";
const SET_HOST: &[u8] = b"sethost:";
const ENCRYPT: &[u8] = b"encrypt:";
const STOP: &[u8] = b"close_connection_exit";
const RETRY: &[u8] = b"reset_retries";

/// What a client's line asks for.
#[derive(Clone, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: the command is empty.
    Nothing,
    /// To stop this instance.
    Stop,
    /// To try now if there is no link.
    Retry,
    /// Something that is not done.
    Refused(Refusal),
    /// To carry a command to the peer.
    Forward(Request),
}

impl Asked {
    /// Reads a line, given without its newline.
    #[must_use]
    pub fn of(mut line: Bytes) -> Self {
        let line_len = line.len() + 1;
        let mut critical = false;
        let mut rest = line.as_ref();
        take_prefix(&mut rest, CRITICAL, &mut critical);
        let host_at = line.len() - rest.len();
        let host_len = match take_host(&mut rest) {
            Ok(len) => len,
            Err(why) => return Self::Refused(why),
        };
        if !critical {
            take_prefix(&mut rest, CRITICAL, &mut critical);
        }
        match rest {
            b"" => return Self::Nothing,
            STOP if !critical => return Self::Stop,
            RETRY if !critical => return Self::Retry,
            _ => {}
        }
        let mut encrypted = false;
        take_prefix(&mut rest, ENCRYPT, &mut encrypted);
        if changes_the_link(rest) {
            return Self::Refused(Refusal::Link);
        }
        if !encrypted && asks_for_encryption(rest) {
            return Self::Refused(Refusal::Encryption);
        }
        let command_at = line.len() - rest.len() - host_at;
        line.advance(host_at);
        Self::Forward(Request {
            line,
            host_len,
            command_at,
            critical,
            encrypted,
            line_len,
            arrived: Instant::default(),
        })
    }
}

/// Why a line is answered `refused`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `encrypt` stands where it is not understood, and what follows must not go out in the clear.
    #[error("it asks for encryption in a way that is not understood")]
    Encryption,
    /// It belongs to the opening of a link.
    #[error("it would change the link for everybody")]
    Link,
}

/// Takes a prefix off a line, and notes if it was there.
fn take_prefix(line: &mut &[u8], prefix: &[u8], found: &mut bool) {
    if let Some(rest) = line.strip_prefix(prefix) {
        *line = rest;
        *found = true;
    }
}

/// Takes `sethost:<id>:` off a line, and gives its length; refused if no id or nothing else follows.
fn take_host(line: &mut &[u8]) -> Result<usize, Refusal> {
    let Some(behind) = line.strip_prefix(SET_HOST) else {
        return Ok(0);
    };
    let id = memchr(b':', behind).filter(|len| *len > 0).ok_or(Refusal::Link)?;
    if behind.starts_with(ENCRYPT) {
        return Err(Refusal::Encryption);
    }
    *line = behind.get(id + 1..).unwrap_or_default();
    Ok(SET_HOST.len() + id + 1)
}

/// True for what opens a link, and would have lond change its id or its key.
fn changes_the_link(command: &[u8]) -> bool {
    let is_word = |word: &[u8]| matches!(command.strip_prefix(word), Some([] | [b':', ..]));
    is_word(b"init") || is_word(b"sethost") || command.starts_with(b"ekey")
}

/// True if `encrypt` stands among prefixes that are once too many, or behind a word that is none of lonc's. Further
/// behind it is data.
fn asks_for_encryption(command: &[u8]) -> bool {
    let mut rest = command;
    loop {
        let mut found = false;
        take_prefix(&mut rest, CRITICAL, &mut found);
        // One with `encrypt` for an id is told from the others below.
        found |= take_host(&mut rest).is_ok_and(|len| len > 0);
        if !found {
            break;
        }
    }
    let field = memchr(b':', rest).and_then(|end| rest.get(end + 1..));
    let is_encrypt = |field: &[u8]| matches!(field.strip_prefix(b"encrypt"), Some([] | [b':', ..]));
    rest.starts_with(ENCRYPT) || field.is_some_and(is_encrypt)
}

/// A command on its way to the peer. `Debug` and `Display` never show its body.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// As it came, but for `critical:` before all else.
    line: Bytes,
    /// Of `sethost:<id>:` at its beginning.
    host_len: usize,
    /// Where the command begins.
    command_at: usize,
    critical: bool,
    encrypted: bool,
    line_len: usize,
    arrived: Instant,
}

impl Request {
    /// The same, come from its client at this time.
    #[must_use]
    pub(crate) fn arrived_at(mut self, now: Instant) -> Self {
        self.arrived = now;
        self
    }

    /// When it came from its client.
    pub(crate) fn arrived(&self) -> Instant {
        self.arrived
    }

    /// lonc's own question on an idle link.
    #[must_use]
    pub fn probe() -> Self {
        Self {
            line: Bytes::from_static(b"ping"),
            host_len: 0,
            command_at: 0,
            critical: false,
            encrypted: false,
            line_len: 0,
            arrived: Instant::default(),
        }
    }

    /// True if it must not be lost.
    #[must_use]
    pub fn is_critical(&self) -> bool {
        self.critical
    }

    /// True if it goes encrypted; then its body is nobody's business.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// What is sent to the peer, in the clear.
    #[must_use]
    pub fn command(&self) -> &[u8] {
        self.line.get(self.command_at..).unwrap_or_default()
    }

    /// `sethost:<id>:`, if it is for a certain id of the peer; else empty.
    #[must_use]
    pub fn host(&self) -> Bytes {
        self.line.slice(..self.host_len)
    }

    /// True if it is for a certain id of the peer.
    pub(crate) fn has_host(&self) -> bool {
        self.host_len > 0
    }

    /// Bytes the line took from its client, with the newline.
    #[must_use]
    pub fn line_len(&self) -> usize {
        self.line_len
    }

    /// Gives the command's memory back; it cannot be sent after that.
    pub(crate) fn forget_body(&mut self) {
        self.line = Bytes::new();
        (self.host_len, self.command_at) = (0, 0);
    }

    /// What the client is told when no usable reply can be had.
    #[must_use]
    pub fn no_reply(&self) -> &'static [u8] {
        if self.critical {
            answer::CON_FAILED
        } else {
            answer::CON_LOST
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let critical = if self.critical { "critical " } else { "" };
        let encrypted = if self.encrypted { "encrypted " } else { "" };
        write!(
            out,
            "{critical}{encrypted}request of {} bytes",
            self.command().len()
        )
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

/// Puts a request on the wire piece by piece, so that a large one holds up nobody.
#[derive(Default)]
pub struct Encoder {
    head: Option<Bytes>,
    done: usize,
}

impl Encoder {
    /// One that puts these bytes before the request, in the clear.
    pub(crate) fn behind(head: Option<Bytes>) -> Self {
        Self { head, done: 0 }
    }

    /// Appends about the next `room` bytes of the line to `out`; true once the newline is out. It must be the same
    /// request each time.
    pub fn encode(&mut self, request: &Request, cipher: &Cipher, room: usize, out: &mut BytesMut) -> bool {
        if let Some(head) = self.head.take() {
            out.extend_from_slice(&head);
        }
        let command = request.command();
        let rest = command.get(self.done..).unwrap_or_default();
        if request.encrypted {
            if self.done == 0 {
                out.extend_from_slice(format!("enc:{}:", command.len()).as_bytes());
            }
            let room = (room / (2 * BLOCK)).max(1) * BLOCK;
            let (slice, more) = rest.split_at_checked(room).unwrap_or((rest, &[]));
            cipher.encrypt_hex(slice, out);
            self.done += slice.len();
            if !more.is_empty() {
                return false;
            }
            if self.done.is_multiple_of(BLOCK) {
                // The original always pads, a whole block if need be.
                cipher.encrypt_hex(b" ", out);
            }
        } else {
            let (slice, more) = rest.split_at_checked(room.max(1)).unwrap_or((rest, &[]));
            out.reserve(slice.len() + 1);
            out.extend_from_slice(slice);
            self.done += slice.len();
            if !more.is_empty() {
                return false;
            }
        }
        out.extend_from_slice(b"\n");
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;
    use alloc::vec;
    use alloc::vec::Vec;

    use proptest::collection;
    use proptest::prelude::*;
    use proptest::sample;

    use crate::cipher::Key;

    #[test]
    fn prefixes_are_taken_off_in_their_order_only() {
        let request = forward(b"critical:encrypt:put:x");
        assert!(request.critical && request.encrypted && request.command() == b"put:x");
        assert_eq!(forward(b"critical:critical:put:x").command(), b"critical:put:x");
        let request = forward(b"encrypt:critical:put:x");
        assert!(!request.critical && request.encrypted && request.command() == b"critical:put:x");
        assert!(forward(b"encrypt:").command().is_empty());
        assert!(forward(b"Encrypt:x").command() == b"Encrypt:x");
    }

    #[test]
    fn an_id_of_the_host_stands_before_the_command_and_critical_on_either_side_of_it() {
        for (line, critical, encrypted) in [
            (&b"sethost:a-1.b:get:x"[..], false, false),
            (b"sethost:a-1.b:encrypt:get:x", false, true),
            (b"critical:sethost:a-1.b:encrypt:get:x", true, true),
            (b"sethost:a-1.b:critical:encrypt:get:x", true, true),
            (b"sethost:a-1.b:critical:get:x", true, false),
        ] {
            let request = forward(line);
            assert_eq!(
                request.host().as_ref(),
                b"sethost:a-1.b:",
                "{}",
                line.escape_ascii()
            );
            assert_eq!((request.critical, request.encrypted), (critical, encrypted));
            assert_eq!(request.command(), b"get:x");
        }
        let request = forward(b"critical:sethost:a:critical:put:x");
        assert_eq!(request.command(), b"critical:put:x");
        assert!(forward(b"get:sethost:a:x").host().is_empty());
        assert!(asked(b"sethost:a:") == Asked::Nothing);
        for word in ["reset_retries", "sethost:a:reset_retries"] {
            assert!(asked(word.as_bytes()) == Asked::Retry);
        }
        assert!(asked(b"sethost:a:close_connection_exit") == Asked::Stop);
    }

    #[test]
    fn what_would_change_the_link_is_refused() {
        for line in [
            "init",
            "init:ssl:1",
            "ekey",
            "ekey:",
            "sethost",
            "sethost:",
            "sethost:a",
            "sethost::x",
            "encrypt:ekey",
            "encrypt:init",
            "encrypt:sethost:a:x",
            "critical:sethost:a",
            "sethost:a:sethost:b:x",
            "sethost:a:encrypt:init",
            "critical:ekey",
        ] {
            assert!(asked(line.as_bytes()) == Asked::Refused(Refusal::Link), "{line}");
        }
        for line in ["initiate", "sethosts:a", "get:ekey", "x:init"] {
            assert_eq!(forward(line.as_bytes()).command(), line.as_bytes());
        }
    }

    proptest! {
        /// However a line begins: where `encrypt` is a prefix, or may have been meant as one, nothing goes in the clear.
        #[test]
        fn nothing_that_asks_for_encryption_is_sent_in_the_clear(
            fronts in collection::vec(
                sample::select(&["critical:", "encrypt:", "sethost:a:", "sethost:", "x:", "init:", "encrypt", ":", " "][..]),
                0..6,
            ),
        ) {
            let line = fronts.concat() + "secret";
            let fields: Vec<_> = line.split(':').collect();
            let mut first = 0;
            while let Some(word @ ("critical" | "sethost")) = fields.get(first).copied() {
                first += if word == "sethost" && fields.get(first + 1) != Some(&"encrypt") { 2 } else { 1 };
            }
            let asks = (first..first + 2).any(|at| at + 1 < fields.len() && fields[at] == "encrypt");
            if let Asked::Forward(request) = asked(line.as_bytes()) {
                let mut wire = BytesMut::new();
                Encoder::behind(Some(request.host())).encode(&request, &cipher(), usize::MAX, &mut wire);
                let is_clear = wire.windows(6).any(|bytes| bytes == b"secret");
                prop_assert!(!(asks && is_clear), "{line}: {}", wire.escape_ascii());
                prop_assert_eq!(request.is_encrypted(), !is_clear);
            }
        }
    }

    #[test]
    fn encrypt_among_prefixes_that_are_too_many_is_refused() {
        for fronts in [
            "critical:",
            "critical:critical:",
            "sethost:b:",
            "sethost:b:sethost:c:sethost:d:",
        ] {
            let line = ["critical:critical:", fronts, "encrypt:secret"].concat();
            assert!(
                asked(line.as_bytes()) == Asked::Refused(Refusal::Encryption),
                "{line}"
            );
        }
        assert_eq!(forward(b"encrypt").command(), b"encrypt");
    }

    #[test]
    fn what_is_encoded_comes_in_pieces_of_the_size_that_is_asked_for() {
        let body = "0123456789".repeat(1000);
        for prefix in ["", "encrypt:"] {
            let request = forward([prefix, &body].concat().as_bytes());
            let (mut whole, mut wire) = (BytesMut::new(), BytesMut::new());
            Encoder::default().encode(&request, &cipher(), usize::MAX, &mut whole);
            let (mut encoder, mut pieces) = (Encoder::default(), vec![]);
            while !encoder.encode(&request, &cipher(), 1000, &mut wire) {
                pieces.push(wire.len() - pieces.iter().sum::<usize>());
                assert!(pieces.len() < 30, "it does not get on");
            }
            assert!(pieces.iter().all(|len| (990..1020).contains(len)), "{pieces:?}");
            assert_eq!(wire, whole);
        }
    }

    fn cipher() -> Cipher {
        Cipher::new(&Key::from_bytes([7; 16]))
    }

    #[test]
    fn empty_commands_ask_nothing_and_the_stop_word_stands_alone() {
        assert!(matches!(Asked::of(Bytes::new()), Asked::Nothing));
        assert!(matches!(
            Asked::of(Bytes::from_static(b"critical:")),
            Asked::Nothing
        ));
        assert!(matches!(
            Asked::of(Bytes::from_static(b"close_connection_exit")),
            Asked::Stop
        ));
        for line in [
            "close_connection_exit ",
            "critical:close_connection_exit",
            "critical:reset_retries",
        ] {
            forward(line.as_bytes());
        }
    }

    #[test]
    fn a_line_counts_with_all_its_prefixes_and_its_newline() {
        for line in [&b"critical:sethost:a:encrypt:put:x"[..], b"put:x"] {
            assert_eq!(forward(line).line_len(), line.len() + 1);
        }
    }

    #[test]
    fn no_rendering_shows_a_body() {
        let request = forward(b"critical:encrypt:auth:secret");
        assert_eq!(request.to_string(), "critical encrypted request of 11 bytes");
        assert_eq!(std::format!("{request:?}"), request.to_string());
        assert_eq!(request.no_reply(), answer::CON_FAILED);
    }

    fn asked(line: &[u8]) -> Asked {
        Asked::of(Bytes::copy_from_slice(line))
    }

    fn forward(line: &[u8]) -> Request {
        match asked(line) {
            Asked::Forward(request) => request,
            Asked::Nothing | Asked::Stop | Asked::Retry | Asked::Refused(_) => {
                panic!("{} is to be forwarded", line.escape_ascii())
            }
        }
    }
}
