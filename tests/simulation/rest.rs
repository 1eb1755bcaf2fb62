//! After the faults: all comes to rest, within a bounded time.

use lonc_proto::session::LinkState;
use lonc_proto::spool::Shelf;

use crate::book::{Kind, Mark};
use crate::disk::at;
use crate::host::DiskHealth;
use crate::process::Process;
use crate::queue::{Event, Heal, HostId};
use crate::time::{MINUTE, Micros, SECOND, text};
use crate::world::World;

/// How long it may take.
const BOUND: Micros = 45 * MINUTE;
/// How often it is looked.
const LOOK: Micros = 15 * SECOND;

impl World {
    /// Faults end here, and nobody asks anything more.
    pub(crate) fn calm(&mut self) {
        self.is_calm = true;
        self.rest_by = self.now + BOUND;
        for pair in self.partitions.clone().into_keys() {
            self.heal(Heal::Path(pair.0, pair.1));
        }
        for host in 0..self.hosts.len() {
            if !self.hosts[host].is_on {
                self.heal(Heal::Power(host));
            }
            self.hosts[host].lond_changes += 1;
            self.heal(Heal::Lond(host, self.hosts[host].lond_changes));
            self.hosts[host].disk_health = DiskHealth::Well;
            self.heal(Heal::Name(host));
            for peer in 0..self.hosts.len() {
                if self.hosts[host].disabled[peer] {
                    self.heal(Heal::Enable(host, peer));
                }
            }
        }
        for process in self.processes.iter_mut().flatten() {
            process.is_scarce = false;
            process.commands_left = None;
        }
        self.sweep();
        self.after(LOOK, Event::LookForRest);
    }

    /// Somebody removes what was cut off in power cuts: no message, and looked at again and again.
    fn sweep(&mut self) {
        self.begun.clear();
        for host in 0..self.hosts.len() {
            let places: Vec<_> = self.hosts[host].disk.places().cloned().collect();
            for place in places.iter().filter(|place| place.shelf == Shelf::Queue) {
                if self.message_at(host, place).is_none() && !place.name.as_bytes().starts_with(b".") {
                    let _ = self.hosts[host].disk.remove(place);
                }
            }
        }
    }

    /// True if all is at rest; else it is looked again, while there is time.
    pub(crate) fn look_for_rest(&mut self) -> bool {
        self.release_all();
        let Some(why) = self.unrest() else {
            self.check_end();
            return true;
        };
        assert!(self.now < self.rest_by, "no rest by {}: {why}", text(self.now));
        self.after(LOOK, Event::LookForRest);
        false
    }

    fn release_all(&mut self) {
        for host in 0..self.hosts.len() {
            let places = self.hosts[host].disk.places();
            let held: Vec<_> = places
                .filter(|place| place.shelf == Shelf::Held)
                .cloned()
                .collect();
            for place in held {
                if let Some(id) = self.message_at(host, &place) {
                    let peer = self.book.get(id).to;
                    self.heal(Heal::Release(host, peer, place.name));
                }
            }
        }
    }

    /// What is not at rest, if anything.
    fn unrest(&self) -> Option<String> {
        for (host, its) in self.hosts.iter().enumerate() {
            for peer in (0..self.hosts.len()).filter(|peer| *peer != host) {
                let pair = format!("{} for {}", its.id, self.hosts[peer].id);
                let Some(pid) = its.instances[peer] else {
                    return Some(format!("{pair}: no instance"));
                };
                let process = self.processes[pid.0].as_ref()?;
                if let Some(why) = process.unrest() {
                    return Some(format!("{pair}: {why}"));
                }
            }
            if let Some(name) = self.unsent(host) {
                return Some(format!("{}: {name} is not sent", its.id));
            }
        }
        None
    }

    /// A whole message in the queue, or one that is held back, but for those of which an operator was told that they are left there.
    fn unsent(&self, host: HostId) -> Option<String> {
        let queued = self.hosts[host]
            .disk
            .places()
            .filter(|place| place.shelf != Shelf::Failed);
        let mut whole = queued.filter(|place| {
            let id = self.message_at(host, place);
            !place.name.as_bytes().starts_with(b".")
                && id.is_some_and(|id| !self.book.get(id).marks.has(Mark::Stuck))
        });
        whole
            .next()
            .map(|place| place.name.to_string_lossy().into_owned())
    }

    /// Whatever was to be done once is done.
    fn check_end(&self) {
        for (id, ask) in self.book.asks.iter().enumerate() {
            let is_owed = ask.stored_at.is_some()
                || (ask.kind == Kind::File && ask.whole_at.is_some() && !ask.marks.has(Mark::Gone));
            let done = !ask.carried.is_empty()
                || self.is_on_shelf(id, Shelf::Failed)
                || (ask.marks.has(Mark::Stuck) && self.is_on_shelf(id, Shelf::Queue));
            assert!(!is_owed || done, "{id} was never carried out: {ask:?}");
        }
    }

    fn is_on_shelf(&self, id: usize, shelf: Shelf) -> bool {
        let ask = &self.book.asks[id];
        let disk = &self.hosts[ask.from].disk;
        ask.name
            .as_ref()
            .is_some_and(|name| disk.get(&at(shelf, name)).is_some())
    }
}

impl Process {
    fn unrest(&self) -> Option<String> {
        if !self.clients.are_answered() {
            return Some("a worker has no answer".to_owned());
        }
        let session = &self.session;
        if session.num_messages() > 0 || session.has_critical_waiting() {
            return Some(format!("{} messages are not through", session.num_messages()));
        }
        if session.weight() > 0 {
            return Some(format!("{} bytes are kept", session.weight()));
        }
        let links = session.status().links;
        let up = links.iter().filter(|link| link.state == LinkState::Up).count();
        if (up, links.len()) != (self.config.connections, self.config.connections) {
            return Some(format!(
                "{up} of {} links are up, not {}",
                links.len(),
                self.config.connections
            ));
        }
        None
    }
}
