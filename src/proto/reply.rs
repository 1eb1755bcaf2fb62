//! Where lond's replies end, which of them are encrypted, and which are malformed.

use bytes::{Buf as _, BytesMut};
use core::fmt;
use memchr::memchr;

use crate::buffer::Buffer;
use crate::cipher::{BLOCK, Cipher};

const ENCRYPTED: &[u8] = b"enc:";
/// Most digits that a length is written with.
const LENGTH_DIGITS: usize = 20;
/// Hex digits of one block.
const DIGITS: usize = 2 * BLOCK;

/// An encrypted reply that cannot be given to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Something that is no hex digit.
    #[error("not hexadecimal")]
    NotHex,
    /// The digits do not make whole cipher blocks.
    #[error("not whole cipher blocks")]
    NotWholeBlocks,
    /// More is announced than the blocks hold.
    #[error("announces more than it holds")]
    TooShort,
    /// The plain text would be two lines to the client.
    #[error("a newline within the plain text")]
    Newline,
}

/// A reply line grew over the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reply longer than the limit")]
pub struct TooLong;

/// One complete reply; bodies are without the newline.
#[derive(PartialEq, Eq)]
pub enum Reply {
    /// It came in the clear: the first bytes of the input, this many. They are still in the input.
    Plain(usize),
    /// It came encrypted. Its bytes have left the input.
    Decrypted(Buffer),
    /// It came encrypted and cannot be used. Its bytes have left the input.
    Malformed(Malformed),
}

impl Reply {
    /// True for an empty line; one that is malformed is none.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Plain(len) => *len == 0,
            Self::Decrypted(body) => body.is_empty(),
            Self::Malformed(_) => false,
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(len) => write!(out, "a plain reply of {len} bytes"),
            Self::Decrypted(body) => write!(out, "an encrypted reply of {} bytes", body.len()),
            Self::Malformed(why) => write!(out, "a malformed reply: {why}"),
        }
    }
}

/// Finds replies in the bytes of a link, decrypting as they come in.
#[derive(Default)]
pub struct ReplyReader {
    line: Line,
    /// Wire bytes of the present line that have left the input.
    gone: usize,
}

#[derive(Default)]
enum Line {
    /// Nothing certain yet.
    #[default]
    Start,
    /// A plain line; so many of its bytes hold no newline.
    Plain { searched: usize },
    /// An encrypted line after its header.
    Encrypted {
        len: usize,
        plain: Buffer,
        /// Where the plain text has its first newline.
        newline: Option<usize>,
        fault: Option<Malformed>,
    },
}

impl ReplyReader {
    /// The next complete reply at the front of `input`; `None`: more bytes are needed.
    ///
    /// A line may take up to `longest` bytes on the wire. A plain reply stays in the input, and the caller
    /// takes it and its newline off before the next call.
    pub fn read(
        &mut self,
        input: &mut BytesMut,
        cipher: &Cipher,
        longest: usize,
    ) -> Result<Option<Reply>, TooLong> {
        let reply = self.step(input, cipher);
        let length = match &reply {
            Some(Reply::Plain(length)) => self.gone + length,
            Some(Reply::Decrypted(_) | Reply::Malformed(_)) => self.gone,
            None => self.gone + input.len(),
        };
        if length > longest {
            return Err(TooLong);
        }
        if reply.is_some() {
            *self = Self::default();
        }
        Ok(reply)
    }

    /// Nobody wants the reply that has begun: what has come of it, which is all of `input`, is dropped. Its end is found as
    /// that of a plain one.
    pub fn drop_begun(&mut self, input: &mut BytesMut) {
        self.gone += input.len();
        input.clear();
        self.line = Line::Plain { searched: 0 };
    }

    /// Bytes of the reply that has begun that are kept outside the input.
    #[must_use]
    pub fn decrypted(&self) -> usize {
        match &self.line {
            Line::Start | Line::Plain { .. } => 0,
            Line::Encrypted { plain, .. } => plain.len(),
        }
    }

    fn step(&mut self, input: &mut BytesMut, cipher: &Cipher) -> Option<Reply> {
        if matches!(self.line, Line::Start) {
            match header(input) {
                Header::Plain => self.line = Line::Plain { searched: 0 },
                Header::Incomplete => return None,
                Header::Encrypted { len, at } => {
                    input.advance(at);
                    self.gone = at;
                    self.line = Line::Encrypted {
                        len,
                        plain: Buffer::secret(),
                        newline: None,
                        fault: None,
                    };
                }
            }
        }
        match &mut self.line {
            Line::Start => None,
            Line::Plain { searched } => {
                let found = memchr(b'\n', input.get(*searched..).unwrap_or_default());
                let end = found.map(|at| Reply::Plain(*searched + at));
                *searched = input.len();
                end
            }
            Line::Encrypted {
                len,
                plain,
                newline,
                fault,
            } => {
                let end = memchr(b'\n', input);
                let hex = end.unwrap_or(input.len() - input.len() % DIGITS);
                let blocks = input.split_to(hex);
                self.gone += hex;
                let before = plain.len();
                decrypt(cipher, &blocks, plain, fault);
                // Looked for piece by piece: over all of a large reply it would take milliseconds at its end.
                let fresh = plain.get(before..).unwrap_or_default();
                *newline = newline.or_else(|| memchr(b'\n', fresh).map(|at| before + at));
                end?;
                input.advance(1);
                Some(finish(*len, core::mem::take(plain), *newline, *fault))
            }
        }
    }
}

fn decrypt(cipher: &Cipher, hex: &[u8], plain: &mut Buffer, fault: &mut Option<Malformed>) {
    if fault.is_some() {
        return;
    }
    if !hex.len().is_multiple_of(DIGITS) {
        *fault = Some(Malformed::NotWholeBlocks);
    } else if !cipher.decrypt_hex(hex, plain) {
        *fault = Some(Malformed::NotHex);
    }
}

/// The whole reply. One newline at the end of the plain text is dropped, and there may be none before.
fn finish(len: usize, mut plain: Buffer, newline: Option<usize>, fault: Option<Malformed>) -> Reply {
    if let Some(fault) = fault {
        return Reply::Malformed(fault);
    }
    if plain.len() < len {
        return Reply::Malformed(Malformed::TooShort);
    }
    let end = newline.map_or(len, |at| at.min(len));
    if end + 1 < len {
        return Reply::Malformed(Malformed::Newline);
    }
    plain.resize(end);
    Reply::Decrypted(plain)
}

enum Header {
    Plain,
    Incomplete,
    /// So many plain bytes are announced; the hex begins here.
    Encrypted {
        len: usize,
        at: usize,
    },
}

/// Only `enc:`, digits, `:` begins an encrypted reply; anything else is the peer's plain word.
fn header(input: &[u8]) -> Header {
    let Some(rest) = input.strip_prefix(ENCRYPTED) else {
        return if ENCRYPTED.starts_with(input) {
            Header::Incomplete
        } else {
            Header::Plain
        };
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match rest.get(digits) {
        // Nobody announces so much; and not to go over endless digits again and again.
        _ if digits > LENGTH_DIGITS => Header::Plain,
        None => Header::Incomplete,
        Some(b':') if digits > 0 => {
            let len = rest.iter().take(digits).fold(0usize, |sum, digit| {
                sum.saturating_mul(10).saturating_add(usize::from(digit - b'0'))
            });
            Header::Encrypted {
                len,
                at: ENCRYPTED.len() + digits + 1,
            }
        }
        Some(_) => Header::Plain,
    }
}

#[cfg(test)]
mod tests;
