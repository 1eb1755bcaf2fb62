//! What was promised, seen from outside.

use std::collections::{BTreeSet, VecDeque};
use std::format;
use std::prelude::v1::*;

use bytes::Bytes;

use super::disk::{Disk, at};
use super::workers::FAR;
use super::world::{MAX_REQUEST, World};
use crate::request::Request;
use crate::session::{MessageId, Stored};
use crate::spool::{Fate, Name, Place, Shelf, parse};

/// What was said to the machine; it may not have come to it yet.
#[derive(Debug)]
enum Said {
    /// This is there.
    Appeared(Name),
    /// Look at everything; these are there.
    Look(BTreeSet<Name>),
    /// The same, and the driver says it, for it is to be told of all that is there.
    DriversLook(BTreeSet<Name>),
    /// Give what is there.
    Asked,
}

/// The names that the machine knows of for sure, so that they must have their turn.
#[derive(Debug, Default)]
pub(super) struct Announced {
    names: BTreeSet<Name>,
    said: VecDeque<Said>,
    /// Names that had their turn once, or to which the machine was led.
    excused: BTreeSet<Name>,
    /// When the directory could last not be listed, in messages there were.
    failed: usize,
}

impl Announced {
    pub(super) fn appeared(&mut self, name: Name) {
        self.said.push_back(Said::Appeared(name));
    }

    pub(super) fn start_over(&mut self, disk: &Disk) {
        let names = disk.names(Shelf::Queue).into_iter().collect();
        self.said.push_back(Said::Look(names));
    }

    /// `is_due`: one that was said before has not begun, and will find all that is there now.
    pub(super) fn look(&mut self, disk: &Disk, is_due: bool) {
        let names = disk.names(Shelf::Queue).into_iter().collect();
        let due = self.said.iter_mut().rev().find_map(|said| match said {
            Said::DriversLook(due) if is_due => Some(due),
            Said::Appeared(_) | Said::Look(_) | Said::DriversLook(_) | Said::Asked => None,
        });
        match due {
            Some(due) => due.extend(names),
            None => self.said.push_back(Said::DriversLook(names)),
        }
    }

    pub(super) fn asked(&mut self) {
        self.said.push_back(Said::Asked);
    }

    /// The machine was led to it.
    pub(super) fn add(&mut self, name: Name) {
        self.excused.insert(name.clone());
        self.names.insert(name);
    }

    /// The directory cannot be listed: nothing is known for sure until it is.
    pub(super) fn failed(&mut self, num_messages: usize) {
        self.names.clear();
        self.failed = num_messages;
        let came = self.said.iter_mut().filter(|said| !matches!(said, Said::Asked));
        came.for_each(|said| *said = Said::Look(BTreeSet::new()));
    }

    /// It had its turn and is no message, or not yet; what was said before the question is no news, nor does a look that was said
    /// already ask for what it becomes.
    pub(super) fn passed_over(&mut self, name: &Name) {
        self.names.remove(name);
        self.excused.insert(name.clone());
        let mut is_asked = false;
        for said in &mut self.said {
            is_asked |= matches!(said, Said::Asked);
            if !is_asked || !matches!(said, Said::Appeared(_)) {
                said.forget(name);
            }
        }
    }

    /// It comes late, or early.
    pub(super) fn excuse(&mut self, name: Name) {
        self.excused.insert(name);
    }

    /// It is somewhere else.
    pub(super) fn forget(&mut self, name: &Name) {
        self.names.remove(name);
        self.excused.insert(name.clone());
        self.said.iter_mut().for_each(|said| said.forget(name));
    }

    /// A question is answered, so that everything before has come to the machine.
    pub(super) fn told(&mut self) {
        while let Some(said) = self.said.pop_front() {
            match said {
                Said::Appeared(name) => drop(self.names.insert(name)),
                Said::Look(names) | Said::DriversLook(names) => self.names.extend(names),
                Said::Asked => return,
            }
        }
    }

