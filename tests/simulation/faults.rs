//! What goes wrong, and how it comes right again.

use lonc_proto::spool::Shelf;

use crate::book::Mark;
use crate::disk::at;
use crate::host::DiskHealth;
use crate::plan::Fault;
use crate::process::{Order, Process};
use crate::queue::{ConnId, Event, Heal, HostId, Pid};
use crate::serving::Health;
use crate::time::{MINUTE, MS, Micros, SECOND};
use crate::world::World;

impl World {
    /// A fault occurs, and the next of its kind some time later.
    pub(crate) fn fault(&mut self, fault: Fault) {
        if self.is_calm {
            return;
        }
        let wait = self.rng.faults.u64(MS..2 * self.intervals[fault as usize]);
        self.after(wait, Event::Fault(fault));
        self.stats.faults += 1;
        let host = self.rng.faults.usize(..self.hosts.len());
        match fault {
            Fault::Cut => self.cut_one(host),
            Fault::Partition => self.part(host),
            Fault::Kill => self.with_some_process(host, |world, process| {
                if world.rng.faults.bool() {
                    world.kill(process);
                } else {
                    process.commands_left = Some(world.rng.faults.u32(1..20));
                }
            }),
            Fault::PowerCut => self.cut_power(host),
            Fault::LondDies => self.lond_is(host, Health::Down, 2 * MINUTE),
            Fault::LondHangs => self.lond_is(host, Health::Hangs, 8 * MINUTE),
            Fault::LondSlow => self.lond_is(host, Health::Slow, 8 * MINUTE),
            Fault::LondEmpty => self.lond_is(host, Health::Empty, MINUTE),
            Fault::LondLimits => self.lond_is(host, Health::Limits, 20 * MINUTE),
            Fault::LondGarbles => self.lond_is(host, Health::Garbles, MINUTE),
            Fault::Move => self.move_host(host),
            Fault::DiskFails => self.disk_is(host, DiskHealth::Fails),
            Fault::DiskSlow => self.disk_is(host, DiskHealth::Slow),
            Fault::ClockJump => {
                // Names of more than a day ahead are heeded by nobody: their order is not promised.
                let most = [5, 4000, 40_000][self.rng.faults.usize(..3)];
                self.hosts[host].clock = self.rng.faults.i64(-most..=most);
            }
            Fault::Stall => self.with_some_process(host, |world, process| {
                let span = [2 * SECOND, 100 * SECOND, 400 * SECOND][world.rng.faults.usize(..3)];
                process.stalled_until = world.now + world.rng.faults.u64(MS..span);
            }),
            Fault::Suspend => {
                let until = self.now + self.rng.faults.u64(MS..10 * MINUTE);
                let all = self.processes.iter_mut().flatten();
                all.filter(|process| process.host == host)
                    .for_each(|process| process.stalled_until = until);
            }
            Fault::Restart | Fault::Takeover => self.stop_one(host, fault),
            Fault::Reload => self.reload(host),
            Fault::Disable => self.disable(host),
            Fault::Operator => self.operate_on(host),
            // Workers see to it, or the kernel.
            Fault::Poison | Fault::PartWrites | Fault::Deaf => {}
            Fault::Scarce => {
                self.with_some_process(host, |world, process| {
                    process.is_scarce = !process.is_scarce;
                    world.ready(process);
                });
            }
        }
    }

    /// One of a host's instances that has something to do, rather.
    fn some_process(&mut self, host: HostId) -> Option<Pid> {
        let num = self.hosts.len();
        let rng = &mut self.rng.faults;
        let distance = if rng.bool() {
            rng.usize(1..num)
        } else {
            1 + rng.usize(..3.min(num - 1))
        };
        self.hosts[host].locks[(host + distance) % num]
    }

    fn with_some_process(&mut self, host: HostId, act: impl FnOnce(&mut Self, &mut Process)) {
        if let Some(pid) = self.some_process(host) {
            self.with_process(pid, act);
        }
    }

    fn cut_one(&mut self, host: HostId) {
        let Some(pid) = self.some_process(host) else {
            return;
        };
        let conns: Vec<ConnId> = self.processes[pid.0]
            .as_ref()
            .map_or(Vec::new(), |process| process.links.conns().collect());
        let open: Vec<_> = conns
            .into_iter()
            .filter(|conn| self.conns[conn.0].is_open())
            .collect();
        if let Some(conn) = self.rng.faults.choice(&open) {
            self.cut(*conn);
        }
    }

