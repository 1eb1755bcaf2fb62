//! What a process has its host's disk do.

use std::time::Duration;

use bytes::Bytes;
use forgetful_disk::{FileId, Refusal};
use lonc_proto::spool::{Command, Fault, FaultKind, Name, Now, Operation, Place, Shelf, Stat, Unsendable};

use crate::book::{AskId, Kind, Mark, id_of};
use crate::host::DiskHealth;
use crate::plan;
use crate::process::Process;
use crate::queue::{Event, HostId};
use crate::time::{MS, Micros, SECOND, instant};
use crate::world::World;

/// When a run begins, in seconds since 1970.
const EPOCH: u64 = 1_700_000_000;

pub(crate) fn at(shelf: Shelf, name: &Name) -> Place {
    Place {
        shelf,
        name: name.clone(),
    }
}

fn fault(kind: FaultKind) -> Fault {
    let text = "refused".to_owned();
    Fault { kind, text }
}

fn refused(refusal: Refusal) -> Fault {
    fault(match refusal {
        Refusal::NotFound => FaultKind::NotFound,
        Refusal::Exists => FaultKind::Exists,
    })
}

impl World {
    /// By the clocks of a host.
    pub(crate) fn time_of(&self, host: HostId) -> Now {
        Now {
            instant: instant(self.now),
            epoch: self.epoch(host),
        }
    }

    pub(crate) fn epoch(&self, host: HostId) -> u64 {
        (EPOCH + self.now / SECOND).saturating_add_signed(self.hosts[host].clock)
    }

    /// How long the disk takes for the next thing.
    pub(crate) fn disk_takes(&mut self, host: HostId) -> Micros {
        let rng = &mut self.rng.disks;
        match self.hosts[host].disk_health {
            DiskHealth::Slow if rng.u8(..8) == 0 => rng.u64(SECOND..15 * SECOND),
            DiskHealth::Slow => rng.u64(10 * MS..SECOND),
            DiskHealth::Well | DiskHealth::Fails => rng.u64(20..4 * MS),
        }
    }

    /// The message that is there, whole.
    pub(crate) fn message_at(&self, host: HostId, place: &Place) -> Option<AskId> {
        let content = &self.hosts[host].disk.get(place)?.content;
        content.ends_with(b"\n").then(|| id_of(content)).flatten()
    }

    /// A file appears, by a worker or a process.
    pub(crate) fn make_file(
        &mut self,
        host: HostId,
        place: Place,
        content: &[u8],
    ) -> Result<FileId, Refusal> {
        let epoch = self.epoch(host);
        let file = self.hosts[host].disk.create(place, content, true)?;
        let times = &mut self.hosts[host].written_at;
        times.resize(file.index() + 1, epoch);
        Ok(file)
    }

    /// Whoever watches the queue is told, a moment later.
    pub(crate) fn tell_of_file(&mut self, host: HostId, name: &Name) {
        let end = name
            .as_bytes()
            .rsplit(|byte| *byte == b'.')
            .next()
            .unwrap_or_default();
        let peer = self.hosts.iter().position(|host| host.id.as_bytes() == end);
        let is_heard = !self.plan.has(plan::Fault::Deaf) || self.is_calm || self.rng.disks.u8(..4) > 0;
        if !is_heard {
            if let Some(id) = self.message_at(host, &at(Shelf::Queue, name)) {
                self.book.get_mut(id).marks.put(Mark::Excused);
            }
        } else if let Some(pid) = peer.and_then(|peer| self.hosts[host].locks[peer]) {
            self.after(MS, Event::Notice(pid, name.clone()));
        }
    }

    /// A process that is killed leaves what it is at done, or not.
    pub(crate) fn interrupt_disk(&mut self, process: &mut Process) {
        if let Some(Command::Operate(operation)) = process.spool.busy.take()
            && self.rng.disks.bool()
        {
            self.operate(process, operation, true);
        }
    }

    pub(crate) fn perform(&mut self, process: &mut Process, command: Command) {
        let is_ill = self.hosts[process.host].disk_health == DiskHealth::Fails;
        let goes_well = !(is_ill && self.rng.disks.u8(..4) == 0);
        match command {
            Command::Operate(operation) => self.operate(process, operation, goes_well),
            Command::Record(..) => {
                let now = self.time_of(process.host);
                let outcome = if goes_well {
                    Ok(())
                } else {
                    Err(fault(FaultKind::Other))
                };
                process.spool.machine().handle_recorded(outcome, now);
            }
            Command::Tell(_)
            | Command::Answer(..)
            | Command::Reconfigured
            | Command::Finished
            | Command::Event(_) => panic!("nothing for a disk"),
        }
    }

