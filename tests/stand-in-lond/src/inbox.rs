//! From bytes to lines.

use std::collections::VecDeque;

use crate::cipher::LinkKey;
use crate::journal::{Journal, Received, behind_host};

/// A line waiting for its answer.
pub(crate) struct Line {
    pub(crate) received: Received,
    /// How often the test had called `release` when the line came in.
    pub(crate) releases: u64,
}

/// The lines read and not yet handled, and the piece of a line behind them.
pub(crate) struct Inbox {
    connection: usize,
    partial: Vec<u8>,
    lines: VecDeque<Line>,
}

impl Inbox {
    pub(crate) fn new(connection: usize) -> Self {
        Self {
            connection,
            partial: Vec::new(),
            lines: VecDeque::new(),
        }
    }

    /// Lines are recorded when they are read, not when they are handled: a test sees what is queued behind a slow
    /// request.
    pub(crate) fn push(&mut self, mut bytes: &[u8], key: Option<&LinkKey>, releases: u64, journal: &Journal) {
        let known = self.lines.len();
        while let Some(at) = bytes.iter().position(|byte| *byte == b'\n') {
            let (head, tail) = bytes.split_at(at);
            self.partial.extend_from_slice(head);
            let raw = std::mem::take(&mut self.partial);
            let decrypted = key.and_then(|key| key.decrypt(behind_host(&raw)));
            let received = Received {
                connection: self.connection,
                raw,
                decrypted,
                complete: true,
            };
            self.lines.push_back(Line { received, releases });
            bytes = tail.strip_prefix(b"\n").unwrap_or_default();
        }
        self.partial.extend_from_slice(bytes);
        journal.record(self.lines.iter().skip(known).map(|line| &line.received));
    }

    pub(crate) fn pop(&mut self) -> Option<Line> {
        self.lines.pop_front()
    }

    /// The link has ended: what is left is not a line.
    pub(crate) fn end(&mut self, journal: &Journal) {
        let raw = std::mem::take(&mut self.partial);
        if !raw.is_empty() {
            let part = Received {
                connection: self.connection,
                raw,
                decrypted: None,
                complete: false,
            };
            journal.record(std::iter::once(&part));
        }
    }
}