    fn part(&mut self, host: HostId) {
        let num = self.hosts.len();
        let other = (host + self.rng.faults.usize(1..num)) % num;
        let others = if self.rng.faults.u8(..5) == 0 {
            0..num
        } else {
            other..other + 1
        };
        let span = [10 * SECOND, 10 * MINUTE][self.rng.faults.usize(..2)];
        let wait = self.rng.faults.u64(MS..span);
        for other in others.filter(|other| *other != host) {
            let pair = (host.min(other), host.max(other));
            if self.partitions.contains_key(&pair) {
                continue;
            }
            self.partitions.insert(pair, self.now);
            self.expect_silence(|conn| conn.is_between(host, other));
            self.after(wait, Event::Heal(Heal::Path(pair.0, pair.1)));
        }
    }

    fn cut_power(&mut self, host: HostId) {
        if !self.hosts[host].is_on {
            return;
        }
        self.stats.power_cuts += 1;
        self.hosts[host].is_on = false;
        self.hosts[host].off_since = Some(self.now);
        for pid in 0..self.processes.len() {
            let is_theirs = self.processes[pid]
                .as_ref()
                .is_some_and(|process| process.host == host);
            if is_theirs {
                self.with_process(Pid(pid), |world, process| {
                    // All in the same instant: nothing is done to the disk any more.
                    process.spool.busy = None;
                    world.kill(process);
                    process.is_dead = true;
                });
            }
        }
        self.end_lond(host);
        self.expect_silence(|conn| conn.touches(host));
        self.begun.retain(|_, begun| begun.host != host);
        let mut rng = self.rng.disks.fork();
        self.hosts[host].disk.crash(&mut rng);
        self.book.lost_power(host);
        self.look_at_disk(host);
        let wait = self.rng.faults.u64(5 * SECOND..10 * MINUTE);
        self.after(wait, Event::Heal(Heal::Power(host)));
    }

    /// After a crash: what was promised is there.
    fn look_at_disk(&mut self, host: HostId) {
        let mut there = vec![false; self.book.asks.len()];
        for place in self.hosts[host].disk.places() {
            if let Some(id) = self.message_at(host, place) {
                there[id as usize] = true;
            }
        }
        for (id, ask) in self.book.asks.iter_mut().enumerate() {
            if ask.from != host || there[id] {
                continue;
            }
            let is_lost = ask.stored_at.is_some() && ask.carried.is_empty();
            assert!(!is_lost, "{id} was promised, and is lost in a power cut");
            ask.marks.put(Mark::Gone);
        }
    }

    /// It is so for a while.
    fn lond_is(&mut self, host: HostId, health: Health, most: Micros) {
        if !self.hosts[host].is_on {
            return;
        }
        let was = std::mem::replace(&mut self.hosts[host].lond, health);
        self.hosts[host].lond_changes += 1;
        let changes = self.hosts[host].lond_changes;
        if was == Health::Hangs && health != Health::Hangs {
            self.go_on(|conn| conn.to == host);
        }
        if health == Health::Down {
            self.end_lond(host);
        }
        let wait = self.rng.faults.u64(MS..most);
        self.after(wait, Event::Heal(Heal::Lond(host, changes)));
    }

    fn disk_is(&mut self, host: HostId, health: DiskHealth) {
        let host_id = host;
        let host = &mut self.hosts[host];
        host.disk_health = health;
        host.disk_changes += 1;
        let changes = host.disk_changes;
        let wait = self.rng.faults.u64(MS..3 * MINUTE);
        self.after(wait, Event::Heal(Heal::Disk(host_id, changes)));
    }

    fn move_host(&mut self, host: HostId) {
        self.hosts[host].address += 1;
        self.hosts[host].moved_at = self.now;
        self.expect_silence(|conn| conn.to == host);
        let wait = self.rng.faults.u64(MS..5 * MINUTE);
        self.after(wait, Event::Heal(Heal::Name(host)));
    }

