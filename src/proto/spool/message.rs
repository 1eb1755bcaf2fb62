//! What is in a message's file: one command in one line.

use bytes::Bytes;
use core::fmt;

use super::disk::Fault;
use crate::buffer::Buffer;
use crate::request::{Asked, Refusal, Request};

/// A message that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// It may still be being written.
    #[error("its last line has no newline yet")]
    Unfinished,
    /// There is none.
    #[error("it is gone")]
    Gone,
    /// The system does not let us.
    #[error("cannot be read: {0}")]
    Unreadable(Fault),
    /// A link, a directory, a FIFO.
    #[error("is no regular file")]
    NotAFile,
    /// Not one command in one line.
    #[error("does not hold one command in one line")]
    Damaged,
    /// What no worker may ask either.
    #[error("is not sent: {0}")]
    Refused(Refusal),
    /// More than a request may have.
    #[error("is larger than client.max_request_bytes")]
    TooLarge,
}

/// The content of a message's file. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Content(Bytes);

impl Content {
    /// What asks for `request` when it is parsed.
    pub(super) fn of(request: &Request) -> Self {
        const CRITICAL: &[u8] = b"critical:";
        let encrypt: &[u8] = if request.is_encrypted() { b"encrypt:" } else { b"" };
        let mut line = if request.is_encrypted() {
            Buffer::secret()
        } else {
            Buffer::default()
        };
        let parts = [CRITICAL, &request.host(), encrypt, request.command(), b"\n"];
        line.space(parts.iter().map(|part| part.len()).sum());
        for part in parts {
            line.extend_from_slice(part);
        }
        let long = line.freeze();
        let short = long.slice(CRITICAL.len()..);
        // A command that reads like a prefix or a word for lonc needs its own prefix before it again.
        let line = short.slice(..short.len().saturating_sub(1));
        let is_plain = matches!(Asked::of(line), Asked::Forward(read) if !read.is_critical());
        Self(if is_plain { short } else { long })
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} bytes", self.0.len())
    }
}

/// How much of a file is read, in bytes: by the last of them one shows that is too large.
#[must_use]
pub const fn most_read(max_request_bytes: usize) -> usize {
    max_request_bytes.saturating_add(2)
}

/// The request in a file of which [`most_read`] was read.
pub fn parse(mut content: Bytes, max_request_bytes: usize) -> Result<Request, Unsendable> {
    if content.len() >= most_read(max_request_bytes) {
        return Err(Unsendable::TooLarge);
    }
    let newline = memchr::memchr(b'\n', &content).ok_or(Unsendable::Unfinished)?;
    if newline + 1 != content.len() {
        return Err(Unsendable::Damaged);
    }
    content.truncate(newline);
    match Asked::of(content) {
        Asked::Forward(request) => Ok(request),
        Asked::Refused(why) => Err(Unsendable::Refused(why)),
        Asked::Nothing | Asked::Stop | Asked::Retry => Err(Unsendable::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However its command begins.
        #[test]
        fn what_is_stored_is_read_again(
            fronts in proptest::collection::vec(
                prop_oneof![Just("critical:"), Just("encrypt:"), Just("close_connection_exit"),
                    Just("reset_retries"), Just("sethost:a:"), Just("x"), Just(":")],
                1..5,
            ),
        ) {
            let line = Bytes::from(["critical:", &fronts.concat()].concat());
            if let Asked::Forward(request) = Asked::of(line) {
                let read = parse(Bytes::from(Content::of(&request).as_bytes().to_vec()), 100);
                prop_assert!(read.as_ref().is_ok_and(|read| {
                    read.command() == request.command()
                        && read.is_encrypted() == request.is_encrypted()
                        && read.host() == request.host()
                }), "{read:?}");
            }
        }
    }

    #[test]
    fn one_whole_line_is_a_message() {
        let parse =
            |content: &[u8]| parse(Bytes::from(content.to_vec()), 8).map(|read| read.command().to_vec());
        let largest: Vec<u8> = b"12345678".to_vec();
        assert_eq!(parse(b"12345678\n"), Ok(largest));
        assert_eq!(parse(b"123456789\n"), Err(Unsendable::TooLarge));
        assert_eq!(parse(b"1234567890"), Err(Unsendable::TooLarge));
        assert_eq!(parse(b"123456789"), Err(Unsendable::Unfinished));
        assert_eq!(parse(b""), Err(Unsendable::Unfinished));
        for damaged in [&b"\n"[..], b"a\nb\n", b"a\nb", b"a\n\n", b"critical\n\n"] {
            assert!(
                matches!(parse(damaged), Err(Unsendable::Damaged | Unsendable::TooLarge)),
                "{damaged:?}"
            );
        }
    }
}
