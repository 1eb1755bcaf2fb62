//! The first names of a shelf.

use alloc::collections::BTreeSet;

use super::disk::Shelf;
use super::name::Name;
use super::names::Owner;

/// The first names of a shelf, and how many there are.
#[derive(Debug)]
pub(super) struct FirstNames {
    pub(super) shelf: Shelf,
    most: usize,
    pub(super) first: BTreeSet<Name>,
    pub(super) total: usize,
}

impl FirstNames {
    pub(super) fn of(shelf: Shelf, most: usize) -> Self {
        Self {
            shelf,
            most,
            first: BTreeSet::new(),
            total: 0,
        }
    }

    pub(super) fn see(&mut self, owner: &Owner, name: &[u8]) {
        if !owner.keeps(self.shelf, name) {
            return;
        }
        self.total += 1;
        let is_full = self.first.len() >= self.most;
        if !is_full || self.first.last().is_some_and(|last| name < last.as_bytes()) {
            self.first.insert(Name::from(name));
        }
        if self.first.len() > self.most {
            self.first.pop_last();
        }
    }
}
