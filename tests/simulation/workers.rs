//! Workers: they come to a host, ask its instances, and leave; those of the old kind leave messages on disk.

use std::fmt::Write as _;

use forgetful_disk::FileId;
use lonc_proto::spool::{Name, Shelf};

use crate::book::{AskId, Kind, Mark};
use crate::disk::at;
use crate::plan::Fault;
use crate::process::{Arrival, Owed};
use crate::queue::{ClientNo, Event, HostId};
use crate::time::{MS, SECOND};
use crate::world::World;

/// A file that is not written to its end.
pub(crate) struct Begun {
    pub(crate) host: HostId,
    pub(crate) file: FileId,
    pub(crate) name: Name,
    pub(crate) rest: Vec<u8>,
    pub(crate) id: AskId,
}

impl World {
    /// Most go where most go.
    fn choose_peer(&mut self, host: HostId) -> HostId {
        let (rng, num) = (&mut self.rng.workers, self.hosts.len());
        let distance = if rng.u8(..4) == 0 {
            rng.usize(1..num)
        } else {
            1 + rng.usize(..3.min(num - 1))
        };
        (host + distance) % num
    }

    /// One comes; the next comes some time later.
    pub(crate) fn visit(&mut self, host: HostId) {
        if self.is_calm {
            return;
        }
        let wait = self.rng.workers.u64(MS..2 * self.pace);
        self.after(wait, Event::Visit(host));
        let peer = self.choose_peer(host);
        let Some(pid) = self.hosts[host].instances[peer] else {
            return;
        };
        self.num_clients += 1;
        let arrival = Arrival {
            no: ClientNo(self.num_clients),
            batches: self.rng.workers.u32(1..4),
            is_slow: self.rng.workers.u8(..12) == 0,
        };
        self.with_process(pid, |world, process| world.come(process, arrival));
    }

    /// How much is asked at once.
    pub(crate) fn num_asks(&mut self) -> usize {
        let rng = &mut self.rng.workers;
        match rng.u8(..40) {
            0 => rng.usize(20..60),
            1..6 => rng.usize(3..8),
            _ => rng.usize(1..3),
        }
    }

    /// A line of a worker's, and what is owed for it.
    pub(crate) fn line(&mut self, host: HostId, peer: HostId, no: ClientNo, lines: &mut Vec<u8>) -> Owed {
        let rng = &mut self.rng.workers;
        let words: [(&[u8], &'static [u8]); 3] = [
            (b"\n", b"unknown_cmd"),
            (b"init\n", b"refused"),
            (b"reset_retries\n", b"ok"),
        ];
        if let Some((line, word)) = words.get(rng.usize(..60)) {
            lines.extend_from_slice(line);
            return Owed::Word(word);
        }
        let (is_critical, encrypted) = (rng.u8(..3) == 0, rng.u8(..4) == 0);
        let filler = if rng.u8(..30) == 0 {
            rng.usize(..3000)
        } else {
            rng.usize(..40)
        };
        let kind = if is_critical { Kind::Critical } else { Kind::Plain };
        let id = self.book.add(kind, host, peer, Some(no));
        self.book.get_mut(id).encrypted = encrypted;
        let mut other = String::new();
        if self.rng.workers.u8(..8) == 0 {
            self.book.get_mut(id).marks.put(Mark::Other);
            other = format!("sethost:{}b:", self.hosts[peer].id);
        }
        self.stats.asked += 1;
        let critical = if is_critical { "critical:" } else { "" };
        let encrypt = if encrypted { "encrypt:" } else { "" };
        let filler = "x".repeat(filler);
        lines.extend_from_slice(format!("{critical}{other}{encrypt}put:{id}:{filler}\n").as_bytes());
        Owed::Ask(id)
    }

    /// A worker leaves a message on disk, at once or in two parts.
    pub(crate) fn drop_file(&mut self, host: HostId) {
        if self.is_calm {
            return;
        }
        let wait = self.rng.workers.u64(MS..10 * self.pace);
        self.after(wait, Event::DropFile(host));
        if !self.hosts[host].is_on {
            return;
        }
        let peer = self.choose_peer(host);
        let rng = &mut self.rng.workers;
        let is_whole = rng.u8(..4) != 0;
        let is_poison = self.plan.has(Fault::Poison) && rng.u8(..20) == 0;
        let encrypted = rng.u8(..4) == 0;
        let id = self.book.add(Kind::File, host, peer, None);
        let ask = self.book.get_mut(id);
        ask.encrypted = encrypted;
        if is_poison {
            ask.marks.put(Mark::Poison);
            ask.marks.put(Mark::Excused);
        }
        self.stats.files += 1;
        let mut content = String::new();
        let encrypt = if encrypted { "encrypt:" } else { "" };
        let _ = writeln!(content, "{encrypt}put:{id}:");
        let epoch = self.epoch(host);
        let name = Name::from(format!("{epoch:010}.{id:06}.9.put.{}", self.hosts[peer].id));
        let some = if is_whole {
            content.len()
        } else {
            self.rng.workers.usize(..content.len())
        };
        let (now, later) = content.as_bytes().split_at(some);
        let Ok(file) = self.make_file(host, at(Shelf::Queue, &name), now) else {
            return;
        };
        self.tell_of_file(host, &name);
        if later.is_empty() {
            return self.book.file_is_whole(id, name, self.now);
        }
        let rest = later.to_vec();
        self.begun.insert(
            id,
            Begun {
                host,
                file,
                name,
                rest,
                id,
            },
        );
        let wait = self.rng.workers.u64(MS..9 * SECOND);
        self.after(wait, Event::FinishFile(id));
    }

    /// The rest is written, unless the power failed meanwhile.
    pub(crate) fn finish_file(&mut self, id: AskId) {
        let Some(begun) = self.begun.remove(&id) else {
            return;
        };
        let epoch = self.epoch(begun.host);
        let host = &mut self.hosts[begun.host];
        host.disk.append(begun.file, &begun.rest);
        host.written_at[begun.file.index()] = epoch;
        self.tell_of_file(begun.host, &begun.name);
        self.book.file_is_whole(begun.id, begun.name, self.now);
    }
}
