//! Where records wait for the thread that writes them. Whoever leaves one never waits: what finds no room is lost, and
//! counted, and the number stands where they would have stood.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing::Level;

use super::record::Record;
use super::repeats::Repeats;

/// Records that wait.
const MAX_WAITING: usize = 1024;
/// Bytes of them.
const MAX_BYTES: usize = 1024 * 1024;
/// So much more is there for what is critical, which is told last of all.
const RESERVE: usize = 64;
/// The same, in bytes.
const RESERVE_BYTES: usize = 128 * 1024;

/// The queue, for both its ends.
#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Item>,
    bytes: usize,
    /// Lost since the last that found room.
    lost: usize,
    /// Lost since the start.
    all_lost: u64,
    repeats: Repeats,
    /// The writer has one in hand.
    is_writing: bool,
    /// What is counted is told now, for the end is near.
    is_ending: bool,
}

/// What the writer gets.
pub(super) enum Item {
    Record(Record),
    /// A number of those that were counted, which nobody else was given.
    Summary(Record),
    /// So many are missing here.
    Lost(usize),
}

impl State {
    fn has_room(&self, record: &Record) -> bool {
        let (records, bytes) = if record.level() == Level::ERROR {
            (MAX_WAITING + RESERVE, MAX_BYTES + RESERVE_BYTES)
        } else {
            (MAX_WAITING, MAX_BYTES)
        };
        self.waiting.len() < records && self.bytes + record.size() <= bytes
    }

    fn put(&mut self, record: Record) {
        if !self.has_room(&record) {
            self.lost += 1;
            self.all_lost += 1;
            return;
        }
        if self.lost > 0 {
            let lost = std::mem::take(&mut self.lost);
            self.waiting.push_back(Item::Lost(lost));
        }
        self.bytes += record.size();
        self.waiting.push_back(Item::Record(record));
    }

    fn take(&mut self, now: Instant) -> Option<Item> {
        if let Some(item) = self.waiting.pop_front() {
            if let Item::Record(record) = &item {
                self.bytes = self.bytes.saturating_sub(record.size());
            }
            return Some(item);
        }
        if self.lost > 0 {
            return Some(Item::Lost(std::mem::take(&mut self.lost)));
        }
        self.repeats.due(now, self.is_ending).map(Item::Summary)
    }

    fn is_at_rest(&self) -> bool {
        let counts = self.is_ending && self.repeats.deadline().is_some();
        self.waiting.is_empty() && self.lost == 0 && !self.is_writing && !counts
    }
}

impl Queue {
    /// Leaves a record, if it is not one of many that say the same; true if it is to be told elsewhere as well.
    pub(super) fn leave(&self, record: Record, elsewhere: impl FnOnce(&Record)) {
        let mut state = self.state();
        let quiet = state.repeats.deadline();
        match state.repeats.sift(record, Instant::now()) {
            Some(record) => {
                elsewhere(&record);
                state.put(record);
            }
            // The writer waits for that deadline already.
            None if quiet.is_some() => return,
            None => {}
        }
        drop(state);
        self.changed.notify_all();
    }

    /// What to write next; waits for it.
    pub(super) fn next(&self) -> Item {
        let mut state = self.state();
        state.is_writing = false;
        loop {
            let now = Instant::now();
            if let Some(item) = state.take(now) {
                state.is_writing = true;
                return item;
            }
            // Who waits for the end of all that is to be written.
            self.changed.notify_all();
            let pause = state
                .repeats
                .deadline()
                .map(|at| at.saturating_duration_since(now));
            state = match pause {
                Some(pause) => self
                    .changed
                    .wait_timeout(state, pause)
                    .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state),
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// Waits until all is written, what was counted as well; false if that takes longer than `patience`.
    pub(super) fn flush(&self, patience: Duration) -> bool {
        let mut state = self.state();
        state.is_ending = true;
        self.changed.notify_all();
        let waited = self
            .changed
            .wait_timeout_while(state, patience, |state| !state.is_at_rest());
        let mut state = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        state.is_ending = false;
        state.is_at_rest()
    }

    /// Whether all that was left is written, and nothing waits but what is counted.
    pub(super) fn is_written(&self) -> bool {
        self.state().is_at_rest()
    }

    /// How many found no room since the start.
    pub(super) fn num_lost(&self) -> u64 {
        self.state().all_lost
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
