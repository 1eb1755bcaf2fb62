//! A lond's end of one connection: the opening dialogue, and requests one after the other.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use lonc_proto::buffer::Buffer;
use lonc_proto::cipher::{Cipher, Key};

use crate::time::Micros;

/// What is said of a command that came whole.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// In clear.
    pub(crate) command: Vec<u8>,
    pub(crate) encrypted: bool,
    /// By another id than lond's first.
    pub(crate) as_other: bool,
    /// When lonc wrote its first byte.
    pub(crate) written_at: Micros,
    /// Bytes on the wire.
    pub(crate) length: usize,
}

/// A line to be said.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) words: Vec<u8>,
    pub(crate) encrypted: bool,
}

impl Reply {
    pub(crate) fn plain(words: impl Into<Vec<u8>>) -> Self {
        Self {
            words: words.into(),
            encrypted: false,
        }
    }
}

#[derive(Default)]
pub(crate) struct End {
    /// Tells this connection from all others.
    serial: usize,
    /// Its id, and the caller's.
    ids: (String, String),
    /// Steps of the opening that were answered.
    steps: usize,
    /// The id it goes by is another one.
    as_other: bool,
    cipher: Option<Cipher>,
    partial: Vec<u8>,
    /// When the first byte of the line that is not complete was written.
    partial_since: Micros,
    /// Commands that came whole and are not done; it is at the first.
    pub(crate) waiting: VecDeque<Asked>,
    /// It is at the first.
    pub(crate) is_busy: bool,
}

/// Steps of the opening.
const STEPS: usize = 5;

impl End {
    pub(crate) fn new(serial: usize, own: &str, caller: &str) -> Self {
        Self {
            serial,
            ids: (own.to_owned(), caller.to_owned()),
            ..Self::default()
        }
    }

    /// Takes bytes that were written at this time; the answers to steps of the opening.
    pub(crate) fn take(&mut self, bytes: &[u8], written_at: Micros) -> Vec<Reply> {
        let mut replies = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            if self.partial.is_empty() {
                self.partial_since = written_at;
            }
            self.partial.extend_from_slice(piece);
            if self.partial.pop_if(|last| *last == b'\n').is_some() {
                let line = std::mem::take(&mut self.partial);
                if self.steps < STEPS {
                    replies.push(self.step(&line));
                } else {
                    self.command(&line);
                }
            }
        }
        replies
    }

    fn step(&mut self, line: &[u8]) -> Reply {
        let serial = self.serial;
        let (own, caller) = &self.ids;
        let challenge = format!("challenge {serial}");
        let (expected, answer) = match self.steps {
            0 => ("init".to_owned(), challenge),
            1 => (challenge, "ok".to_owned()),
            2 => (format!("sethost:{own}"), "ok".to_owned()),
            3 => ("version:1.0".to_owned(), "version:2.11".to_owned()),
            _ => ("ekey".to_owned(), format!("{serial:x}KEY")),
        };
        assert_eq!(
            line,
            expected.as_bytes(),
            "step {} of the opening: {}",
            self.steps,
            line.escape_ascii()
        );
        self.steps += 1;
        if self.steps == STEPS {
            let key = Key::derive(own.as_bytes(), caller.as_bytes(), answer.as_bytes());
            self.cipher = Some(Cipher::new(&key));
        }
        Reply::plain(answer)
    }

    fn command(&mut self, mut line: &[u8]) {
        let length = line.len() + 1;
        if let Some(rest) = line.strip_prefix(b"sethost:") {
            let end = rest.iter().position(|byte| *byte == b':').expect("a command");
            let (host, command) = rest.split_at(end);
            self.as_other = host != self.ids.0.as_bytes();
            line = &command[1..];
        }
        let (command, encrypted) = match line.strip_prefix(b"enc:") {
            Some(rest) => (self.decrypted(rest), true),
            None => (line.to_vec(), false),
        };
        self.waiting.push_back(Asked {
            command,
            encrypted,
            as_other: self.as_other,
            written_at: self.partial_since,
            length,
        });
    }

    fn decrypted(&self, rest: &[u8]) -> Vec<u8> {
        let colon = rest.iter().position(|byte| *byte == b':').expect("a length");
        let length = std::str::from_utf8(&rest[..colon]).unwrap().parse().unwrap();
        let mut plain = Buffer::default();
        let cipher = self.cipher.as_ref().expect("a key");
        assert!(cipher.decrypt_hex(&rest[colon + 1..], &mut plain), "hex");
        assert!(plain.len() >= length, "cut off");
        plain.resize(length);
        plain.to_vec()
    }

    /// The reply on the wire.
    pub(crate) fn line(&self, reply: &Reply) -> Bytes {
        let mut line = BytesMut::new();
        if let Some(cipher) = self.cipher.as_ref().filter(|_| reply.encrypted) {
            line.extend_from_slice(format!("enc:{}:", reply.words.len()).as_bytes());
            cipher.encrypt_hex(&reply.words, &mut line);
        } else {
            line.extend_from_slice(&reply.words);
        }
        line.extend_from_slice(b"\n");
        line.freeze()
    }
}