    /// What the driver wants to know of, and what the machine knows.
    fn known(&self) -> impl Iterator<Item = &Name> {
        let wanted = self.said.iter().filter_map(|said| match said {
            Said::DriversLook(names) => Some(names),
            Said::Appeared(_) | Said::Look(_) | Said::Asked => None,
        });
        wanted.flatten().chain(&self.names)
    }

    /// Everything has come to the machine.
    pub(super) fn idle(&mut self) {
        while !self.said.is_empty() {
            self.told();
        }
    }
}

impl Said {
    fn forget(&mut self, name: &Name) {
        match self {
            Self::Appeared(it) if it == name => *self = Self::Look(BTreeSet::new()),
            Self::Look(names) | Self::DriversLook(names) => drop(names.remove(name)),
            Self::Appeared(_) | Self::Asked => {}
        }
    }
}

impl World {
    /// True if it is not in the queue, and a crash may put it there.
    fn may_come_back(&self, index: usize) -> bool {
        let mut undone = self.disk.undone(Shelf::Queue);
        undone.any(|content| {
            parse(Bytes::from(content.to_vec()), MAX_REQUEST)
                .is_ok_and(|request| self.message_of(&request) == index)
        })
    }

    /// What was removed up to now is gone for good.
    pub(super) fn removals_safe(&mut self) {
        self.removals.are_unsafe = false;
        assert!(
            !self.removals.are_unsynced || self.removals.is_told,
            "nobody knows that removals may not last"
        );
        for index in 0..self.messages.len() {
            if self.messages[index].is_removed && !self.removals.are_unsynced {
                assert!(!self.may_come_back(index), "{:?}", self.messages[index]);
                self.messages[index].is_gone = true;
            }
        }
    }

    /// What runs before had removed is gone for good before anything newer goes.
    pub(super) fn check_removals_before(&self) {
        for (index, message) in self.messages.iter().enumerate() {
            let was_delivered = message.delivered.is_some_and(|run| run < self.run);
            assert!(
                !was_delivered || self.removals.are_unsynced || !self.may_come_back(index),
                "{message:?}"
            );
        }
    }

    pub(super) fn is_ours(name: &Name) -> bool {
        let name = name.as_bytes();
        let is_numbered = name.rsplit(|byte| *byte == b'.').next() != Some(b"msul1");
        !name.starts_with(b".") && !name.ends_with(b".a.msul1") && (is_numbered || name.ends_with(b".msul1"))
    }

    /// True if the machine is to hand it in.
    fn waits(&self, name: &Name) -> bool {
        let message = self
            .message_at(&at(Shelf::Queue, name))
            .map(|at| &self.messages[at]);
        Self::is_ours(name)
            && !self.stuck.contains(name)
            && message.is_some_and(|message| {
                message.given.is_none()
                    && !message.is_withdrawn
                    && message.delivered != Some(self.run)
                    && message.set_aside.is_none()
            })
    }

    /// Messages come in order, whole, and none that is not to be sent.
    pub(super) fn take_batch(&mut self, batch: &[(MessageId, Request)]) {
        self.announced.told();
        assert!(!batch.is_empty());
        let mut names = vec![];
        for (id, request) in batch {
            let index = self.message_of(request);
            let name = self.name_of(index).expect("it is on disk");
            let message = &self.messages[index];
            assert!(self.waits(&name), "{name:?} is handed in: {message:?}");
            assert!(!message.is_gone, "{message:?} comes back");
            let is_refused = message.outcome == Some(Stored::Failed)
                && message.ticket.is_some_and(|(run, _)| run == self.run);
            assert!(
                !is_refused || self.not_taken_back.contains(&name),
                "{name:?} was not stored"
            );
            self.messages[index].given = Some(*id);
            assert!(self.given.insert(*id, name.clone()).is_none());
            names.push(name);
        }
        assert!(names.is_sorted(), "{names:?}");
        self.check_turns(&names);
    }

