//! What is known of single messages in the queue, but that they wait.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;

use super::errand::MessageState;
use super::name::Name;
use crate::request::Request;
use crate::session::MessageId;
use crate::time::Instant;

/// A message that has no newline after this is reported.
const UNFINISHED: Duration = Duration::from_secs(60);

#[derive(Debug)]
enum Standing {
    /// The driver has it.
    Given(MessageId),
    /// The driver is through with it, and it is there still.
    Answered,
    /// It is not to be sent, and could not be set aside.
    Stuck,
    /// It has no newline.
    Unfinished { since: Instant },
    /// It is no file, or cannot be read.
    Odd,
}

#[derive(Debug)]
struct Entry {
    standing: Standing,
    /// An operator was told that it is left alone.
    is_reported: bool,
    /// It was there when all was listed last, or was found later.
    is_listed: bool,
    /// Its file has changed since.
    has_changed: bool,
}

impl Entry {
    /// True if it is not to be read, whatever happens to its file.
    fn is_busy(&self) -> bool {
        match self.standing {
            Standing::Given(_) | Standing::Answered | Standing::Stuck => true,
            Standing::Unfinished { .. } | Standing::Odd => false,
        }
    }

    /// True if its file could not be sent when it was read last, and nobody told of a change since.
    fn is_unfit(&self) -> bool {
        match self.standing {
            Standing::Unfinished { .. } | Standing::Odd => !self.has_changed,
            Standing::Given(_) | Standing::Answered | Standing::Stuck => false,
        }
    }
}

/// All of which more is known than that they are there.
#[derive(Debug, Default)]
pub(super) struct Book {
    entries: BTreeMap<Name, Entry>,
    given: BTreeMap<MessageId, (Name, Request)>,
    last_id: u64,
}

impl Book {
    /// True if it is not to be read, whatever happens to its file.
    pub(super) fn is_busy(&self, name: &[u8]) -> bool {
        self.entries.get(name).is_some_and(Entry::is_busy)
    }

    /// True if its file could not be sent when it was read last, and nobody told of a change since.
    pub(super) fn is_unfit(&self, name: &Name) -> bool {
        self.entries.get(name).is_some_and(Entry::is_unfit)
    }

    /// Those that are unfit.
    pub(super) fn unfit(&self) -> Vec<Name> {
        let unfit = self.entries.iter().filter(|(_, entry)| entry.is_unfit());
        unfit.map(|(name, _)| name.clone()).collect()
    }

    /// Its file is another, or has more in it.
    pub(super) fn changed(&mut self, name: &Name) {
        if let Some(entry) = self.entries.get_mut(name) {
            entry.has_changed = true;
        }
    }

    /// By this id the driver has it.
    pub(super) fn id_of(&self, name: &Name) -> Option<MessageId> {
        match self.entries.get(name)?.standing {
            Standing::Given(id) => Some(id),
            Standing::Answered | Standing::Stuck | Standing::Unfinished { .. } | Standing::Odd => None,
        }
    }

    pub(super) fn state(&self, name: &Name) -> MessageState {
        let Some(entry) = self.entries.get(name) else {
            return MessageState::Waiting;
        };
        match entry.standing {
            Standing::Given(_) => MessageState::Sending,
            Standing::Answered => MessageState::Answered,
            Standing::Unfinished { .. } if !entry.is_reported => MessageState::Unfinished,
            Standing::Stuck | Standing::Unfinished { .. } | Standing::Odd => MessageState::Unusable,
        }
    }

    /// The driver gets it, by this id.
    pub(super) fn give(&mut self, name: Name, request: Request) -> MessageId {
        self.last_id += 1;
        let id = MessageId(self.last_id);
        self.put(name.clone(), Standing::Given(id), false);
        self.given.insert(id, (name, request));
        id
    }

    pub(super) fn has_given(&self) -> bool {
        !self.given.is_empty()
    }

    /// The driver is through with it; it is to be removed.
    pub(super) fn answered(&mut self, id: MessageId) -> Option<(Name, Request)> {
        let (name, request) = self.given.remove(&id)?;
        self.put(name.clone(), Standing::Answered, false);
        Some((name, request))
    }

    /// The driver has it no more.
    pub(super) fn take_back(&mut self, id: MessageId) -> Option<Name> {
        let (name, _) = self.given.remove(&id)?;
        self.forget(&name);
        Some(name)
    }

    /// Those that are through and there still.
    pub(super) fn unremoved(&self) -> Vec<Name> {
        let is_answered = |entry: &Entry| matches!(entry.standing, Standing::Answered);
        let answered = self.entries.iter().filter(|(_, entry)| is_answered(entry));
        answered.map(|(name, _)| name.clone()).collect()
    }

    /// It is never to be sent, and could not be set aside.
    pub(super) fn stick(&mut self, name: Name) {
        self.put(name, Standing::Stuck, true);
    }

    /// It has no newline; `now` counts if it is the first time that this is seen.
    pub(super) fn unfinished(&mut self, name: Name, now: Instant) {
        let old = self.entries.remove(&name);
        let since = match &old {
            Some(Entry {
                standing: Standing::Unfinished { since, .. },
                ..
            }) => *since,
            Some(_) | None => now,
        };
        self.put(
            name,
            Standing::Unfinished { since },
            old.is_some_and(|entry| entry.is_reported),
        );
    }

    /// It is left alone; true if nobody was told that yet.
    pub(super) fn leave_alone(&mut self, name: Name) -> bool {
        let is_reported = self.entries.get(&name).is_some_and(|entry| entry.is_reported);
        self.put(name, Standing::Odd, true);
        !is_reported
    }

    /// All that is there will be listed.
    pub(super) fn begin_listing(&mut self) {
        for entry in self.entries.values_mut() {
            entry.is_listed = false;
        }
    }

    /// It is there; true if it is not to be read.
    pub(super) fn see(&mut self, name: &[u8]) -> bool {
        let Some(entry) = self.entries.get_mut(name) else {
            return false;
        };
        entry.is_listed = true;
        entry.is_busy()
    }

    /// After all was listed: forgets those that are gone, of which nobody else has to know.
    pub(super) fn end_listing(&mut self) {
        self.entries.retain(|_, entry| match entry.standing {
            Standing::Given(_) | Standing::Answered => true,
            Standing::Stuck | Standing::Unfinished { .. } | Standing::Odd => entry.is_listed,
        });
    }

    /// Those unfinished for so long that they are to be told of.
    pub(super) fn never_finished(&mut self, now: Instant) -> Vec<Name> {
        let mut told = Vec::new();
        for (name, entry) in &mut self.entries {
            if let Standing::Unfinished { since } = entry.standing
                && now.since(since) >= UNFINISHED
                && !entry.is_reported
            {
                entry.is_reported = true;
                told.push(name.clone());
            }
        }
        told
    }

    /// It comes from another shelf, so that what was found out about it, or one before it, is old.
    pub(super) fn come_back(&mut self, name: &Name) {
        if let Some(Standing::Stuck | Standing::Unfinished { .. } | Standing::Odd) =
            self.entries.get(name).map(|entry| &entry.standing)
        {
            self.forget(name);
        }
    }

    /// Nothing but that it waits, or that it is gone.
    pub(super) fn forget(&mut self, name: &Name) {
        self.entries.remove(name);
    }

    fn put(&mut self, name: Name, standing: Standing, is_reported: bool) {
        self.entries.insert(
            name,
            Entry {
                standing,
                is_reported,
                is_listed: true,
                has_changed: false,
            },
        );
    }
}
