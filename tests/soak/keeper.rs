//! The journal: records are taken, and now and then nobody is there, as while journald restarts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use test_harness::journal::Journal;

/// How often it restarts, and how long it is away.
const LIVES: Duration = Duration::from_secs(5);
const IS_AWAY: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Kept {
    is_over: AtomicBool,
    records: AtomicUsize,
    restarts: AtomicUsize,
}

/// A thread that keeps it until this is dropped.
pub(crate) struct Keeper {
    kept: Arc<Kept>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn of(mut journal: Journal) -> Self {
        let kept = Arc::<Kept>::default();
        let own = kept.clone();
        let thread = Some(spawn(move || own.keep(&mut journal)));
        Self { kept, thread }
    }

    /// How many records came so far, and how often it restarted.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.kept.records.load(Relaxed), self.kept.restarts.load(Relaxed))
    }

    /// No record told of a panic.
    pub(crate) fn end(mut self) {
        self.kept.is_over.store(true, Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.kept.is_over.store(true, Relaxed);
    }
}

impl Kept {
    fn keep(&self, journal: &mut Journal) {
        let mut begun = Instant::now();
        while !self.is_over.load(Relaxed) {
            if let Some(record) = journal.next_record() {
                self.records.fetch_add(1, Relaxed);
                let text = record.get("MESSAGE");
                assert!(text.is_none_or(|text| !text.contains("panicked")), "{record:?}");
            }
            if begun.elapsed() > LIVES {
                journal.restart(|| sleep(IS_AWAY));
                self.restarts.fetch_add(1, Relaxed);
                begun = Instant::now();
            }
        }
    }
}
