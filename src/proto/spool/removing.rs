//! Messages that were answered are removed, and the directory is synced once for many.
//!
//! Until then a crash may bring them back, and they are sent again: nothing that is newer should have gone meanwhile, if
//! its answer promised that it comes after them. So it is told when they are gone for good. They are removed in the order
//! in which they were answered; file systems with a journal keep it, so that of several the last come back.

use super::{Command, Event, Fate, Fault, FromSpool, Machine, Name, Task};
use crate::session::MessageId;

/// Why something is removed.
#[derive(Debug)]
pub(super) enum Removal {
    /// It was answered.
    Answered,
    /// It was answered long ago.
    Again,
    /// It was not written to its end.
    Temporary,
    /// It may not last.
    Unsafe,
}

impl Machine {
    pub(super) fn delivered(&mut self, id: MessageId) {
        if let Some((name, request)) = self.book.answered(id) {
            self.then([
                Task::Remove(name, Removal::Answered),
                Task::Record(Fate::Sent, request),
                Task::Say(Command::Tell(FromSpool::Removed)),
            ]);
        }
    }

    pub(super) fn removed(&mut self, name: Name, removal: &Removal, outcome: Result<(), Fault>) {
        self.unsafe_removals += usize::from(matches!(removal, Removal::Answered | Removal::Again));
        match (removal, outcome) {
            (Removal::Answered | Removal::Again, Ok(())) => self.book.forget(&name),
            (Removal::Answered, Err(fault)) => self.event(Event::NotRemoved(name, fault)),
            (Removal::Unsafe, Err(fault)) => self.event(Event::NotTakenBack(name, fault)),
            // What cannot be removed now is removed at the next look, or the next start.
            (Removal::Again | Removal::Temporary, Err(_))
            | (Removal::Temporary | Removal::Unsafe, Ok(())) => {}
        }
    }

    pub(super) fn has_unsafe_removals(&self) -> bool {
        self.unsafe_removals > 0
    }

    /// True if so many messages were removed that it is time to make that safe.
    pub(super) fn must_sync_removals(&self) -> bool {
        self.unsafe_removals >= self.config.limits.removals
    }

    /// True if removals are to be made safe when nothing else is to be done: not while the driver has messages, or is to
    /// have some now, for those are to be removed soon.
    pub(super) fn may_sync_removals(&self) -> bool {
        let is_through = !self.has_some_to_give() || self.settles_at.is_some();
        self.has_unsafe_removals() && is_through && !self.book.has_given()
    }

    /// A disk that refuses has been told of, and keeps nobody waiting.
    pub(super) fn removals_synced(&mut self, outcome: Result<(), Fault>) {
        if let Err(fault) = outcome
            && !self.is_unreadable
        {
            self.event(Event::RemovalsUnsafe(fault));
        }
        self.removals_are_safe();
    }

    /// The directory was synced.
    pub(super) fn removals_are_safe(&mut self) {
        if core::mem::take(&mut self.unsafe_removals) > 0 {
            self.tell(FromSpool::RemovalsSafe);
        }
    }
}
