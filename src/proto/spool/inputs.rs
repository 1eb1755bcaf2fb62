//! What comes in: what is asked for, and what became of operations. An outcome that is not awaited changes nothing.

use bytes::Bytes;
use core::time::Duration;

use super::{Awaited, Config, Errand, ErrandId, Event, Fault, Machine, Name, Now, Stat, Task, Unsendable};
use crate::request::Request;
use crate::session::{MessageId, Ticket};
use crate::time::Instant;

/// What is asked for; it is done after what was asked for before.
impl Machine {
    /// The spool may be used from now on; to be said once, and first.
    pub fn handle_start(&mut self, now: Now) {
        self.handle(Task::Begin, now);
    }

    /// Everything is to be looked at: files may have appeared, or can be read or removed now.
    ///
    /// A look that has not begun yet will find as much: links that come and go ask for one each, and with many messages
    /// one takes longer than that.
    pub fn handle_look(&mut self, now: Now) {
        if core::mem::replace(&mut self.is_look_due, true) {
            self.now = now;
        } else {
            self.handle(Task::Look, now);
        }
    }

    /// A file appeared, was closed, or has other permissions.
    pub fn handle_appeared(&mut self, name: Name, now: Now) {
        self.handle(Task::Appeared(name), now);
    }

    /// The driver wants the next messages, up to `most` of them.
    pub fn handle_more(&mut self, most: usize, now: Now) {
        self.handle(Task::More(most), now);
    }

    /// The peer has answered a message.
    pub fn handle_delivered(&mut self, id: MessageId, now: Now) {
        self.handle(Task::Delivered(id), now);
    }

    /// A message breaks the link whenever it is sent.
    pub fn handle_set_aside(&mut self, id: MessageId, now: Now) {
        self.handle(Task::SetAside(id), now);
    }

    /// A critical request is to be stored.
    pub fn handle_store(&mut self, ticket: Ticket, request: Request, now: Now) {
        self.handle(Task::Store(ticket, request), now);
    }

    /// An operator wants something.
    pub fn handle_errand(&mut self, id: ErrandId, errand: Errand, now: Now) {
        self.handle(Task::Errand(id, errand), now);
    }

    /// The settings are others; the directories may be as well.
    pub fn handle_reconfigure(&mut self, config: Config, now: Now) {
        self.handle(Task::Reconfigure(config), now);
    }

    /// When [`Machine::handle_timeout`] is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.settles_at
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Now) {
        if self.settles_at.is_some_and(|at| at <= now.instant) {
            self.settles_at = None;
            self.handle(Task::Settled, now);
        }
    }

    /// Somebody waits until all is done.
    pub fn handle_finish(&mut self, now: Now) {
        self.handle(Task::Finish, now);
    }

    fn handle(&mut self, job: Task, now: Now) {
        self.now = now;
        self.jobs.push_back(job);
    }
}

/// What became of operations.
impl Machine {
    /// There is this on the shelf that is listed; in any order.
    pub fn handle_entry(&mut self, name: &[u8]) {
        match &mut self.awaited {
            Some(Awaited::Leftovers(names)) => {
                if self.owner.is_temporary(name) {
                    names.push(Name::from(name));
                }
            }
            Some(Awaited::Refill(refill)) => {
                if self.owner.owns(name) {
                    self.namer.heed(name, self.now.epoch);
                    if !self.book.see(name) && !self.window.has_passed(name) {
                        refill.see(name, self.config.limits.window);
                    }
                }
            }
            Some(Awaited::Count(counting)) => counting.see(&self.owner, name),
            Some(Awaited::List(lister)) => lister.see(&self.owner, name),
            Some(_) | None => {}
        }
    }

