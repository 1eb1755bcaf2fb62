//! Does what the machine says, well or badly.

use std::panic;
use std::prelude::v1::*;

use core::time::Duration;

use super::disk::{at, refusal};
use super::messages::Message;
use super::steps::Luck;
use super::world::{MAX_REQUEST, World};
use crate::request::Request;
use crate::session::{Stored, Ticket};
use crate::spool::{
    Command, Event, Fate, Fault, FaultKind, FromSpool, Name, Operation, Place, Shelf, Stat, Unsendable, parse,
};

fn fault() -> Fault {
    refusal(FaultKind::Other)
}

impl World {
    /// Takes commands up to the next operation.
    pub(super) fn advance(&mut self) {
        while self.pending.is_none() {
            let Some(command) = self.machine.next_command() else {
                return;
            };
            match command {
                Command::Operate(Operation::Read(ref name, _)) => {
                    self.last_read = self.last_read.take().max(Some(name.clone()));
                    self.excuse_those_before(name);
                    self.pending = Some(command);
                }
                Command::Operate(_) | Command::Record(..) => self.pending = Some(command),
                Command::Tell(word) => self.hear(word),
                Command::Answer(id, reply) => self.answered(id, reply),
                Command::Reconfigured => {
                    let left = self.to_reconfigure.checked_sub(1);
                    self.to_reconfigure = left.expect("settings are handed in");
                }
                Command::Finished => self.to_finish = self.to_finish.checked_sub(1).expect("somebody waits"),
                Command::Event(event) => self.read_log(event),
            }
        }
        assert!(self.machine.next_command().is_none(), "an outcome is awaited");
    }

    pub(super) fn perform(&mut self, command: Command, luck: &Luck) {
        let goes_well = !matches!(luck, Luck::Fails);
        let meanwhile = if let Luck::While(offsets) = luck {
            &offsets[..]
        } else {
            &[]
        };
        if let (Luck::Taken, Command::Operate(Operation::Rename { to, .. })) = (luck, &command) {
            self.appear_at(to.clone());
        }
        match command {
            Command::Operate(Operation::List(shelf)) => self.perform_list(shelf, meanwhile, goes_well),
            Command::Operate(operation) => {
                self.appear_at_once(meanwhile);
                self.operate(operation, goes_well);
            }
            Command::Record(fate, request) => self.record(fate, &request, goes_well),
            Command::Tell(_)
            | Command::Answer(..)
            | Command::Reconfigured
            | Command::Finished
            | Command::Event(_) => panic!("it is no operation"),
        }
    }

    /// Of what appears while a directory is listed, one part is seen and the other is not, whichever was first.
    fn perform_list(&mut self, shelf: Shelf, meanwhile: &[i8], goes_well: bool) {
        let is_early = |name: &Name| {
            name.as_bytes()
                .iter()
                .map(|byte| usize::from(*byte))
                .sum::<usize>()
                % 2
                == 0
        };
        let mut early = self.disk.names(shelf);
        early.retain(is_early);
        self.appear_at_once(meanwhile);
        let mut late = self.disk.names(shelf);
        late.retain(|name| !is_early(name));
        self.rng.shuffle(&mut early);
        self.rng.shuffle(&mut late);
        let names = early.into_iter().chain(late);
        if goes_well {
            names.for_each(|name| self.machine.handle_entry(name.as_bytes()));
            self.machine.handle_listed(Ok(()), self.now);
        } else {
            names
                .step_by(2)
                .for_each(|name| self.machine.handle_entry(name.as_bytes()));
            self.announced.failed(self.messages.len());
            self.machine.handle_listed(Err(fault()), self.now);
        }
    }

