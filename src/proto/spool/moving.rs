//! A message goes to another shelf, as it is. None that is there is replaced: beside the queue a number makes another
//! name, and in it the original name must be free.

use super::names::numbered;
use super::{Awaited, ErrandId, Event, Fault, Machine, Name, Operation, Place, Shelf, Stat, Task, Why};

/// A message on its way.
#[derive(Debug)]
pub(super) struct Move {
    from: Place,
    to: Place,
    /// Of its name there: none, or what tells it from others.
    number: u32,
    /// The highest that is known to be taken.
    taken: u32,
    /// The lowest beyond it that is known to be free.
    free: Option<u32>,
    /// It is there, but a crash may put it back.
    is_there: bool,
    whose: Whose,
}

/// Who has it moved.
#[derive(Debug)]
enum Whose {
    /// We: it cannot be sent.
    Ours(Why),
    Operators(ErrandId),
}

impl Machine {
    /// Sets a message aside.
    pub(super) fn move_aside(&mut self, name: Name, why: Why) {
        let from = Place {
            shelf: Shelf::Queue,
            name,
        };
        self.move_to(from, Shelf::Failed, Whose::Ours(why));
    }

    pub(super) fn move_for(&mut self, id: ErrandId, from: Place, to: Shelf) {
        self.move_to(from, to, Whose::Operators(id));
    }

    fn move_to(&mut self, from: Place, shelf: Shelf, whose: Whose) {
        let name = match shelf {
            Shelf::Queue => self.owner.queued(&from.name),
            Shelf::Held | Shelf::Failed => from.name.clone(),
        };
        self.then([Task::Move(Move {
            from,
            to: Place { shelf, name },
            number: 0,
            taken: 0,
            free: None,
            is_there: false,
            whose,
        })]);
    }

    pub(super) fn begin_move(&mut self, moving: Move) {
        match moving.to.shelf {
            Shelf::Queue => self.rename(moving),
            shelf @ (Shelf::Held | Shelf::Failed) => {
                self.operate(Operation::Make(shelf), Awaited::Room(moving));
            }
        }
    }

    pub(super) fn room_made(&mut self, moving: Move, outcome: Result<(), Fault>) {
        match outcome {
            Ok(()) => self.rename(moving),
            Err(fault) => self.moved(moving, Err(fault)),
        }
    }

    fn rename(&mut self, moving: Move) {
        let rename = Operation::Rename {
            from: moving.from.clone(),
            to: moving.to.clone(),
        };
        self.operate(rename, Awaited::Move(moving));
    }

    /// Whether the place of this number is free.
    fn look_for(&mut self, number: u32, mut moving: Move) {
        moving.number = number;
        moving.to.name = numbered(&moving.from.name, number);
        self.operate(Operation::Stat(moving.to.clone()), Awaited::Vacancy(moving));
    }

    pub(super) fn vacancy(&mut self, mut moving: Move, outcome: Result<Stat, Fault>) {
        match outcome {
            Ok(_) => moving.taken = moving.number,
            Err(fault) if fault.is_not_found() => moving.free = Some(moving.number),
            Err(fault) => return self.moved(moving, Err(fault)),
        }
        match moving.next_number() {
            Some(number) => self.look_for(number, moving),
            None => self.rename(moving),
        }
    }

    pub(super) fn renamed(&mut self, mut moving: Move, outcome: Result<(), Fault>) {
        match outcome {
            Ok(()) => {
                moving.is_there = true;
                self.operate(Operation::Sync(moving.to.shelf), Awaited::MoveSync(moving));
            }
            Err(fault) if fault.is_exists() && moving.to.shelf != Shelf::Queue => {
                (moving.taken, moving.free) = (moving.number, None);
                match moving.next_number() {
                    Some(number) => self.look_for(number, moving),
                    None => self.moved(moving, Err(fault)),
                }
            }
            Err(fault) => self.moved(moving, Err(fault)),
        }
    }

    pub(super) fn moved(&mut self, moving: Move, outcome: Result<(), Fault>) {
        let Move {
            from,
            to,
            is_there,
            whose,
            ..
        } = moving;
        match whose {
            Whose::Operators(id) => self.moved_for(id, from, outcome.map(|()| to)),
            Whose::Ours(why) => {
                let name = from.name;
                let event = match outcome.err() {
                    Some(fault) if !is_there => {
                        // Not to be sent again by this instance.
                        self.book.stick(name.clone());
                        Event::NotSetAside { name, why, fault }
                    }
                    fault => {
                        self.book.forget(&name);
                        Event::SetAside { name, why, to, fault }
                    }
                };
                self.event(event);
            }
        }
    }
}

impl Move {
    /// The number to try next; none if that tried last is free and the one before it is not. Between one that is taken
    /// and one that is free there is one that is free beside one that is not: with thousands of the same name it is
    /// found in some tens of steps.
    fn next_number(&self) -> Option<u32> {
        match self.free {
            None if self.taken == u32::MAX => None,
            None => Some(self.taken.saturating_mul(2).max(1)),
            Some(free) if free.saturating_sub(self.taken) > 1 => Some(self.taken.midpoint(free)),
            Some(free) => (free != self.number).then_some(free),
        }
    }
}
