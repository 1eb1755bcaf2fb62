//! A process of lonc: the session and the spool's machine, and around them what the daemon's driver and threads do, with
//! the bytes, files and time of the simulation. What is done in which order is as in `src/daemon/driver/mod.rs`.

mod clients;
mod life;
mod links;
mod spool;

use std::collections::VecDeque;
use std::time::Duration;

use lonc_proto::drain::Drain;
use lonc_proto::session::{Command, Config, Event as Told, LinkState, MessageId, Session};
use lonc_proto::time::Instant;

use self::clients::Clients;
use self::links::Links;
use self::spool::Spool;
use crate::queue::{Event, HostId, Pid};
use crate::time::{Micros, instant, micros};
use crate::world::World;

pub(crate) use self::clients::{Arrival, Owed};
pub(crate) use self::links::{Arrived, Place};

/// What the driver is told.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    Reconnect { cycle: bool },
    Reconfigure(Box<Config>, bool),
    Hold(lonc_proto::spool::Name),
    Release(lonc_proto::spool::Name),
    Drain,
}

pub(crate) struct Process {
    pub(crate) pid: Pid,
    pub(crate) host: HostId,
    pub(crate) peer: HostId,
    pub(crate) session: Session,
    pub(crate) config: Config,
    pub(crate) links: Links,
    pub(crate) clients: Clients,
    pub(crate) spool: Spool,
    pub(crate) orders: VecDeque<Order>,
    pub(crate) drain: Drain,
    drain_timeout: Duration,
    /// When it looks whether the paths of its links are dead.
    rounds: Option<Instant>,
    /// When it looks whether the peer has moved.
    moves: Option<Instant>,
    /// When it has its next turn.
    turn_at: Option<Micros>,
    /// It stands still until then.
    pub(crate) stalled_until: Micros,
    pub(crate) is_scarce: bool,
    /// It is killed once it has obeyed so many commands.
    pub(crate) commands_left: Option<u32>,
    pub(crate) is_dead: bool,
    /// The driver has ended, and the disk is waited for.
    pub(crate) has_ended: bool,
}

/// How often it looks at paths.
const ROUND: Duration = Duration::from_secs(5);

impl World {
    /// A process has something to do.
    pub(crate) fn ready(&mut self, process: &mut Process) {
        let at = self.now + self.rng.processes.u64(1..60);
        self.turn_at(process, at);
    }

    fn turn_at(&mut self, process: &mut Process, at: Micros) {
        if process.turn_at.is_none_or(|before| before > at) {
            process.turn_at = Some(at);
            self.queue.push(at, Event::Turn(process.pid));
        }
    }

    /// Lets a process do something, if it lives.
    pub(crate) fn with_process(&mut self, pid: Pid, act: impl FnOnce(&mut Self, &mut Process)) {
        if let Some(mut process) = self.processes[pid.0].take() {
            act(self, &mut process);
            if process.is_dead {
                self.bury(&mut process);
            } else {
                self.processes[pid.0] = Some(process);
            }
        }
    }

    /// It is its turn, unless it was before.
    pub(crate) fn take_turn(&mut self, pid: Pid) {
        let now = self.now;
        self.with_process(pid, |world, process| {
            if process.turn_at != Some(now) {
                return;
            }
            process.turn_at = None;
            if process.stalled_until > now {
                return world.turn_at(process, process.stalled_until);
            }
            if !process.has_ended {
                world.turn(process);
            }
        });
    }

    /// Once round, again and again until nothing moves.
    fn turn(&mut self, process: &mut Process) {
        let now = instant(self.now);
        for _ in 0..1_000 {
            if process.session.poll_timeout().is_some_and(|due| due <= now) {
                process.look_for_unread(now);
            }
            let mut progress = self.poll_orders(process);
            progress |= self.obey(process);
            process.session.handle_memory(process.is_scarce, now);
            progress |= self.poll_links(process);
            progress |= process.poll_spool(now);
            progress |= self.poll_clients(process);
            progress |= self.poll_arrivals(process);
            self.poll_timer(process);
            progress |= self.obey(process);
            progress |= self.poll_writes(process);
            progress |= self.obey(process);
            if process.is_dead {
                return;
            }
            if process.drain.is_over(&process.session, now) {
                return self.end_driver(process);
            }
            if !progress {
                process.check();
                let due = process.next_deadline(now);
                if let Some(due) = due {
                    assert!(due > now, "something is due and nothing comes of it");
                    self.turn_at(process, micros(due));
                }
                return self.spool_run(process);
            }
        }
        panic!("it goes round and round");
    }

