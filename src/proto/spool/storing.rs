//! Critical requests are stored: each in a file of its own, and one sync of the directory for many.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::message::Content;
use super::removing::Removal;
use super::{Awaited, Command, Event, Fate, Fault, FromSpool, Machine, Name, Operation, Place, Shelf, Task};
use crate::request::Request;
use crate::session::{Stored, Ticket};

/// Other names that are tried for a request. What has the first already was made to have it.
const MOST_TRIES: u32 = 100;

/// Requests that are stored with one sync of the directory.
#[derive(Debug)]
pub(super) struct Storing {
    left: VecDeque<(Ticket, Request)>,
    done: Vec<Written>,
}

/// What became of a request up to the sync of the directory.
#[derive(Debug)]
struct Written {
    ticket: Ticket,
    request: Request,
    placed: Result<Name, Fault>,
}

/// The file of one of them.
#[derive(Debug)]
pub(super) struct Writing {
    storing: Storing,
    ticket: Ticket,
    request: Request,
    temporary: Name,
    name: Name,
    /// Names that were tried before this.
    tried: u32,
}

impl Machine {
    /// Stores a request, and those that wait to be stored as well.
    pub(super) fn store(&mut self, ticket: Ticket, request: Request) {
        let mut left = VecDeque::from([(ticket, request)]);
        let is_store = |task: &Task| matches!(task, Task::Store(..));
        while left.len() < self.config.limits.stores
            && self.jobs.front().is_some_and(is_store)
            && let Some(Task::Store(ticket, request)) = self.jobs.pop_front()
        {
            left.push_back((ticket, request));
        }
        self.write(Storing {
            left,
            done: Vec::new(),
        });
    }

    /// Writes the next, or has all of them survive a crash.
    pub(super) fn write(&mut self, mut storing: Storing) {
        let Some((ticket, request)) = storing.left.pop_front() else {
            return self.operate(Operation::Sync(Shelf::Queue), Awaited::BatchSync(storing));
        };
        let name = self.new_name(&request);
        self.write_as(Writing {
            storing,
            ticket,
            request,
            temporary: self.owner.temporary(self.config.pid, &name),
            name,
            tried: 0,
        });
    }

    fn new_name(&mut self, request: &Request) -> Name {
        let (peer, pid) = (&self.config.peer, self.config.pid);
        self.namer.name(self.now.epoch, request, peer, pid)
    }

    fn write_as(&mut self, writing: Writing) {
        let write = Operation::Write(writing.temporary.clone(), Content::of(&writing.request));
        self.operate(write, Awaited::Written(writing));
    }

    pub(super) fn written(&mut self, mut writing: Writing, outcome: Result<(), Fault>) {
        match outcome {
            Ok(()) => self.operate(Operation::SyncFile, Awaited::FileSync(writing)),
            Err(fault) if fault.is_exists() => {
                if self.try_another(&mut writing) {
                    writing.temporary = self.owner.temporary(self.config.pid, &writing.name);
                    return self.write_as(writing);
                }
                // What is there is another's.
                let storing = writing.end(Err(fault));
                self.write(storing);
            }
            Err(fault) => self.not_placed(writing, fault),
        }
    }

    /// Another name, as there is something of this; false when too many were tried.
    fn try_another(&mut self, writing: &mut Writing) -> bool {
        let may = writing.tried < MOST_TRIES;
        if may {
            writing.tried += 1;
            writing.name = self.new_name(&writing.request);
        }
        may
    }

    pub(super) fn file_synced(&mut self, writing: Writing, outcome: Result<(), Fault>) {
        match outcome {
            Ok(()) => self.place(writing),
            Err(fault) => self.not_placed(writing, fault),
        }
    }

    fn place(&mut self, writing: Writing) {
        let rename = Operation::Rename {
            from: queued(&writing.temporary),
            to: queued(&writing.name),
        };
        self.operate(rename, Awaited::Placement(writing));
    }

    pub(super) fn placed(&mut self, mut writing: Writing, outcome: Result<(), Fault>) {
        match outcome {
            Ok(()) => {
                let name = writing.name.clone();
                let storing = writing.end(Ok(name));
                self.write(storing);
            }
            Err(fault) if fault.is_exists() && self.try_another(&mut writing) => self.place(writing),
            Err(fault) => self.not_placed(writing, fault),
        }
    }

    fn not_placed(&mut self, writing: Writing, fault: Fault) {
        let temporary = writing.temporary.clone();
        let storing = writing.end(Err(fault));
        self.then([Task::Remove(temporary, Removal::Temporary), Task::Write(storing)]);
    }

    /// Those that are safe are promised, and sent when their turn comes.
    pub(super) fn batch_synced(&mut self, storing: Storing, synced: &Result<(), Fault>) {
        if synced.is_ok() {
            self.removals_are_safe();
        }
        let mut tasks = Vec::new();
        for Written {
            ticket,
            request,
            placed,
        } in storing.done
        {
            let outcome = match (placed, synced) {
                (Ok(name), Ok(())) => {
                    self.appeared(name);
                    Ok(())
                }
                (Ok(name), Err(fault)) => {
                    tasks.push(Task::Remove(name, Removal::Unsafe));
                    Err(fault.clone())
                }
                (Err(fault), _) => Err(fault),
            };
            tasks.extend(told(ticket, request, outcome));
        }
        self.then(tasks);
    }
}

impl Writing {
    fn end(self, placed: Result<Name, Fault>) -> Storing {
        let mut storing = self.storing;
        storing.done.push(Written {
            ticket: self.ticket,
            request: self.request,
            placed,
        });
        storing
    }
}

fn queued(name: &Name) -> Place {
    Place {
        shelf: Shelf::Queue,
        name: name.clone(),
    }
}

/// Everybody is told what became of a request.
fn told(ticket: Ticket, request: Request, outcome: Result<(), Fault>) -> [Task; 3] {
    let (event, fate, stored) = match outcome {
        Ok(()) => (Event::Stored(request.clone()), Fate::Stored, Stored::Safe),
        Err(fault) => (
            Event::NotStored(request.clone(), fault),
            Fate::Failed,
            Stored::Failed,
        ),
    };
    [
        Task::Say(Command::Event(event)),
        Task::Record(fate, request),
        Task::Say(Command::Tell(FromSpool::Stored(ticket, stored))),
    ]
}
