//! How much there is, for operators who ask often.

use core::time::Duration;

use super::first_names::FirstNames;
use super::names::Owner;
use super::{Awaited, ErrandId, Fault, Machine, Operation, Place, Reply, Shelf, Stat, Summary};
use crate::time::Instant;

/// Of the thread's time, counting may take one part in so many.
const SHARE: u32 = 20;
/// Counting that takes no longer costs nothing.
const NOTHING: Duration = Duration::from_millis(1);

/// A summary, and how long it may be told again.
#[derive(Debug)]
pub(super) struct Counted {
    summary: Summary,
    until: Instant,
}

/// A summary that is being made.
#[derive(Debug)]
pub(super) struct Counting {
    id: ErrandId,
    begun: Instant,
    summary: Summary,
    names: FirstNames,
}

impl Counting {
    pub(super) fn see(&mut self, owner: &Owner, name: &[u8]) {
        self.names.see(owner, name);
    }
}

impl Machine {
    pub(super) fn summary(&mut self, id: ErrandId) {
        let begun = self.now.instant;
        match self.counted.as_ref().filter(|counted| begun < counted.until) {
            Some(counted) => self.answer(id, Reply::Summary(counted.summary)),
            None => self.count(Counting {
                id,
                begun,
                summary: Summary::default(),
                names: FirstNames::of(Shelf::Queue, 1),
            }),
        }
    }

    fn count(&mut self, counting: Counting) {
        self.operate(Operation::List(counting.names.shelf), Awaited::Count(counting));
    }

    /// One that cannot be read has nothing.
    pub(super) fn shelf_counted(&mut self, mut counting: Counting, outcome: &Result<(), Fault>) {
        let total = outcome.as_ref().map_or(0, |()| counting.names.total);
        match counting.names.shelf {
            Shelf::Queue => {
                counting.summary.queued = total;
                let first = counting.names.first.pop_first().filter(|_| total > 0);
                counting.names = FirstNames::of(Shelf::Held, 0);
                if let Some(name) = first {
                    let shelf = Shelf::Queue;
                    self.operate(Operation::Stat(Place { shelf, name }), Awaited::Oldest(counting));
                } else {
                    self.count(counting);
                }
            }
            Shelf::Held => {
                counting.summary.held = total;
                counting.names = FirstNames::of(Shelf::Failed, 0);
                self.count(counting);
            }
            Shelf::Failed => {
                counting.summary.failed = total;
                self.counted(&counting);
            }
        }
    }

    pub(super) fn oldest(&mut self, mut counting: Counting, outcome: &Result<Stat, Fault>) {
        counting.summary.oldest = outcome.as_ref().ok().map(|stat| stat.written);
        self.count(counting);
    }

    fn counted(&mut self, counting: &Counting) {
        let now = self.now.instant;
        let cost = now.since(counting.begun).saturating_sub(NOTHING);
        self.counted = Some(Counted {
            summary: counting.summary,
            until: now + cost * SHARE,
        });
        self.answer(counting.id, Reply::Summary(counting.summary));
    }
}
