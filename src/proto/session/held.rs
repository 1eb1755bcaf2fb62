//! Answers that wait for a critical request before them to be stored.

use alloc::collections::VecDeque;

use super::ids::Ticket;
use crate::buffer::Buffer;

/// In order; the first is a request that is being stored.
#[derive(Default)]
pub(super) struct HeldAnswers {
    queue: VecDeque<Held>,
    /// Bytes of the answers.
    bytes: usize,
}

/// One of them, and the bytes of the request's line.
enum Held {
    /// The place of a request that is being stored.
    Storing {
        ticket: Ticket,
        line_len: usize,
    },
    Answer {
        words: Buffer,
        line_len: usize,
    },
}

impl HeldAnswers {
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes of the answers.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn push_storing(&mut self, ticket: Ticket, line_len: usize) {
        self.queue.push_back(Held::Storing { ticket, line_len });
    }

    pub(super) fn push_answer(&mut self, words: Buffer, line_len: usize) {
        self.bytes += words.len();
        self.queue.push_back(Held::Answer { words, line_len });
    }

    /// The request of this ticket has its answer; false if there is none.
    pub(super) fn answer(&mut self, stored: Ticket, words: &'static [u8]) -> bool {
        let is_it = |held: &&mut Held| matches!(held, Held::Storing { ticket, .. } if *ticket == stored);
        let Some(held) = self.queue.iter_mut().find(is_it) else {
            return false;
        };
        let (Held::Storing { line_len, .. } | Held::Answer { line_len, .. }) = *held;
        let words = Buffer::copy_of(words);
        self.bytes += words.len();
        *held = Held::Answer { words, line_len };
        true
    }

    /// The first, if it waits no longer.
    pub(super) fn pop_ready(&mut self) -> Option<(Buffer, usize)> {
        match self.queue.pop_front()? {
            Held::Answer { words, line_len } => {
                self.bytes -= words.len();
                Some((words, line_len))
            }
            storing @ Held::Storing { .. } => {
                self.queue.push_front(storing);
                None
            }
        }
    }

    /// Nobody takes them any more.
    pub(super) fn drop_answers(&mut self) {
        self.queue.retain(|held| matches!(held, Held::Storing { .. }));
        self.bytes = 0;
    }
}