    fn operate(&mut self, process: &mut Process, operation: Operation, goes_well: bool) {
        let (host, now) = (process.host, self.time_of(process.host));
        if !goes_well && matches!(operation, Operation::List(_) | Operation::Read(..)) {
            self.book.excuse_all(host);
        }
        let ill = || {
            if goes_well {
                Ok(())
            } else {
                Err(fault(FaultKind::Other))
            }
        };
        match operation {
            Operation::List(shelf) => {
                let places = self.hosts[host].disk.places();
                for place in places.filter(|place| place.shelf == shelf) {
                    process.spool.machine().handle_entry(place.name.as_bytes());
                }
                process.spool.machine().handle_listed(ill(), now);
            }
            Operation::Stat(place) => {
                let stat = ill().and_then(|()| self.stat(host, &place));
                process.spool.machine().handle_stat(stat, now);
            }
            Operation::Read(name, most) => {
                let read = ill().map_err(Unsendable::Unreadable);
                let read = read.and_then(|()| self.read(host, &name, most));
                process.spool.machine().handle_read(read, now);
            }
            Operation::Write(name, content) => {
                let content = content.as_bytes();
                let some = if goes_well {
                    content.len()
                } else {
                    self.rng.disks.usize(..=content.len())
                };
                let made = self.make_file(host, at(Shelf::Queue, &name), &content[..some]);
                process.spool.written = made.ok();
                let made = made.map(drop).map_err(refused);
                process.spool.machine().handle_written(made.and(ill()), now);
            }
            Operation::SyncFile => {
                let written = process.spool.written.take();
                let synced = ill().and(written.ok_or(fault(FaultKind::Other)));
                let disk = &mut self.hosts[host].disk;
                let synced = synced.map(|file| disk.sync_file(file));
                process.spool.machine().handle_synced(synced, now);
            }
            Operation::Sync(shelf) => {
                if goes_well {
                    self.hosts[host].disk.sync(|place| place.shelf == shelf);
                }
                if shelf == Shelf::Queue {
                    process.spool.is_synced = goes_well;
                }
                process.spool.machine().handle_synced(ill(), now);
            }
            Operation::Rename { from, to } => {
                let renamed = ill().and_then(|()| self.rename(host, &from, &to));
                process.spool.machine().handle_renamed(renamed, now);
            }
            Operation::Remove(name) => {
                let removed = ill().and_then(|()| self.remove(host, &name));
                process.spool.machine().handle_removed(removed, now);
            }
            Operation::Make(_) => process.spool.machine().handle_made(ill(), now),
        }
    }

    fn stat(&self, host: HostId, place: &Place) -> Result<Stat, Fault> {
        let host = &self.hosts[host];
        let file = host.disk.file_at(place).ok_or(fault(FaultKind::NotFound))?;
        let size = host.disk.get(place).map_or(0, |file| file.content.len() as u64);
        let written = Duration::from_secs(host.written_at[file.index()]);
        Ok(Stat { size, written })
    }

    fn read(&self, host: HostId, name: &Name, most: usize) -> Result<(Bytes, Duration), Unsendable> {
        let place = at(Shelf::Queue, name);
        let stat = self.stat(host, &place).map_err(|_| Unsendable::Gone)?;
        let content = &self.hosts[host].disk.get(&place).ok_or(Unsendable::Gone)?.content;
        let content = Bytes::copy_from_slice(&content[..most.min(content.len())]);
        let age = self.epoch(host).checked_sub(stat.written.as_secs());
        Ok((content, age.map_or(Duration::MAX, Duration::from_secs)))
    }

    fn rename(&mut self, host: HostId, from: &Place, to: &Place) -> Result<(), Fault> {
        self.hosts[host].disk.rename(from, to).map_err(refused)?;
        if to.shelf == Shelf::Queue {
            if let Some(id) = self.message_at(host, to) {
                let ask = self.book.get_mut(id);
                (ask.name, ask.held_since) = (Some(to.name.clone()), None);
                if from.shelf != Shelf::Queue {
                    ask.marks.put(Mark::Excused);
                }
            }
            self.tell_of_file(host, &to.name);
        }
        Ok(())
    }

    /// Nothing is removed but what was answered, or nobody was promised.
    fn remove(&mut self, host: HostId, name: &Name) -> Result<(), Fault> {
        let place = at(Shelf::Queue, name);
        if let Some(id) = self.message_at(host, &place) {
            let ask = self.book.get(id);
            let is_answered = ask.marks.has(Mark::Answered);
            let is_nobodys = ask.kind == Kind::Critical && ask.stored_at.is_none();
            assert!(is_answered || is_nobodys, "{id} is removed, and was not answered");
        }
        self.hosts[host].disk.remove(&place).map_err(refused)
    }
}
