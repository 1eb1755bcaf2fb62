//! The far end of one connection: a lond that sees exactly the bytes written to it.

use std::collections::VecDeque;
use std::format;
use std::prelude::v1::*;

use bytes::BytesMut;

use crate::buffer::Buffer;
use crate::cipher::{Cipher, Key};

pub(in crate::session) const PEER: &str = "msul1";
pub(in crate::session) const OWN: &str = "msul2";
/// Another id of the peer.
pub(in crate::session) const OTHER: &str = "msul1b";

/// How lond puts a reply on the wire.
#[derive(Clone, Copy, Debug)]
pub(in crate::session) enum Style {
    Plain,
    Encrypted,
    /// An encrypted reply that nobody can use.
    Malformed(Fault),
}

#[derive(Clone, Copy, Debug)]
pub(in crate::session) enum Fault {
    NotHex,
    NotWholeBlocks,
    TooShort,
    Newline,
}

pub(in crate::session) struct Lond {
    /// Tells this connection from all others.
    pub(in crate::session) serial: u64,
    /// Of the line that is not complete yet.
    pub(in crate::session) partial: Vec<u8>,
    /// It is asked for `pong`.
    pub(in crate::session) pong: bool,
    /// It does not take an id and a command in one line.
    pub(in crate::session) is_old: bool,
    /// The id it goes by.
    host: String,
    /// Lines of the handshake that came, and the question who is there.
    pub(in crate::session) steps: usize,
    cipher: Option<Cipher>,
    /// Commands that came whole and are not answered, decrypted.
    pub(in crate::session) waiting: VecDeque<Vec<u8>>,
    /// Every command that came whole.
    pub(in crate::session) seen: Vec<Vec<u8>>,
    /// By which id it was carried out.
    pub(in crate::session) seen_by: Vec<String>,
    /// Bytes on their way to lonc.
    pub(in crate::session) outbox: BytesMut,
}

/// The id that a line, or the front of one, has lond go by, and what is behind that.
fn host_of(line: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let Some(rest) = line.strip_prefix(b"sethost:") else {
        return (None, line);
    };
    let end = rest.iter().position(|byte| *byte == b':').unwrap_or(rest.len());
    (Some(&rest[..end]), rest.get(end + 1..).unwrap_or_default())
}

/// True for a line that has lond go by another id, and asks for nothing else.
pub(in crate::session) fn is_change(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    matches!(host_of(line), (Some(_), b""))
}

impl Lond {
    /// Replies among the first `lines` lines that it said, but those of the handshake and to a change of its id.
    pub(in crate::session) fn num_replies(&self, lines: usize) -> usize {
        let replies = lines.saturating_sub(self.num_steps());
        // The first is to the question who is there.
        let seen = self.seen.iter().take(replies.saturating_sub(1));
        replies - seen.filter(|command| is_change(command)).count()
    }

    pub(in crate::session) fn new(serial: u64) -> Self {
        Self {
            serial,
            pong: false,
            is_old: false,
            host: PEER.into(),
            partial: Vec::new(),
            steps: 0,
            cipher: None,
            waiting: VecDeque::new(),
            seen: Vec::new(),
            seen_by: Vec::new(),
            outbox: BytesMut::new(),
        }
    }

    /// What lonc says in each step, and what is answered to it.
    pub(in crate::session) fn step(&self, step: usize) -> (String, String) {
        let serial = self.serial;
        match step {
            0 => ("init".into(), format!("challenge {serial}")),
            1 => (format!("challenge {serial}"), "ok".into()),
            2 => (format!("sethost:{PEER}"), "ok".into()),
            3 if self.is_old => ("version:1.0".into(), "version:$Revision: 1.321 $".into()),
            3 => ("version:1.0".into(), "version:2.11".into()),
            4 if self.pong => ("pong".into(), format!("{PEER}:con_lost")),
            _ if step + 1 == self.num_steps() => ("ekey".into(), format!("{serial:x}BUILDKEY")),
            _ => ("ping".into(), PEER.into()),
        }
    }

    /// Steps of the handshake; after it comes the question who is there.
    pub(in crate::session) fn num_steps(&self) -> usize {
        5 + usize::from(self.pong)
    }

    pub(in crate::session) fn is_open(&self) -> bool {
        self.cipher.is_some()
    }

    /// Takes what was written to it, and answers the handshake.
    pub(in crate::session) fn take(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(piece);
            if self.partial.pop_if(|last| *last == b'\n').is_some() {
                let line = std::mem::take(&mut self.partial);
                self.line(&line);
            }
        }
    }

    fn line(&mut self, line: &[u8]) {
        if self.steps <= self.num_steps() {
            let (said, answer) = self.step(self.steps);
            assert_eq!(line, said.as_bytes(), "step {}", self.steps);
            self.steps += 1;
            if self.steps == self.num_steps() {
                let key = Key::derive(PEER.as_bytes(), OWN.as_bytes(), answer.as_bytes());
                self.cipher = Some(Cipher::new(&key));
            }
            self.say(answer.as_bytes());
        } else {
            let (host, command) = host_of(line);
            if let Some(host) = host {
                assert_eq!(self.is_old, command.is_empty(), "{}", line.escape_ascii());
                self.host = str::from_utf8(host).unwrap().into();
            }
            let command = if is_change(line) {
                line.to_vec()
            } else {
                self.plain(command)
            };
            self.seen_by.push(self.host.clone());
            self.seen.push(command.clone());
            self.waiting.push_back(command);
        }
    }

    /// The command in a line, or in the front of one.
    pub(in crate::session) fn plain(&self, line: &[u8]) -> Vec<u8> {
        let (_, line) = host_of(line);
        let Some(rest) = line.strip_prefix(b"enc:") else {
            return line.to_vec();
        };
        let colon = rest.iter().position(|byte| *byte == b':').expect("a length");
        let (length, hex) = (&rest[..colon], &rest[colon + 1..]);
        let whole = &hex[..hex.len() - hex.len() % 16];
        let mut plain = Buffer::default();
        let cipher = self.cipher.as_ref().expect("nothing encrypted before the key");
        assert!(cipher.decrypt_hex(whole, &mut plain), "hex");
        plain.resize(std::str::from_utf8(length).unwrap().parse().unwrap());
        plain.to_vec()
    }

    pub(in crate::session) fn say(&mut self, line: &[u8]) {
        self.outbox.extend_from_slice(line);
        self.outbox.extend_from_slice(b"\n");
    }

    /// Puts `words` on the wire as the answer to the oldest command, which is given back.
    pub(in crate::session) fn answer(&mut self, words: &[u8], style: Style) -> Vec<u8> {
        let command = self.waiting.pop_front().expect("a command");
        match style {
            Style::Plain => self.say(words),
            Style::Encrypted => self.say_encrypted(words, words.len()),
            Style::Malformed(Fault::NotHex) => self.say(b"enc:4:0123456789abcdeg"),
            Style::Malformed(Fault::NotWholeBlocks) => self.say(b"enc:4:0123456789abcde"),
            Style::Malformed(Fault::TooShort) => self.say_encrypted(words, 10_000),
            Style::Malformed(Fault::Newline) => self.say_encrypted(b"two\nlines", 9),
        }
        command
    }

    fn say_encrypted(&mut self, words: &[u8], length: usize) {
        let cipher = self.cipher.as_ref().expect("a key");
        let mut line = BytesMut::from(format!("enc:{length}:").as_bytes());
        cipher.encrypt_hex(words, &mut line);
        self.say(&line);
    }
}