    /// Those were all entries, or what there is cannot be told.
    pub fn handle_listed(&mut self, outcome: Result<(), Fault>, now: Now) {
        self.now = now;
        match self.awaited.take() {
            Some(Awaited::Leftovers(names)) => self.leftovers(names, outcome),
            Some(Awaited::Refill(refill)) => self.refilled(refill, outcome),
            Some(Awaited::Count(counting)) => self.shelf_counted(counting, &outcome),
            Some(Awaited::List(lister)) => self.shelf_listed(lister, outcome),
            other => self.awaited = other,
        }
    }

    /// What the file is.
    pub fn handle_stat(&mut self, outcome: Result<Stat, Fault>, now: Now) {
        self.now = now;
        match self.awaited.take() {
            Some(Awaited::Vacancy(moving)) => self.vacancy(moving, outcome),
            Some(Awaited::Oldest(counting)) => self.oldest(counting, &outcome),
            Some(Awaited::Listed(lister)) => self.listed(lister, &outcome),
            Some(Awaited::Finding(finding)) => self.looked_for(finding, &outcome),
            other => self.awaited = other,
        }
    }

    /// What is in the file, as far as it was to be read, and how long ago it was written last.
    pub fn handle_read(&mut self, outcome: Result<(Bytes, Duration), Unsendable>, now: Now) {
        self.now = now;
        match self.awaited.take() {
            Some(Awaited::Read(name, giving)) => self.read(name, giving, outcome),
            Some(Awaited::LookInto(name)) => self.looked_into(&name, outcome),
            other => self.awaited = other,
        }
    }

    /// The content is in the file, or in none, or in a part of it.
    pub fn handle_written(&mut self, outcome: Result<(), Fault>, now: Now) {
        self.now = now;
        match self.awaited.take() {
            Some(Awaited::Written(writing)) => self.written(writing, outcome),
            other => self.awaited = other,
        }
    }

    /// What was to be made safe is safe, or perhaps not.
    pub fn handle_synced(&mut self, outcome: Result<(), Fault>, now: Now) {
        self.now = now;
        match self.awaited.take() {
            Some(Awaited::FileSync(writing)) => self.file_synced(writing, outcome),
            Some(Awaited::BatchSync(storing)) => self.batch_synced(storing, &outcome),
            Some(Awaited::MoveSync(moving)) => self.moved(moving, outcome),
            Some(Awaited::RemovalSync) => self.removals_synced(outcome),
            other => self.awaited = other,
        }
    }

    /// The file has its other name, or still the old.
    pub fn handle_renamed(&mut self, outcome: Result<(), Fault>, now: Now) {
        self.now = now;
        match self.awaited.take() {
            Some(Awaited::Placement(writing)) => self.placed(writing, outcome),
            Some(Awaited::Move(moving)) => self.renamed(moving, outcome),
            other => self.awaited = other,
        }
    }

    /// The file is gone, or still there.
    pub fn handle_removed(&mut self, outcome: Result<(), Fault>, now: Now) {
        self.now = now;
        // Whoever was faster did what was to be done.
        let outcome = outcome.or_else(|fault| if fault.is_not_found() { Ok(()) } else { Err(fault) });
        match self.awaited.take() {
            Some(Awaited::Leftover(name, left)) => self.leftover_removed(name, left, outcome),
            Some(Awaited::Removal(name, removal)) => self.removed(name, &removal, outcome),
            other => self.awaited = other,
        }
    }

    /// The directory is there, or cannot be made.
    pub fn handle_made(&mut self, outcome: Result<(), Fault>, now: Now) {
        self.now = now;
        match self.awaited.take() {
            Some(Awaited::Room(moving)) => self.room_made(moving, outcome),
            other => self.awaited = other,
        }
    }

    /// The line is in the permanent log, or in part, or not.
    pub fn handle_recorded(&mut self, outcome: Result<(), Fault>, now: Now) {
        self.now = now;
        match self.awaited.take() {
            Some(Awaited::Record) => {
                if let Err(fault) = outcome {
                    self.event(Event::NotRecorded(fault));
                }
            }
            other => self.awaited = other,
        }
    }
}
