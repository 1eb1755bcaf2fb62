//! What a client's line asks for, and how it goes on the wire.

use alloc::format;
use bytes::{Buf as _, Bytes, BytesMut};
use core::fmt;

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
const ENCRYPT: &[u8] = b"encrypt:";
const STOP: &[u8] = b"close_connection_exit";

/// What a client's line asks for.
#[derive(Clone, PartialEq, Eq)]
pub enum Asked {
    /// Nothing: the command is empty.
    Nothing,
    /// To stop this instance.
    Stop,
    /// To carry a command to the peer.
    Forward(Request),
}

impl Asked {
    /// Reads a line, given without its newline.
    #[must_use]
    pub fn of(line: Bytes) -> Self {
        if line.as_ref() == STOP {
            return Self::Stop;
        }
        let wire_len = line.len() + 1;
        let (critical, rest) = without_prefix(line, CRITICAL);
        if rest.is_empty() {
            return Self::Nothing;
        }
        let (encrypted, command) = without_prefix(rest, ENCRYPT);
        Self::Forward(Request {
            command,
            critical,
            encrypted,
            line_len: wire_len,
            arrived: Instant::default(),
        })
    }
}

fn without_prefix(mut line: Bytes, prefix: &[u8]) -> (bool, Bytes) {
    let found = line.starts_with(prefix);
    if found {
        line.advance(prefix.len());
    }
    (found, line)
}

/// A command on its way to the peer. `Debug` and `Display` never show its body.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    command: Bytes,
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
            command: Bytes::from_static(b"ping"),
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
        &self.command
    }

    /// Bytes the line took from its client, with the newline.
    #[must_use]
    pub fn line_len(&self) -> usize {
        self.line_len
    }

    /// Gives the command's memory back; it cannot be sent after that.
    pub(crate) fn forget_body(&mut self) {
        self.command = Bytes::new();
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
            self.command.len()
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
    done: usize,
}

impl Encoder {
    /// Appends about the next `room` bytes of the line to `out`; true once the newline is out. It must be the same
    /// request each time.
    pub fn encode(&mut self, request: &Request, cipher: &Cipher, room: usize, out: &mut BytesMut) -> bool {
        let command = &request.command;
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

    #[test]
    fn prefixes_are_taken_off_in_their_order_only() {
        let request = forward(b"critical:encrypt:put:x");
        assert!(request.critical && request.encrypted && request.command.as_ref() == b"put:x");
        let request = forward(b"encrypt:critical:put:x");
        assert!(!request.critical && request.encrypted && request.command.as_ref() == b"critical:put:x");
        assert!(forward(b"encrypt:").command.is_empty());
        assert!(forward(b"Encrypt:x").command.as_ref() == b"Encrypt:x");
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
        forward(b"close_connection_exit ");
    }

    #[test]
    fn no_rendering_shows_a_body() {
        let request = forward(b"critical:encrypt:auth:secret");
        assert_eq!(request.to_string(), "critical encrypted request of 11 bytes");
        assert_eq!(std::format!("{request:?}"), request.to_string());
        assert_eq!(request.no_reply(), answer::CON_FAILED);
    }

    fn forward(line: &'static [u8]) -> Request {
        match Asked::of(Bytes::from_static(line)) {
            Asked::Forward(request) => request,
            Asked::Nothing | Asked::Stop => panic!("{} is to be forwarded", line.escape_ascii()),
        }
    }
}
