//! A disk that forgets in a crash what was not synced: the content of files, and entries of directories, each by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::prelude::v1::*;
use std::vec;

use fastrand::Rng;

use crate::spool::{Fault, FaultKind, Name, Place, Shelf};

#[derive(Debug)]
pub(super) struct File {
    pub(super) content: Vec<u8>,
    /// Of the content so much survives.
    safe_len: usize,
    /// It is no directory and no link.
    pub(super) is_regular: bool,
}

/// Entries that are others now: of these places, to these files. A rename is one, from shelf to shelf as well.
type Change = Vec<(Place, Option<usize>)>;

#[derive(Debug, Default)]
pub(super) struct Disk {
    files: Vec<File>,
    entries: BTreeMap<Place, usize>,
    /// Those that survive.
    safe: BTreeMap<Place, usize>,
    /// What may survive.
    changes: Vec<Change>,
    /// The file that the machine wrote last.
    written: Option<usize>,
}

pub(super) fn refusal(kind: FaultKind) -> Fault {
    Fault {
        kind,
        text: "refused".into(),
    }
}

pub(super) fn at(shelf: Shelf, name: &Name) -> Place {
    Place {
        shelf,
        name: name.clone(),
    }
}

impl Disk {
    /// What is on a shelf, in order.
    pub(super) fn names(&self, shelf: Shelf) -> Vec<Name> {
        let on_it = self.entries.keys().filter(|place| place.shelf == shelf);
        on_it.map(|place| place.name.clone()).collect()
    }

    pub(super) fn places(&self) -> Vec<Place> {
        self.entries.keys().cloned().collect()
    }

    pub(super) fn get(&self, place: &Place) -> Option<&File> {
        self.files.get(*self.entries.get(place)?)
    }

    /// What a crash cannot take away from this place.
    pub(super) fn safe_content(&self, place: &Place) -> Option<&[u8]> {
        let file = &self.files[*self.safe.get(place)?];
        Some(&file.content[..file.safe_len])
    }

    /// What was removed from a shelf, and may be there again after a crash.
    pub(super) fn undone(&self, shelf: Shelf) -> impl Iterator<Item = &[u8]> {
        let there: BTreeSet<_> = self.entries.values().collect();
        let safe = self.safe.iter().filter(move |(place, _)| place.shelf == shelf);
        let undone = safe.filter(move |(_, file)| !there.contains(file));
        undone.map(|(_, file)| &self.files[*file].content[..])
    }

    pub(super) fn create(&mut self, place: Place, content: &[u8], is_regular: bool) -> Result<usize, Fault> {
        if self.entries.contains_key(&place) {
            return Err(refusal(FaultKind::Exists));
        }
        self.files.push(File {
            content: content.to_vec(),
            safe_len: 0,
            is_regular,
        });
        let file = self.files.len() - 1;
        self.change(vec![(place, Some(file))]);
        Ok(file)
    }

    /// As the machine does it.
    pub(super) fn write(&mut self, place: Place, content: &[u8]) -> Result<(), Fault> {
        self.written = Some(self.create(place, content, true)?);
        Ok(())
    }

    pub(super) fn sync_file(&mut self) -> Result<(), Fault> {
        let written = self.written.take().ok_or(refusal(FaultKind::Other))?;
        self.files[written].safe_len = self.files[written].content.len();
        Ok(())
    }

    pub(super) fn append(&mut self, file: usize, bytes: &[u8]) {
        self.files[file].content.extend_from_slice(bytes);
    }

    pub(super) fn rename(&mut self, from: &Place, to: &Place) -> Result<(), Fault> {
        let file = *self.entries.get(from).ok_or(refusal(FaultKind::NotFound))?;
        if self.entries.contains_key(to) {
            return Err(refusal(FaultKind::Exists));
        }
        self.change(vec![(from.clone(), None), (to.clone(), Some(file))]);
        Ok(())
    }

    pub(super) fn remove(&mut self, place: &Place) -> Result<(), Fault> {
        if !self.entries.contains_key(place) {
            return Err(refusal(FaultKind::NotFound));
        }
        self.change(vec![(place.clone(), None)]);
        Ok(())
    }

    fn change(&mut self, change: Change) {
        apply(&mut self.entries, &change);
        self.changes.push(change);
    }

    /// What is changed on the shelf survives.
    pub(super) fn sync(&mut self, shelf: Shelf) {
        self.changes = self.keep(|change| change.iter().any(|(place, _)| place.shelf == shelf));
    }

    /// Has the chosen changes survive, and what went before each at the same places; the others.
    fn keep(&mut self, mut is_chosen: impl FnMut(&Change) -> bool) -> Vec<Change> {
        let (mut places, mut kept, mut left) = (BTreeSet::new(), vec![], vec![]);
        for change in std::mem::take(&mut self.changes).into_iter().rev() {
            if is_chosen(&change) || change.iter().any(|(place, _)| places.contains(place)) {
                places.extend(change.iter().map(|(place, _)| place.clone()));
                kept.push(change);
            } else {
                left.push(change);
            }
        }
        for change in kept.iter().rev() {
            apply(&mut self.safe, change);
        }
        left.reverse();
        left
    }

    /// The power fails. Of what was not synced any part is left.
    pub(super) fn crash(&mut self, rng: &mut Rng) {
        self.keep(|_| rng.bool());
        self.entries = self.safe.clone();
        self.written = None;
        for file in &mut self.files {
            let left = rng.usize(file.safe_len..=file.content.len());
            file.content.truncate(left);
            file.safe_len = left;
        }
    }
}

fn apply(entries: &mut BTreeMap<Place, usize>, change: &Change) {
    for (place, file) in change {
        match file {
            Some(file) => entries.insert(place.clone(), *file),
            None => entries.remove(place),
        };
    }
}
