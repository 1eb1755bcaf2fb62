//! A disk in memory that forgets in a crash what was not synced: the content of files, and entries of directories, each
//! by itself.
//!
//! What a place is says whoever uses it: a name in one of several directories, as a rule.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

/// What the disk does not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is nothing at this place.
    NotFound,
    /// There is something at this place.
    Exists,
}

/// Names a file; the first is 0, and none is named twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileId(usize);

impl FileId {
    /// How many files were made before it.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// A file.
#[derive(Debug)]
pub struct File {
    /// What is in it.
    pub content: Vec<u8>,
    /// Of the content so much survives.
    safe_len: usize,
    /// It is no directory and no link.
    pub is_regular: bool,
}

/// Entries that are others now: of these places, to these files. A rename is one, from directory to directory as well.
type Change<P> = Vec<(P, Option<FileId>)>;

/// The disk.
#[derive(Debug)]
pub struct Disk<P> {
    files: Vec<File>,
    entries: BTreeMap<P, FileId>,
    /// Those that survive.
    safe: BTreeMap<P, FileId>,
    /// What may survive.
    changes: Vec<Change<P>>,
}

impl<P> Default for Disk<P> {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            entries: BTreeMap::new(),
            safe: BTreeMap::new(),
            changes: Vec::new(),
        }
    }
}

impl<P: Ord + Clone> Disk<P> {
    /// The places where something is, in order.
    pub fn places(&self) -> impl Iterator<Item = &P> {
        self.entries.keys()
    }

    /// Which file is at this place.
    #[must_use]
    pub fn file_at(&self, place: &P) -> Option<FileId> {
        self.entries.get(place).copied()
    }

    /// The file at this place.
    #[must_use]
    pub fn get(&self, place: &P) -> Option<&File> {
        self.files.get(self.file_at(place)?.0)
    }

    /// What a crash cannot take away from this place.
    #[must_use]
    pub fn safe_content(&self, place: &P) -> Option<&[u8]> {
        let file = self.files.get(self.safe.get(place)?.0)?;
        file.content.get(..file.safe_len)
    }

    /// What was removed from the places chosen, and may be there again after a crash.
    pub fn undone(&self, is_chosen: impl Fn(&P) -> bool) -> impl Iterator<Item = &[u8]> {
        let there: BTreeSet<_> = self.entries.values().collect();
        let safe = self.safe.iter().filter(move |(place, _)| is_chosen(place));
        let undone = safe.filter(move |(_, file)| !there.contains(file));
        undone.filter_map(|(_, file)| self.files.get(file.0).map(|file| &file.content[..]))
    }

    /// Makes a file where nothing was.
    pub fn create(&mut self, place: P, content: &[u8], is_regular: bool) -> Result<FileId, Refusal> {
        if self.entries.contains_key(&place) {
            return Err(Refusal::Exists);
        }
        let file = FileId(self.files.len());
        self.files.push(File {
            content: content.to_vec(),
            safe_len: 0,
            is_regular,
        });
        self.change(vec![(place, Some(file))]);
        Ok(file)
    }

    /// What is in the file survives; its name may not.
    pub fn sync_file(&mut self, file: FileId) {
        if let Some(file) = self.files.get_mut(file.0) {
            file.safe_len = file.content.len();
        }
    }

    /// Writes behind what is in the file.
    pub fn append(&mut self, file: FileId, bytes: &[u8]) {
        if let Some(file) = self.files.get_mut(file.0) {
            file.content.extend_from_slice(bytes);
        }
    }

    /// Gives what is at one place another, where nothing was.
    pub fn rename(&mut self, from: &P, to: &P) -> Result<(), Refusal> {
        let file = self.file_at(from).ok_or(Refusal::NotFound)?;
        if self.entries.contains_key(to) {
            return Err(Refusal::Exists);
        }
        self.change(vec![(from.clone(), None), (to.clone(), Some(file))]);
        Ok(())
    }

    /// Removes what is at this place.
    pub fn remove(&mut self, place: &P) -> Result<(), Refusal> {
        if !self.entries.contains_key(place) {
            return Err(Refusal::NotFound);
        }
        self.change(vec![(place.clone(), None)]);
        Ok(())
    }

    fn change(&mut self, change: Change<P>) {
        apply(&mut self.entries, &change);
        self.changes.push(change);
    }

    /// What is changed at the places chosen survives.
    pub fn sync(&mut self, is_chosen: impl Fn(&P) -> bool) {
        self.changes = self.keep(|change| change.iter().any(|(place, _)| is_chosen(place)));
    }

    /// Has the chosen changes survive, and what went before each at the same places; the others.
    fn keep(&mut self, mut is_chosen: impl FnMut(&Change<P>) -> bool) -> Vec<Change<P>> {
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
    pub fn crash(&mut self, rng: &mut Rng) {
        self.keep(|_| rng.bool());
        self.entries = self.safe.clone();
        for file in &mut self.files {
            let left = rng.usize(file.safe_len..=file.content.len());
            file.content.truncate(left);
            file.safe_len = left;
        }
    }
}

fn apply<P: Ord + Clone>(entries: &mut BTreeMap<P, FileId>, change: &Change<P>) {
    for (place, file) in change {
        match file {
            Some(file) => entries.insert(place.clone(), *file),
            None => entries.remove(place),
        };
    }
}