    /// Nothing that the machine knows of is passed over.
    fn check_turns(&self, names: &[Name]) {
        let last = names.last().expect("one");
        let before = self
            .announced
            .names
            .iter()
            .find(|name| *name < last && self.waits(name));
        assert_eq!(before, None, "it was there before {names:?}");
        for name in names
            .iter()
            .filter(|name| !self.announced.excused.contains(*name))
        {
            let Some((born, _)) = self.birth(name) else {
                continue;
            };
            let queue = self.disk.names(Shelf::Queue).into_iter();
            let missed = queue.filter(|other| other < name).find(|other| {
                let is_before = self.birth(other).is_some_and(|(other_born, read_before)| {
                    let is_found = (self.announced.failed..born).contains(&other_born);
                    is_found && read_before.is_none_or(|read| read < *other)
                });
                is_before && !self.announced.excused.contains(other) && self.waits(other)
            });
            assert_eq!(missed, None, "it was made before {name:?}");
        }
    }

    fn birth(&self, name: &Name) -> Option<(usize, Option<Name>)> {
        let message = self.message_at(&at(Shelf::Queue, name))?;
        self.messages[message].born.clone()
    }

    /// This has its turn, and whatever comes now by a name before it and was not there first comes late.
    pub(super) fn excuse_those_before(&mut self, name: &Name) {
        let born = self.birth(name).map(|(born, _)| born);
        let queue = self.disk.names(Shelf::Queue).into_iter();
        for other in queue.filter(|other| other < name) {
            let was_first = self
                .birth(&other)
                .is_some_and(|(other_born, _)| Some(other_born) < born);
            if !was_first {
                self.announced.excuse(other);
            }
        }
    }

    pub(super) fn check_nobody_waits(&self) {
        let waiting = self.announced.known().find(|name| self.waits(name));
        assert_eq!(waiting, None, "the driver is told of none");
    }

    /// What is stored comes behind all that is known, but what claims to be of the far future.
    pub(super) fn check_rename(&mut self, from: &Place, to: &Place) {
        for message in &mut self.messages {
            message.told = message.told.take().filter(|told| told != from);
        }
        if from.name.as_bytes().starts_with(b".storing-") {
            assert_eq!((from.shelf, to.shelf), (Shelf::Queue, Shelf::Queue));
            let known = self.announced.names.iter().filter(|name| Self::is_ours(name));
            let far = format!("{FAR}.");
            let known = known.filter(|name| !name.as_bytes().starts_with(far.as_bytes()));
            let behind = known.chain(&self.last_stored).find(|name| **name >= to.name);
            assert_eq!(behind, None, "{to:?} comes before it");
            self.last_stored = Some(to.name.clone());
        } else if from.shelf == Shelf::Queue {
            self.announced.forget(&from.name);
            self.stuck.remove(&from.name);
            self.left_alone.remove(&from.name);
        }
        if to.shelf == Shelf::Queue {
            self.events.push_back(to.name.clone());
        }
    }

    /// Nothing is removed but what was answered, or nobody was promised.
    pub(super) fn check_removal(&self, name: &Name) {
        if name.as_bytes().starts_with(b".storing-msul1-") {
            return;
        }
        let Some(at) = self.message_at(&at(Shelf::Queue, name)) else {
            assert!(
                self.disk.get(&at(Shelf::Queue, name)).is_none(),
                "{name:?} is removed"
            );
            return;
        };
        let message = &self.messages[at];
        let is_ours = message.ticket.is_some_and(|(run, _)| run == self.run);
        let is_through = message.delivered == Some(self.run) || (is_ours && message.outcome.is_none());
        assert!(is_through, "{name:?} is removed: {message:?}");
    }

