//! How many connections a lond has had.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Connections of one lond.
#[derive(Debug, Default)]
pub struct Counts {
    open: AtomicUsize,
    most: AtomicUsize,
}

impl Counts {
    /// The largest number that were open at once.
    #[must_use]
    pub fn most(&self) -> usize {
        self.most.load(Relaxed)
    }

    pub(crate) fn opened(&self) {
        let open = self.open.fetch_add(1, Relaxed) + 1;
        self.most.fetch_max(open, Relaxed);
    }

    pub(crate) fn closed(&self) {
        self.open.fetch_sub(1, Relaxed);
    }
}