    fn poll_orders(&mut self, process: &mut Process) -> bool {
        let Some(order) = process.orders.pop_front() else {
            return false;
        };
        let now = instant(self.now);
        self.trace(process.host, process.peer, || {
            format!("{:?}: {order:?}", process.pid)
        });
        match order {
            Order::Reconnect { cycle } => {
                process.session.handle_reconnect(now);
                process.moves = Some(now);
                if cycle {
                    process.move_all(now, |_| true);
                }
            }
            Order::Reconfigure(config, reopen) => {
                process.config = *config;
                process.spool.reconfigure();
                process
                    .session
                    .handle_reconfigure(process.config.clone(), reopen, now);
            }
            Order::Hold(name) => process.hold(name),
            Order::Release(name) => process.release(name),
            Order::Drain => self.drain(process),
        }
        true
    }

    fn drain(&mut self, process: &mut Process) {
        let now = instant(self.now);
        if process.drain.is_on() {
            process.drain.hurry(now);
        } else {
            process.drain.begin(now + process.drain_timeout);
            self.close_door(process);
            self.dismiss_clients(process);
        }
    }

    fn poll_timer(&mut self, process: &mut Process) {
        let now = instant(self.now);
        if process.session.poll_timeout().is_some_and(|due| due <= now) {
            process.session.handle_timeout(now);
        }
        if process.rounds.is_some_and(|due| due <= now) {
            self.go_round(process);
        }
        if process.moves.is_some_and(|due| due <= now) {
            process.moves = None;
            let address = self.hosts[process.peer].known_address;
            process.move_all(now, |place| place.address != address);
        }
        let links = &process.links;
        if process.drain.is_to_stop(now, || links.any_unread()) {
            process.session.handle_stop(now);
        }
        if process.drain.is_to_give_up(now) {
            process.session.handle_no_disk(now);
        }
    }

    /// Does what the session says; true if it said anything.
    fn obey(&mut self, process: &mut Process) -> bool {
        let now = instant(self.now);
        let mut any = false;
        while !process.is_dead
            && let Some(command) = process.session.next_command(now)
        {
            any = true;
            self.trace(process.host, process.peer, || {
                format!("{:?} session: {command:?}", process.pid)
            });
            self.count_down(process);
            if process.is_dead {
                return any;
            }
            match command {
                Command::Connect(id) => self.connect(process, id),
                Command::PassBy(_) => {}
                Command::Close(id) => self.close(process, id),
                Command::Answer(id, answers) => self.answer(process, id, &answers),
                Command::Stop => self.drain(process),
                Command::Retry => process.session.handle_reconnect(now),
                Command::Flush => process.spool.look(),
                Command::Delivered(id) => self.delivered(process, id),
                Command::SetAside(id) => self.set_aside(process, id),
                Command::Store(ticket, request) => process.spool.store(ticket, request),
                Command::Event(event) => self.tell(process, &event),
            }
        }
        any
    }

    fn count_down(&mut self, process: &mut Process) {
        if let Some(left) = &mut process.commands_left {
            *left -= 1;
            if *left == 0 {
                self.kill(process);
            }
        }
    }

    fn tell(&mut self, process: &mut Process, event: &Told) {
        self.stats.count(event);
        if let Told::LinkUp { link, .. } = event {
            process.links.is_now_up(*link);
            if process.moves.is_none() {
                let wait = self.rng.processes.u64(200..400);
                process.moves = Some(instant(self.now) + Duration::from_secs(wait));
            }
        }
    }
}

impl Process {
    fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let deadlines = [
            self.session.poll_timeout(),
            self.drain.deadline(now),
            self.rounds,
            self.moves,
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Has each open link replaced that is to be.
    fn move_all(&mut self, now: Instant, is_to_move: impl Fn(&Place) -> bool) {
        for link in self.session.status().links {
            let place = self.links.get(link.link);
            if link.state == LinkState::Up && place.is_some_and(&is_to_move) {
                self.session.handle_moved(link.link, now);
            }
        }
    }

    pub(crate) fn withdraw(&mut self, id: MessageId, now: Instant) -> bool {
        let is_back = self.session.handle_withdraw(id, now);
        if is_back {
            self.spool.is_through(id);
        }
        is_back
    }
}
