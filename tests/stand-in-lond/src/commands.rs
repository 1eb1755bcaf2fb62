//! The commands a test may send.

use std::time::Duration;

use crate::cipher::{decimal, from_hex};

/// The longest reply `big` and `encbig` make, in bytes.
const MOST: usize = 1 << 30;

pub(crate) enum Command<'a> {
    /// To be answered with this, encrypted even when asked plain if so marked.
    Reply { text: Vec<u8>, encrypted: bool },
    /// To be answered with lond's id.
    Ping,
    /// To be answered with the numbers of links.
    Counts,
    /// Nothing is to be read or answered from now on, on this link or on all.
    Silence { on_all: bool },
    /// To be answered with this after a time.
    Sleep(Duration, &'a [u8]),
    /// To be answered with this when the test says so.
    Hold(&'a [u8]),
    /// The link is to be closed.
    Die,
}

impl<'a> Command<'a> {
    pub(crate) fn parse(line: &'a [u8]) -> Self {
        Self::known(line).unwrap_or_else(|| Self::plain(b"unknown_cmd"))
    }

    fn known(line: &'a [u8]) -> Option<Self> {
        match line {
            b"ping" => return Some(Self::Ping),
            b"counts" => return Some(Self::Counts),
            b"silence" => return Some(Self::Silence { on_all: false }),
            b"silence-all" => return Some(Self::Silence { on_all: true }),
            b"die" => return Some(Self::Die),
            _ => {}
        }
        let (name, rest) = line.split_at(line.iter().position(|byte| *byte == b':')?);
        let rest = rest.strip_prefix(b":")?;
        Some(match name {
            b"echo" => Self::plain(rest),
            b"encecho" => Self::Reply {
                text: rest.to_vec(),
                encrypted: true,
            },
            b"big" => Self::Reply {
                text: big(rest)?,
                encrypted: false,
            },
            b"encbig" => Self::Reply {
                text: big(rest)?,
                encrypted: true,
            },
            b"hex" => Self::Reply {
                text: from_hex(rest)?,
                encrypted: false,
            },
            b"len" => Self::plain(line.len().to_string().as_bytes()),
            b"hold" => Self::Hold(rest),
            b"sleep" => {
                let (millis, text) = rest.split_at(rest.iter().position(|byte| *byte == b':')?);
                Self::Sleep(Duration::from_millis(decimal(millis)?), text.strip_prefix(b":")?)
            }
            _ => return None,
        })
    }

    fn plain(text: &[u8]) -> Self {
        Self::Reply {
            text: text.to_vec(),
            encrypted: false,
        }
    }
}

fn big(digits: &[u8]) -> Option<Vec<u8>> {
    decimal(digits)
        .filter(|size| *size <= MOST)
        .map(|size| vec![b'x'; size])
}
