//! A message goes to another shelf, as it is. None that is there is replaced: beside the queue a number makes another
//! name, and in it the original name must be free.

use alloc::string::ToString as _;

use super::names::numbered;
use super::{
    Awaited, ErrandId, Event, Fault, FaultKind, Machine, Name, Operation, Place, Shelf, Stat, Task, Why,
};

/// A message on its way.
#[derive(Debug)]
pub(super) struct Move {
    from: Place,
    to: Place,
    /// Numbers that were tried for its name there.
    tried: u32,
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
            tried: 0,
            is_there: false,
            whose,
        })]);
    }

    pub(super) fn begin_move(&mut self, moving: Move) {
        match moving.to.shelf {
            Shelf::Queue => self.ask_for_vacancy(moving),
            shelf @ (Shelf::Held | Shelf::Failed) => {
                self.operate(Operation::Make(shelf), Awaited::Room(moving));
            }
        }
    }

    pub(super) fn room_made(&mut self, moving: Move, outcome: Result<(), Fault>) {
        match outcome {
            Ok(()) => self.ask_for_vacancy(moving),
            Err(fault) => self.moved(moving, Err(fault)),
        }
    }

    fn ask_for_vacancy(&mut self, moving: Move) {
        self.operate(Operation::Stat(moving.to.clone()), Awaited::Vacancy(moving));
    }

    pub(super) fn vacancy(&mut self, mut moving: Move, outcome: Result<Stat, Fault>) {
        match outcome {
            Ok(_) if moving.to.shelf == Shelf::Queue => self.moved(moving, Err(taken())),
            Ok(_) => {
                moving.tried += 1;
                moving.to.name = numbered(&moving.from.name, moving.tried);
                self.ask_for_vacancy(moving);
            }
            Err(fault) if fault.is_not_found() => {
                let rename = Operation::Rename {
                    from: moving.from.clone(),
                    to: moving.to.clone(),
                };
                self.operate(rename, Awaited::Move(moving));
            }
            Err(fault) => self.moved(moving, Err(fault)),
        }
    }

    pub(super) fn renamed(&mut self, mut moving: Move, outcome: Result<(), Fault>) {
        match outcome {
            Ok(()) => {
                moving.is_there = true;
                self.operate(Operation::Sync(moving.to.shelf), Awaited::MoveSync(moving));
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

fn taken() -> Fault {
    Fault {
        kind: FaultKind::Exists,
        text: "entity already exists".to_string(),
    }
}
