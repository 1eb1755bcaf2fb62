//! The spool's thread at the operator's desk.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use lonc_proto::session::MessageId;

use super::desk::{Errand, Found, Listing, Message, MessageState, MoveError, Shelf, Summary};
use super::thread::SpoolThread;

/// Of the thread's time, counting may take one part in so many.
const SHARE: u32 = 20;

/// A summary, and how long it may be told again.
pub(super) struct Counted {
    summary: Summary,
    until: Instant,
}

impl SpoolThread {
    /// Who asked may have stopped waiting.
    pub(super) fn run_errand(&mut self, errand: Errand) {
        match errand {
            Errand::Summary(answer) => drop(answer.send(self.summary())),
            Errand::List {
                most,
                failing,
                answer,
            } => drop(answer.send(self.list(most, failing))),
            Errand::Find(name, answer) => drop(answer.send(self.find(&name))),
            Errand::Move {
                name,
                to,
                withdrawn,
                answer,
            } => drop(answer.send(self.put(&name, to, withdrawn))),
        }
    }

    fn summary(&mut self) -> Summary {
        let begun = Instant::now();
        if let Some(counted) = self.counted.as_ref().filter(|counted| begun < counted.until) {
            return counted.summary;
        }
        let directory = &self.place.directory;
        let (queued, first) = directory.survey(Shelf::Queue);
        let summary = Summary {
            queued,
            oldest: first.and_then(|name| Some(directory.metadata(Shelf::Queue, &name).ok()?.1)),
            held: directory.survey(Shelf::Held).0,
            failed: directory.survey(Shelf::Failed).0,
        };
        // One of an instant costs nothing to count again.
        let cost = begun.elapsed().saturating_sub(Duration::from_millis(1));
        let until = Instant::now() + cost * SHARE;
        self.counted = Some(Counted { summary, until });
        summary
    }

    fn list(&self, most: usize, failing: Option<(MessageId, u32)>) -> io::Result<Listing> {
        let directory = &self.place.directory;
        let given: HashMap<&OsStr, MessageId> = self
            .given
            .iter()
            .map(|(id, (name, _))| (name.as_os_str(), *id))
            .collect();
        let mut listing = Listing::default();
        for shelf in [Shelf::Queue, Shelf::Held, Shelf::Failed] {
            let left = most - listing.messages.len();
            let (names, total) = directory.names(shelf, left)?;
            listing.total += total;
            for name in names {
                // Gone since: then it is no longer there to be listed.
                let Ok((size, written)) = directory.metadata(shelf, &name) else {
                    continue;
                };
                let id = given.get(name.as_os_str()).filter(|_| shelf == Shelf::Queue);
                let failures = failing.filter(|(failing, _)| id == Some(failing));
                listing.messages.push(Message {
                    state: self.state(shelf, &name, id.is_some()),
                    attempts: failures.map_or(0, |(_, count)| count),
                    name,
                    size,
                    written,
                });
            }
        }
        Ok(listing)
    }

    fn state(&self, shelf: Shelf, name: &OsStr, is_given: bool) -> MessageState {
        match shelf {
            Shelf::Held => MessageState::Held,
            Shelf::Failed => MessageState::Failed,
            Shelf::Queue if is_given => MessageState::Sending,
            Shelf::Queue if self.stuck.contains(name) || self.reported.contains(name) => {
                MessageState::Unusable
            }
            Shelf::Queue if self.busy.contains(name) => MessageState::Answered,
            Shelf::Queue if self.unfinished.contains_key(name) => MessageState::Unfinished,
            Shelf::Queue => MessageState::Waiting,
        }
    }

    fn find(&self, name: &OsStr) -> Option<Found> {
        let shelf = self.place.directory.find(name)?;
        let given = self.given.iter().find(|(_, (given, _))| given == name);
        let given = given.map(|(id, _)| *id).filter(|_| shelf == Shelf::Queue);
        Some(Found { shelf, given })
    }

    fn put(&mut self, name: &OsStr, to: Shelf, withdrawn: Option<MessageId>) -> Result<PathBuf, MoveError> {
        if let Some(id) = withdrawn {
            self.given.remove(&id);
            self.forget(name);
        }
        let Found { shelf, given } = self.find(name).ok_or(MoveError::NoSuchMessage)?;
        let there = self.place.directory.shelf(shelf).join(name);
        if shelf == to && (given.is_some() || to != Shelf::Queue) {
            return Ok(there);
        }
        let is_answered = self.state(shelf, name, false) == MessageState::Answered;
        if given.is_some() || is_answered {
            return Err(MoveError::Busy);
        }
        let moved = if shelf == to {
            Ok(there)
        } else {
            self.place.directory.move_between(name, shelf, to)
        };
        self.counted = None;
        if shelf == Shelf::Queue {
            self.forget(name);
        }
        match &moved {
            Ok(path) if to == Shelf::Queue => self.appeared(path.file_name().unwrap_or(name).to_owned()),
            // It may have been taken from the session.
            Err(_) if shelf == Shelf::Queue => self.appeared(name.to_owned()),
            Ok(_) | Err(_) => {}
        }
        Ok(moved?)
    }

    /// Forgets what was found out about a message that nobody has answered.
    fn forget(&mut self, name: &OsStr) {
        self.busy.remove(name);
        self.stuck.remove(name);
        self.reported.remove(name);
        self.unfinished.remove(name);
        self.window.remove(name);
    }
}