    /// What is said to be stored is safe; its name.
    pub(super) fn check_stored(&self, index: usize) -> Name {
        let name = self.name_of(index).expect("it is there");
        let place = at(Shelf::Queue, &name);
        let content = self.disk.get(&place).map(|file| &file.content[..]);
        assert_eq!(self.disk.safe_content(&place), content, "{name:?} is promised");
        name
    }

    /// What is said to be on another shelf is there, and not to be sent.
    pub(super) fn check_moved(&mut self, place: &Place) {
        assert!(self.disk.safe_content(place).is_some(), "{place:?} is told of");
        if let Some(at) = self.message_at(place) {
            assert_eq!(self.messages[at].given, None);
            self.messages[at].told = Some(place.clone());
        }
    }

    pub(super) fn check(&self) {
        let places = self.disk.places();
        let found = places.iter().filter(|place| Self::is_ours(&place.name));
        let found: BTreeSet<_> = found.filter_map(|place| self.message_at(place)).collect();
        for (at, message) in self.messages.iter().enumerate() {
            let must_be_there = message.is_promised() && message.delivered.is_none();
            assert!(!must_be_there || found.contains(&at), "{message:?} is lost");
            if let Some(place) = &message.told {
                assert!(self.disk.get(place).is_some(), "{message:?} is elsewhere");
                assert_eq!(self.name_of(at), None, "{message:?} is in the queue as well");
            }
        }
    }

    /// All that was asked for is done.
    pub(super) fn check_idle(&self) {
        if !self.wants {
            self.check_nobody_waits();
        }
        assert!(!self.removals.are_unsafe || self.wants || !self.given.is_empty());
        assert!(self.errands.is_empty(), "{:?}", self.errands);
        assert_eq!(
            (self.to_finish, self.to_reconfigure, self.removing.len()),
            (0, 0, 0)
        );
        let front = format!(".storing-msul1-{}.", self.pid());
        let begun = self.disk.names(Shelf::Queue).into_iter();
        let mut begun = begun.filter(|name| name.as_bytes().starts_with(front.as_bytes()));
        assert_eq!(
            begun.find(|name| !self.unremovable.contains(name)),
            None,
            "it is left"
        );
        for message in &self.messages {
            let of_this_run = message.ticket.is_some_and(|(run, _)| run == self.run);
            let outcome = message.outcome.filter(|_| of_this_run);
            assert_eq!(outcome.is_some(), of_this_run, "{message:?} has no outcome");
            let lines =
                [Fate::Sent, Fate::Stored, Fate::Failed].map(|fate| message.num_lines(self.run, fate));
            let due = [
                message.delivered == Some(self.run),
                outcome == Some(Stored::Safe),
                outcome == Some(Stored::Failed),
            ];
            assert_eq!(lines, due.map(usize::from), "{message:?}");
        }
    }

    /// After a look, with a disk that works, nothing is left in the queue but what an operator was told of.
    pub(super) fn check_end(&self, restarted: bool) {
        for name in self.disk.names(Shelf::Queue) {
            let is_leftover = name.as_bytes().starts_with(b".storing-msul1-");
            assert!(!is_leftover || !restarted, "{name:?} is left over");
            let is_told = self.left_alone.contains(&name) || self.stuck.contains(&name);
            assert!(
                is_leftover || is_told || !Self::is_ours(&name),
                "{name:?} is left"
            );
        }
        for message in &self.messages {
            let is_through = message.delivered.is_some() || message.told.is_some();
            let place = message.told.as_ref();
            assert!(place.is_none_or(|place| place.shelf != Shelf::Queue));
            assert!(
                is_through || !message.is_promised() || self.is_aside(message),
                "{message:?} is not sent"
            );
        }
    }

    fn is_aside(&self, message: &super::messages::Message) -> bool {
        let places = self.disk.places().into_iter();
        let mut aside =
            places.filter(|place| place.shelf != Shelf::Queue || self.stuck.contains(&place.name));
        aside.any(|place| {
            self.message_at(&place)
                .is_some_and(|at| self.messages[at].asks(&message.request))
        })
    }
}
