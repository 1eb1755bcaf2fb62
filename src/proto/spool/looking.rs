//! Which messages there are: what an instance before left, what is in the directory, what appears in it.

use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;

use super::message::{most_read, parse};
use super::removing::Removal;
use super::window::Refill;
use super::{Awaited, Event, Fault, FromSpool, Machine, Name, Operation, Shelf, Task, Unsendable};

/// What an instance before had begun to store, and is still to be removed.
#[derive(Debug)]
pub(super) struct Leftovers {
    names: Vec<Name>,
    /// It was told that one cannot be.
    is_told: bool,
}

impl Machine {
    /// What an instance that was killed had begun to store is removed; nobody was promised any of that.
    pub(super) fn leftovers(&mut self, names: Vec<Name>, outcome: Result<(), Fault>) {
        self.window.start_over();
        // Nor must what an instance before had removed come back once something newer has gone.
        self.then([Task::Refill, Task::SyncRemovals]);
        match outcome {
            Ok(()) => self.then([Task::RemoveLeftovers(Leftovers {
                names,
                is_told: false,
            })]),
            Err(fault) => self.unreadable(fault),
        }
    }

    pub(super) fn remove_leftovers(&mut self, mut left: Leftovers) {
        if let Some(name) = left.names.pop() {
            self.operate(Operation::Remove(name.clone()), Awaited::Leftover(name, left));
        }
    }

    /// One that cannot be removed, as a directory of such a name, keeps nobody from the others.
    pub(super) fn leftover_removed(&mut self, name: Name, mut left: Leftovers, outcome: Result<(), Fault>) {
        if let Err(fault) = outcome
            && !core::mem::replace(&mut left.is_told, true)
        {
            self.event(Event::LeftoverStays(name, fault));
        }
        self.remove_leftovers(left);
    }

    pub(super) fn look(&mut self) {
        self.is_look_due = false;
        self.window.start_over();
        self.book.begin_listing();
        self.then([Task::Refill, Task::Looked]);
    }

    pub(super) fn refill(&mut self, refill: Refill) {
        self.operate(Operation::List(Shelf::Queue), Awaited::Refill(refill));
    }

    pub(super) fn refilled(&mut self, mut refill: Refill, outcome: Result<(), Fault>) {
        match outcome {
            Ok(()) if refill.goes_on() => self.refill(refill),
            Ok(()) => {
                self.window.fill(Some(refill));
                if core::mem::take(&mut self.is_unreadable) {
                    self.event(Event::Readable);
                }
            }
            Err(fault) => {
                self.window.fill(None);
                self.unreadable(fault);
            }
        }
    }

    fn unreadable(&mut self, fault: Fault) {
        if !core::mem::replace(&mut self.is_unreadable, true) {
            self.event(Event::Unreadable(fault));
        }
    }

    /// What was answered long ago may be removable now, and what could not be sent may be another file.
    pub(super) fn looked(&mut self) {
        let again = self.book.unremoved().into_iter();
        let again = again.map(|name| Task::Remove(name, Removal::Again));
        if !self.is_unreadable {
            self.book.end_listing();
        }
        let unfit = self.book.unfit().into_iter().map(Task::LookInto);
        self.then(again.chain(unfit).chain([Task::LookedInto]));
    }

    /// Whether what could not be sent can be sent now, though nobody told of a change.
    pub(super) fn look_into(&mut self, name: Name) {
        let most = most_read(self.config.max_request_bytes);
        self.operate(Operation::Read(name.clone(), most), Awaited::LookInto(name));
    }

    pub(super) fn looked_into(&mut self, name: &Name, outcome: Result<(Bytes, Duration), Unsendable>) {
        let content = outcome.and_then(|(content, _)| parse(content, self.config.max_request_bytes));
        match content {
            Err(Unsendable::Unfinished | Unsendable::NotAFile | Unsendable::Unreadable(_)) => {}
            Err(Unsendable::Gone) => {
                self.book.forget(name);
                self.window.remove(name);
            }
            // Whoever asks for it finds that out again, and does what is to be done.
            Ok(_) | Err(Unsendable::Damaged | Unsendable::Refused(_) | Unsendable::TooLarge) => {
                self.book.changed(name);
            }
        }
    }

    /// All was looked at: what is never finished is told of.
    pub(super) fn looked_into_all(&mut self) {
        if !self.is_unreadable {
            for name in self.book.never_finished(self.now.instant) {
                self.event(Event::NeverFinished(name));
            }
        }
        self.tell_fresh();
    }

    /// Takes in a name that may be a message's.
    pub(super) fn appeared(&mut self, name: Name) {
        if !self.owner.owns(name.as_bytes()) || self.book.is_busy(name.as_bytes()) {
            return;
        }
        self.namer.heed(name.as_bytes(), self.now.epoch);
        self.book.changed(&name);
        self.window.insert(name);
        self.tell_fresh();
    }

    /// True if the driver has something to ask for. For what cannot be sent as it is nobody has to open a link.
    pub(super) fn has_some_to_give(&self) -> bool {
        self.window.has(|name| !self.book.is_unfit(name))
    }

    pub(super) fn tell_fresh(&mut self) {
        if !self.has_told_fresh && self.has_some_to_give() {
            self.has_told_fresh = true;
            self.tell(FromSpool::Fresh);
        }
    }
}