    /// An instance is to end; another one starts at once, or when it has ended.
    fn stop_one(&mut self, host: HostId, fault: Fault) {
        let Some(pid) = self.some_process(host) else {
            return;
        };
        let mut peer = 0;
        self.with_process(pid, |world, process| {
            peer = process.peer;
            process.orders.push_back(Order::Drain);
            world.ready(process);
        });
        if fault == Fault::Takeover && self.hosts[host].instances[peer] == Some(pid) {
            self.hosts[host].instances[peer] = None;
            let wait = self.rng.faults.u64(MS..3 * SECOND);
            self.after(wait, Event::Start { host, peer });
        }
    }

    fn reload(&mut self, host: HostId) {
        let Some(pid) = self.some_process(host) else {
            return;
        };
        self.with_process(pid, Self::reconfigure);
    }

    fn reconfigure(&mut self, process: &mut Process) {
        let config = self.config(process.host, process.peer);
        let pair = self.book.pair(process.host, process.peer);
        pair.pipeline = pair.pipeline.max(config.pipeline);
        let reopen = self.rng.faults.u8(..3) == 0;
        process
            .orders
            .push_back(Order::Reconfigure(Box::new(config), reopen));
        self.ready(process);
    }

    fn disable(&mut self, host: HostId) {
        let Some(pid) = self.some_process(host) else {
            return;
        };
        self.with_process(pid, |world, process| {
            let peer = process.peer;
            if !std::mem::replace(&mut world.hosts[host].disabled[peer], true) {
                let wait = world.rng.faults.u64(SECOND..5 * MINUTE);
                world.after(wait, Event::Heal(Heal::Enable(host, peer)));
                world.reconfigure(process);
            }
        });
    }

    fn operate_on(&mut self, host: HostId) {
        let places = self.hosts[host].disk.places();
        let queued: Vec<_> = places
            .filter(|place| place.shelf == Shelf::Queue && !place.name.as_bytes().starts_with(b"."))
            .cloned()
            .collect();
        if let Some(place) = self.rng.faults.choice(&queued).filter(|_| !queued.is_empty())
            && let Some(id) = self.message_at(host, place)
            && self.rng.faults.bool()
        {
            let (name, peer) = (place.name.clone(), self.book.get(id).to);
            let wait = self.rng.faults.u64(SECOND..5 * MINUTE);
            self.after(wait, Event::Heal(Heal::Release(host, peer, name.clone())));
            self.order(host, peer, Order::Hold(name));
        } else if let Some(pid) = self.some_process(host) {
            let cycle = self.rng.faults.bool();
            self.with_process(pid, |world, process| {
                process.orders.push_back(Order::Reconnect { cycle });
                world.ready(process);
            });
        }
    }

    fn order(&mut self, host: HostId, peer: HostId, order: Order) {
        if let Some(pid) = self.hosts[host].locks[peer] {
            self.with_process(pid, |world, process| {
                process.orders.push_back(order);
                world.ready(process);
            });
        }
    }

    /// What a fault did comes to its end.
    pub(crate) fn heal(&mut self, heal: Heal) {
        match heal {
            Heal::Path(one, other) => {
                self.partitions.remove(&(one, other));
                self.go_on(|conn| conn.is_between(one, other));
            }
            Heal::Power(host) => {
                self.hosts[host].is_on = true;
                self.hosts[host].off_since = None;
                self.disown(host);
                for peer in (0..self.hosts.len()).filter(|peer| *peer != host) {
                    let wait = self.rng.faults.u64(MS..2 * SECOND);
                    self.after(wait, Event::Start { host, peer });
                }
            }
            Heal::Lond(host, changes) => {
                if self.hosts[host].lond_changes == changes {
                    self.hosts[host].lond = Health::Well;
                    self.go_on(|conn| conn.to == host);
                }
            }
            Heal::Disk(host, changes) => {
                if self.hosts[host].disk_changes == changes {
                    self.hosts[host].disk_health = DiskHealth::Well;
                }
            }
            Heal::Name(host) => self.hosts[host].known_address = self.hosts[host].address,
            Heal::Enable(host, peer) => {
                self.hosts[host].disabled[peer] = false;
                if let Some(pid) = self.hosts[host].locks[peer] {
                    self.with_process(pid, Self::reconfigure);
                }
            }
            Heal::Release(host, peer, name) => {
                if self.hosts[host].disk.get(&at(Shelf::Held, &name)).is_some() {
                    self.order(host, peer, Order::Release(name));
                }
            }
        }
    }
}
