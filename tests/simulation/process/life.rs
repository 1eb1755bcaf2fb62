//! Processes begin and end.

use std::collections::VecDeque;
use std::time::Duration;

use lonc_proto::backoff::Bounds;
use lonc_proto::drain::Drain;
use lonc_proto::handshake::Identity;
use lonc_proto::session::{Config, Session};

use super::{Clients, Links, Process};
use crate::queue::{Event, HostId, Pid};
use crate::time::{MS, Micros, SECOND, instant};
use crate::world::World;

impl World {
    /// An instance starts; nothing if another one still has the spool.
    pub(crate) fn start(&mut self, host: HostId, peer: HostId) {
        let is_there = self.hosts[host].instances[peer].is_some();
        if !self.hosts[host].is_on || is_there {
            return;
        }
        if self.hosts[host].locks[peer].is_some() {
            // It ends again, and the service manager has another try.
            return self.after(SECOND, Event::Start { host, peer });
        }
        let pid = Pid(self.processes.len());
        self.hosts[host].instances[peer] = Some(pid);
        self.hosts[host].locks[peer] = Some(pid);
        let config = self.config(host, peer);
        let pair = self.book.pair(host, peer);
        pair.pipeline = pair.pipeline.max(config.pipeline);
        let now = instant(self.now);
        let mut process = Process {
            pid,
            host,
            peer,
            session: Session::new(config.clone(), self.rng.processes.u64(..), now),
            links: Links::new(self.rng.processes.u8(..4) == 0),
            clients: Clients::default(),
            spool: self.spool(host, peer, pid),
            orders: VecDeque::new(),
            drain: Drain::default(),
            drain_timeout: config.drain_timeout,
            config,
            rounds: None,
            moves: None,
            turn_at: None,
            stalled_until: 0,
            is_scarce: false,
            commands_left: None,
            is_dead: false,
            has_ended: false,
        };
        self.spool_run(&mut process);
        self.turn(&mut process);
        self.processes.push(Some(Box::new(process)));
        let share = self.rng.processes.u64(250..350);
        self.after(share * SECOND, Event::LookAround(pid));
    }

    /// The settings of an instance, as its host has them.
    pub(crate) fn config(&mut self, host: HostId, peer: HostId) -> Config {
        let rng = &mut self.rng.processes;
        let seconds = Duration::from_secs;
        let connections = [0, 1, 1, 1, 2][rng.usize(..5)];
        let probe = if self.is_calm {
            0
        } else {
            [0, 0, 60, 240][rng.usize(..4)]
        };
        Config {
            identity: Identity {
                peer: self.hosts[peer].id.clone(),
                own: self.hosts[host].id.clone(),
                version: "1.0".to_owned(),
            },
            pong: false,
            connections,
            max_connections: connections.max(1) + rng.usize(..4),
            idle_timeout: seconds(rng.u64(20..300)),
            pipeline: [1, 2, 4, 16, 64][rng.usize(..5)],
            handshake_timeout: seconds(60),
            opening_timeout: seconds(120),
            request_timeout: seconds([30, 300][rng.usize(..2)]),
            connect_wait: seconds(10),
            probe_interval: seconds(probe),
            backoff: Bounds::new(seconds(1), seconds([30, 120][rng.usize(..2)])).expect("bounds"),
            max_reply_bytes: 1 << 20,
            spool: true,
            message_timeout: seconds(60),
            max_attempts: 5,
            disabled: self.hosts[host].disabled[peer],
            drain_timeout: seconds(20),
            max_client_bytes: [200, 64 << 20][rng.usize(..2)],
        }
    }

    /// The driver has done all it had to; what is on its way to the disk is waited for.
    pub(super) fn end_driver(&mut self, process: &mut Process) {
        process.has_ended = true;
        self.close_door(process);
        self.close_all(process);
        process.hang_up();
        process.spool.finish();
        let rest = process.drain.rest(instant(self.now));
        self.after(
            Micros::try_from(rest.as_micros()).unwrap_or(MS),
            Event::End(process.pid),
        );
        self.spool_run(process);
    }

    /// It takes no more clients: whoever comes now is another one's.
    pub(super) fn close_door(&mut self, process: &Process) {
        let instance = &mut self.hosts[process.host].instances[process.peer];
        if *instance == Some(process.pid) {
            *instance = None;
        }
    }

    /// It ends, or is killed.
    pub(crate) fn kill(&mut self, process: &mut Process) {
        if !std::mem::replace(&mut process.is_dead, true) {
            self.book.killed(process.host, process.peer);
            self.stats.kills += 1;
        }
    }

    /// The disk was waited for long enough: what it has not done is as in a kill.
    pub(crate) fn end_process(&mut self, process: &mut Process) {
        process.is_dead = true;
        self.book.killed(process.host, process.peer);
    }

    pub(super) fn bury(&mut self, process: &mut Process) {
        self.trace(process.host, process.peer, || format!("{:?} ends", process.pid));
        self.interrupt_disk(process);
        self.close_door(process);
        self.close_all(process);
        process.hang_up();
        let (host, peer) = (process.host, process.peer);
        let lock = &mut self.hosts[host].locks[peer];
        if *lock == Some(process.pid) {
            *lock = None;
        }
        self.gone_at.insert(process.pid, self.now);
        if self.hosts[host].is_on {
            let wait = self.rng.processes.u64(100 * MS..3 * SECOND);
            self.after(wait, Event::Start { host, peer });
        }
    }
}
