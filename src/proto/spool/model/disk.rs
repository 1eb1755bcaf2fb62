//! The disk, with the shelves of the spool and in the machine's words.

use std::prelude::v1::*;

use fastrand::Rng;
use forgetful_disk::{File, FileId, Refusal};

use crate::spool::{Fault, FaultKind, Name, Place, Shelf};

#[derive(Debug, Default)]
pub(super) struct Disk {
    disk: forgetful_disk::Disk<Place>,
    /// The file that the machine wrote last.
    written: Option<FileId>,
}

pub(super) fn refusal(kind: FaultKind) -> Fault {
    Fault {
        kind,
        text: "refused".into(),
    }
}

fn fault(refused: Refusal) -> Fault {
    refusal(match refused {
        Refusal::NotFound => FaultKind::NotFound,
        Refusal::Exists => FaultKind::Exists,
    })
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
        let on_it = self.disk.places().filter(|place| place.shelf == shelf);
        on_it.map(|place| place.name.clone()).collect()
    }

    pub(super) fn places(&self) -> Vec<Place> {
        self.disk.places().cloned().collect()
    }

    pub(super) fn get(&self, place: &Place) -> Option<&File> {
        self.disk.get(place)
    }

    /// What a crash cannot take away from this place.
    pub(super) fn safe_content(&self, place: &Place) -> Option<&[u8]> {
        self.disk.safe_content(place)
    }

    /// What was removed from a shelf, and may be there again after a crash.
    pub(super) fn undone(&self, shelf: Shelf) -> impl Iterator<Item = &[u8]> {
        self.disk.undone(move |place| place.shelf == shelf)
    }

    pub(super) fn create(&mut self, place: Place, content: &[u8], is_regular: bool) -> Result<FileId, Fault> {
        self.disk.create(place, content, is_regular).map_err(fault)
    }

    /// As the machine does it.
    pub(super) fn write(&mut self, place: Place, content: &[u8]) -> Result<(), Fault> {
        self.written = Some(self.create(place, content, true)?);
        Ok(())
    }

    pub(super) fn sync_file(&mut self) -> Result<(), Fault> {
        let written = self.written.take().ok_or(refusal(FaultKind::Other))?;
        self.disk.sync_file(written);
        Ok(())
    }

    pub(super) fn append(&mut self, file: FileId, bytes: &[u8]) {
        self.disk.append(file, bytes);
    }

    pub(super) fn rename(&mut self, from: &Place, to: &Place) -> Result<(), Fault> {
        self.disk.rename(from, to).map_err(fault)
    }

    pub(super) fn remove(&mut self, place: &Place) -> Result<(), Fault> {
        self.disk.remove(place).map_err(fault)
    }

    /// What is changed on the shelf survives.
    pub(super) fn sync(&mut self, shelf: Shelf) {
        self.disk.sync(|place| place.shelf == shelf);
    }

    /// The power fails. Of what was not synced any part is left.
    pub(super) fn crash(&mut self, rng: &mut Rng) {
        self.disk.crash(rng);
        self.written = None;
    }
}
