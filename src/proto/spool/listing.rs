//! What there is, for operators who want to see it.

use super::first_names::FirstNames;
use super::names::Owner;
use super::{Awaited, ErrandId, Fault, Listing, Machine, Operation, Place, Reply, Shelf, Stat};
use crate::session::MessageId;

/// A listing that is being made.
#[derive(Debug)]
pub(super) struct Lister {
    id: ErrandId,
    most: usize,
    failing: Option<(MessageId, u32)>,
    listing: Listing,
    names: FirstNames,
}

impl Lister {
    pub(super) fn see(&mut self, owner: &Owner, name: &[u8]) {
        self.names.see(owner, name);
    }
}

impl Machine {
    pub(super) fn list_for(&mut self, id: ErrandId, most: usize, failing: Option<(MessageId, u32)>) {
        self.list(Lister {
            id,
            most,
            failing,
            listing: Listing::default(),
            names: FirstNames::of(Shelf::Queue, most),
        });
    }

    fn list(&mut self, lister: Lister) {
        self.operate(Operation::List(lister.names.shelf), Awaited::List(lister));
    }

    /// One beside the queue that cannot be read is empty: mostly it is just not there yet, and it must not hide what is
    /// in the queue.
    pub(super) fn shelf_listed(&mut self, mut lister: Lister, outcome: Result<(), Fault>) {
        match outcome {
            Ok(()) => lister.listing.total += lister.names.total,
            Err(fault) => {
                lister.names.first.clear();
                if lister.names.shelf == Shelf::Queue {
                    lister.listing.fault = Some(fault);
                }
            }
        }
        self.list_next(lister);
    }

    fn list_next(&mut self, mut lister: Lister) {
        let shelf = lister.names.shelf;
        if let Some(name) = lister.names.first.first().cloned() {
            self.operate(Operation::Stat(Place { shelf, name }), Awaited::Listed(lister));
        } else if let Some(next) = Shelf::ALL.into_iter().find(|next| *next > shelf) {
            lister.names = FirstNames::of(next, lister.most - lister.listing.messages.len());
            self.list(lister);
        } else {
            self.answer(lister.id, Reply::Listing(lister.listing));
        }
    }

    /// One that is gone since is no longer there to be listed.
    pub(super) fn listed(&mut self, mut lister: Lister, outcome: &Result<Stat, Fault>) {
        if let (Some(name), Ok(stat)) = (lister.names.first.pop_first(), outcome) {
            let message = self.message(lister.names.shelf, name, *stat, lister.failing);
            lister.listing.messages.push(message);
        }
        self.list_next(lister);
    }
}