    fn operate(&mut self, operation: Operation, goes_well: bool) {
        let now = self.now;
        match operation {
            Operation::List(_) => panic!("it has its own way"),
            Operation::Stat(place) => {
                let stat = self.disk.get(&place).map(|file| Stat {
                    size: file.content.len() as u64,
                    written: Duration::ZERO,
                });
                let stat = stat.ok_or(refusal(FaultKind::NotFound));
                self.machine
                    .handle_stat(if goes_well { stat } else { Err(fault()) }, now);
            }
            Operation::Read(name, most) => self.perform_read(&name, most, goes_well),
            Operation::Write(name, content) => {
                let place = at(Shelf::Queue, &name);
                let outcome = if goes_well {
                    self.disk.write(place, content.as_bytes())
                } else {
                    // There may be a part of it.
                    let content = content.as_bytes();
                    let part = self.rng.usize(..=content.len());
                    self.disk.create(place, &content[..part], true).and(Err(fault()))
                };
                self.events.push_back(name);
                self.machine.handle_written(outcome, now);
            }
            Operation::SyncFile => {
                let outcome = if goes_well {
                    self.disk.sync_file()
                } else {
                    Err(fault())
                };
                self.machine.handle_synced(outcome, now);
            }
            Operation::Sync(shelf) => {
                if goes_well {
                    self.disk.sync(shelf);
                }
                if shelf == Shelf::Queue {
                    self.removals.are_unsynced = !goes_well;
                }
                self.machine
                    .handle_synced(if goes_well { Ok(()) } else { Err(fault()) }, now);
            }
            Operation::Rename { from, to } => {
                let outcome = if goes_well {
                    self.rename(&from, &to)
                } else {
                    Err(fault())
                };
                self.machine.handle_renamed(outcome, now);
            }
            Operation::Remove(name) => {
                let outcome = if goes_well {
                    self.check_removal(&name);
                    self.disk.remove(&at(Shelf::Queue, &name))
                } else {
                    self.unremovable.insert(name);
                    Err(fault())
                };
                self.machine.handle_removed(outcome, now);
            }
            Operation::Make(_) => self
                .machine
                .handle_made(if goes_well { Ok(()) } else { Err(fault()) }, now),
        }
    }

    fn rename(&mut self, from: &Place, to: &Place) -> Result<(), Fault> {
        self.disk.rename(from, to)?;
        self.check_rename(from, to);
        Ok(())
    }

    fn perform_read(&mut self, name: &Name, most: usize, goes_well: bool) {
        let content = if goes_well {
            self.content(name, most)
        } else {
            Err(Unsendable::Unreadable(fault()))
        };
        let request = content.clone().and_then(|content| parse(content, MAX_REQUEST));
        if request.is_err() {
            self.announced.passed_over(name);
        }
        let read = content.map(|content| (content, Duration::ZERO));
        self.machine.handle_read(read, self.now);
    }

    fn record(&mut self, fate: Fate, request: &Request, goes_well: bool) {
        let (run, at) = (self.run, self.message_of(request));
        self.messages[at].lines.push((run, fate));
        let outcome = if goes_well { Ok(()) } else { Err(fault()) };
        self.machine.handle_recorded(outcome, self.now);
    }

    /// What the driver is told.
    fn hear(&mut self, word: FromSpool) {
        match word {
            FromSpool::Messages(batch) => {
                self.check_removals_before();
                self.asking.answered();
                self.take_batch(&batch);
            }
            FromSpool::CaughtUp => {
                self.check_removals_before();
                self.announced.told();
                if self.asking.answered() {
                    self.wants = false;
                    self.check_nobody_waits();
                }
            }
            FromSpool::Fresh => self.wants = true,
            FromSpool::Removed => {
                let (message, name) = self.removing.pop_front().expect("one was delivered");
                let is_there = self.disk.get(&at(Shelf::Queue, &name)).is_some();
                assert!(!is_there || self.unremovable.contains(&name), "{name:?} is there");
                self.messages[message].is_removed = !is_there;
                self.removals.are_unsafe = true;
            }
            FromSpool::RemovalsSafe => self.removals_safe(),
            FromSpool::Stored(ticket, outcome) => self.stored(ticket, outcome),
        }
    }

    fn stored(&mut self, ticket: Ticket, outcome: Stored) {
        let run = self.run;
        let is_it = |message: &Message| message.ticket == Some((run, ticket));
        let at = self.messages.iter().position(is_it).expect("it is to be stored");
        let before = self.messages[at].outcome.replace(outcome);
        assert_eq!(before, None, "{:?} has two outcomes", self.messages[at]);
        if outcome == Stored::Safe {
            self.wants = true;
            let name = self.check_stored(at);
            self.announced.add(name);
        }
    }

    fn read_log(&mut self, event: Event) {
        match event {
            Event::LeftAlone(name, _) | Event::NeverFinished(name) => drop(self.left_alone.insert(name)),
            Event::NotSetAside { name, .. } => drop(self.stuck.insert(name)),
            Event::NotTakenBack(name, _) => drop(self.not_taken_back.insert(name)),
            Event::SetAside { to, fault, .. } => {
                assert_eq!(to.shelf, Shelf::Failed);
                assert!(self.disk.get(&to).is_some());
                if fault.is_none() {
                    self.check_moved(&to);
                }
            }
            Event::Unreadable(_) | Event::RemovalsUnsafe(_) => self.removals.is_told = true,
            Event::Readable => self.removals.is_told = false,
            Event::LeftoverStays(..)
            | Event::NotRemoved(..)
            | Event::Stored(_)
            | Event::NotStored(..)
            | Event::NotRecorded(_) => {}
        }
    }
}
