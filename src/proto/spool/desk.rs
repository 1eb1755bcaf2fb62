//! The operators' desk: messages are found, and put onto other shelves.

use alloc::vec::Vec;

use super::{
    Awaited, Command, Errand, ErrandId, Fault, Found, Machine, Message, MessageState, MoveError, Name,
    Operation, Place, Reply, Shelf, Stat,
};
use crate::session::MessageId;

/// A message that is looked for.
#[derive(Debug)]
pub(super) struct Finding {
    id: ErrandId,
    name: Name,
    shelves: Vec<Shelf>,
    /// Where it is to be put.
    to: Option<Shelf>,
}

impl Machine {
    pub(super) fn run_errand(&mut self, id: ErrandId, errand: Errand) {
        match errand {
            Errand::Summary => self.summary(id),
            Errand::List { most, failing } => self.list_for(id, most, failing),
            Errand::Find(name) => self.find_for(id, name, None),
            Errand::Move { name, to, withdrawn } => {
                if let Some(id) = withdrawn {
                    self.book.take_back(id);
                    self.forget(&name);
                }
                self.find_for(id, name, Some(to));
            }
        }
    }

    pub(super) fn answer(&mut self, id: ErrandId, reply: Reply) {
        self.commands.push_back(Command::Answer(id, reply));
    }

    pub(super) fn message(
        &self,
        shelf: Shelf,
        name: Name,
        stat: Stat,
        failing: Option<(MessageId, u32)>,
    ) -> Message {
        let id = self.id_of(shelf, &name);
        let failures = failing.filter(|(failing, _)| id == Some(*failing));
        Message {
            state: self.state(shelf, &name),
            attempts: failures.map_or(0, |(_, count)| count),
            name,
            stat,
        }
    }

    fn id_of(&self, shelf: Shelf, name: &Name) -> Option<MessageId> {
        self.book.id_of(name).filter(|_| shelf == Shelf::Queue)
    }

    fn state(&self, shelf: Shelf, name: &Name) -> MessageState {
        match shelf {
            Shelf::Queue => self.book.state(name),
            Shelf::Held => MessageState::Held,
            Shelf::Failed => MessageState::Failed,
        }
    }

    fn find_for(&mut self, id: ErrandId, name: Name, to: Option<Shelf>) {
        let shelves = Shelf::ALL.into_iter().rev();
        let shelves = shelves.filter(|shelf| self.owner.keeps(*shelf, name.as_bytes()));
        let finding = Finding {
            id,
            shelves: shelves.collect(),
            name,
            to,
        };
        self.find(finding);
    }

    fn find(&mut self, finding: Finding) {
        match finding.shelves.last() {
            Some(shelf) => {
                let (shelf, name) = (*shelf, finding.name.clone());
                self.operate(Operation::Stat(Place { shelf, name }), Awaited::Finding(finding));
            }
            None => self.found(&finding, None),
        }
    }

    pub(super) fn looked_for(&mut self, mut finding: Finding, outcome: &Result<Stat, Fault>) {
        match (finding.shelves.pop(), outcome) {
            (Some(shelf), Ok(stat)) => {
                let found = Found {
                    shelf,
                    given: self.id_of(shelf, &finding.name),
                    message: self.message(shelf, finding.name.clone(), *stat, None),
                };
                self.found(&finding, Some(found));
            }
            (Some(shelf), Err(fault)) if finding.to.is_some() && !fault.is_not_found() => {
                let name = finding.name;
                self.not_put(finding.id, Place { shelf, name }, fault.clone());
            }
            (Some(_) | None, _) => self.find(finding),
        }
    }

    /// Whether the message is there cannot be told; one that is there must not be forgotten.
    fn not_put(&mut self, id: ErrandId, place: Place, fault: Fault) {
        match self.state(place.shelf, &place.name) {
            MessageState::Sending | MessageState::Answered => {
                self.answer(id, Reply::Moved(Err(MoveError::System(fault))));
            }
            MessageState::Waiting
            | MessageState::Unfinished
            | MessageState::Unusable
            | MessageState::Held
            | MessageState::Failed => self.moved_for(id, place, Err(fault)),
        }
    }

    fn found(&mut self, finding: &Finding, found: Option<Found>) {
        match (finding.to, found) {
            (None, found) => self.answer(finding.id, Reply::Found(found)),
            (Some(_), None) => self.answer(finding.id, Reply::Moved(Err(MoveError::NoSuchMessage))),
            (Some(to), Some(found)) => self.put(finding.id, found, to),
        }
    }

    fn put(&mut self, id: ErrandId, found: Found, to: Shelf) {
        let Found {
            shelf,
            given,
            message,
        } = found;
        let is_given = given.is_some();
        let place = Place {
            shelf,
            name: message.name,
        };
        if shelf == to && (is_given || to != Shelf::Queue) {
            self.answer(id, Reply::Moved(Ok(place)));
        } else if is_given || message.state == MessageState::Answered {
            self.answer(id, Reply::Moved(Err(MoveError::Busy)));
        } else if shelf == to {
            self.moved_for(id, place.clone(), Ok(place));
        } else {
            self.move_for(id, place, to);
        }
    }

    /// A message may have been taken from the session before it was moved, or was not.
    pub(super) fn moved_for(&mut self, id: ErrandId, from: Place, outcome: Result<Place, Fault>) {
        self.counted = None;
        if from.shelf == Shelf::Queue {
            self.forget(&from.name);
        }
        match &outcome {
            Ok(to) if to.shelf == Shelf::Queue => {
                self.book.come_back(&to.name);
                self.appeared(to.name.clone());
            }
            Err(_) if from.shelf == Shelf::Queue => self.appeared(from.name),
            Ok(_) | Err(_) => {}
        }
        self.answer(id, Reply::Moved(outcome.map_err(MoveError::System)));
    }

    /// Forgets what was found out about a message that nobody has answered.
    fn forget(&mut self, name: &Name) {
        self.book.forget(name);
        self.window.remove(name);
    }
}
