//! Connections: what is on its way, and what becomes of it.

use bytes::Bytes;
use lonc_proto::session::{ConnectFault, LinkError};

use crate::lond::End;
use crate::plan::Fault;
use crate::process::{Arrived, Process};
use crate::queue::{ConnId, Event, HostId, Pid};
use crate::serving::Health;
use crate::time::{MS, Micros, SECOND};
use crate::world::World;

/// How long a try to connect may take.
const PATIENCE: Micros = 10 * SECOND;
/// Bytes on their way to a lond that does not read.
pub(crate) const WINDOW: usize = 64 * 1024;
/// After so long the kernel gives up an idle connection to a host that does not answer.
const KEEPALIVE: Micros = 150 * SECOND;
/// Directions.
pub(crate) const TO_LOND: usize = 0;
pub(crate) const TO_LONC: usize = 1;

pub(crate) struct Conn {
    pub(crate) pid: Pid,
    pub(crate) from: HostId,
    pub(crate) to: HostId,
    pub(crate) address: u32,
    pub(crate) begun: Micros,
    /// lonc has given it up, then.
    pub(crate) left_at: Option<Micros>,
    /// Nothing passes any more.
    pub(crate) is_cut: bool,
    /// No lond is at its other end any more; its host may say so.
    pub(crate) is_orphan: bool,
    pub(crate) lond: Option<End>,
    /// Bytes that lond has not taken up.
    pub(crate) unread: usize,
    /// When what was sent last arrives: to lond, and to lonc.
    pub(crate) arrival: [Micros; 2],
    /// What waits for the path, or for lond, to go on.
    pub(crate) stash: [Vec<Event>; 2],
}

impl World {
    /// A process begins a try.
    pub(crate) fn dial(&mut self, process: &Process, address: u32) -> ConnId {
        let id = ConnId(self.conns.len());
        self.conns.push(Conn {
            pid: process.pid,
            from: process.host,
            to: process.peer,
            address,
            begun: self.now,
            left_at: None,
            is_cut: false,
            is_orphan: false,
            lond: None,
            unread: 0,
            arrival: [0; 2],
            stash: [Vec::new(), Vec::new()],
        });
        self.held.insert(id);
        let wait = self.rng.network.u64(100..20 * MS);
        self.after(wait, Event::Resolved(id));
        id
    }

    fn latency(&mut self, conn: ConnId) -> Micros {
        let conn = &self.conns[conn.0];
        let distance = ((conn.from * 7 + conn.to * 13) % 40) as u64;
        (distance + 1) * MS / 2 + self.rng.network.u64(..2 * MS)
    }

    /// Since when nothing passes on its path.
    pub(crate) fn blocked_since(&self, conn: ConnId) -> Option<Micros> {
        let conn = &self.conns[conn.0];
        let (from, to) = (&self.hosts[conn.from], &self.hosts[conn.to]);
        let moved = (to.address != conn.address).then_some(to.moved_at);
        let pair = (conn.from.min(conn.to), conn.from.max(conn.to));
        let cut = self.partitions.get(&pair).copied();
        [moved, cut, from.off_since, to.off_since]
            .into_iter()
            .flatten()
            .min()
    }

    pub(crate) fn resolved(&mut self, id: ConnId) {
        let pid = self.conns[id.0].pid;
        self.arrive(pid, id, Arrived::Resolved);
        let wait = 2 * self.latency(id);
        self.after(wait, Event::Connect(id));
    }

    pub(crate) fn connected(&mut self, id: ConnId) {
        let conn = &self.conns[id.0];
        let (pid, to, until) = (conn.pid, conn.to, conn.begun + PATIENCE);
        if conn.left_at.is_some() {
            return;
        }
        if self.blocked_since(id).is_some() {
            if self.now < until {
                return self.queue.push(until, Event::Connect(id));
            }
            return self.arrive(pid, id, Arrived::Failed(refused(ConnectFault::TimedOut)));
        }
        if self.hosts[to].lond == Health::Down {
            return self.arrive(pid, id, Arrived::Failed(refused(ConnectFault::Refused)));
        }
        let (own, caller) = (
            self.hosts[to].id.clone(),
            self.hosts[self.conns[id.0].from].id.clone(),
        );
        self.conns[id.0].lond = Some(End::new(id.0, &own, &caller));
        let from = self.conns[id.0].from;
        let is_full = self.hosts[to].lond == Health::Limits
            && self.hosts[to]
                .accepted
                .iter()
                .any(|other| self.conns[other.0].from == from);
        self.hosts[to].accepted.insert(id);
        self.arrive(pid, id, Arrived::Connected);
        let wait = 2 * self.latency(id);
        self.after(wait, Event::Secured(id));
        if is_full {
            self.leave(id);
        }
    }

    /// The handshake of TLS is done, where there is one.
    pub(crate) fn secured(&mut self, id: ConnId) {
        if self.conns[id.0].left_at.is_none() && !self.waits(id, &Event::Secured(id), TO_LONC) {
            let pid = self.conns[id.0].pid;
            if self.processes[pid.0]
                .as_ref()
                .is_some_and(|process| process.links.secures)
            {
                self.arrive(pid, id, Arrived::Secured);
            }
        }
    }

    fn arrive(&mut self, pid: Pid, conn: ConnId, what: Arrived) {
        self.with_process(pid, |world, process| {
            if let Some(place) = process.links.of(conn) {
                place.arrived.push_back(what);
                world.ready(process);
            }
        });
    }

    /// So much of this the kernel takes now.
    pub(crate) fn room(&mut self, conn: ConnId, wanted: usize) -> usize {
        let room = wanted.min(WINDOW.saturating_sub(self.conns[conn.0].unread));
        if room > 1 && !self.is_calm && self.plan.has(Fault::PartWrites) && self.rng.network.u8(..4) == 0 {
            self.rng.network.usize(1..=room)
        } else {
            room
        }
    }

    /// lonc has written this.
    pub(crate) fn send(&mut self, conn: ConnId, bytes: &[u8]) {
        self.conns[conn.0].unread += bytes.len();
        let (from, to) = (self.conns[conn.0].from, self.conns[conn.0].to);
        self.trace(from, to, || format!("{conn:?} written: {}", bytes.escape_ascii()));
        let event = Event::ToLond(conn, Bytes::copy_from_slice(bytes), self.now);
        self.on_the_way(conn, TO_LOND, event);
    }

    /// Arrives behind what was sent before in this direction.
    pub(crate) fn on_the_way(&mut self, conn: ConnId, direction: usize, event: Event) {
        let at = self.now + self.latency(conn);
        let last = &mut self.conns[conn.0].arrival[direction];
        *last = at.max(*last);
        self.queue.push(*last, event);
    }

    /// True if this waits until the path carries again, or lond goes on.
    pub(crate) fn waits(&mut self, conn: ConnId, event: &Event, direction: usize) -> bool {
        let hangs = direction == TO_LOND && self.hosts[self.conns[conn.0].to].lond == Health::Hangs;
        let is_behind = !self.conns[conn.0].stash[direction].is_empty();
        let waits = hangs || is_behind || self.blocked_since(conn).is_some();
        if waits {
            self.put_by(conn, direction, event.clone());
        }
        waits
    }

    pub(crate) fn put_by(&mut self, conn: ConnId, direction: usize, event: Event) {
        self.conns[conn.0].stash[direction].push(event);
        self.stashed.insert(conn);
    }

    /// What waits on the connections between these goes on.
    pub(crate) fn go_on(&mut self, is_theirs: impl Fn(&Conn) -> bool) {
        let theirs = self.stashed.iter().copied();
        let theirs: Vec<_> = theirs.filter(|conn| is_theirs(&self.conns[conn.0])).collect();
        for conn in theirs {
            self.stashed.remove(&conn);
            for direction in [TO_LOND, TO_LONC] {
                for event in std::mem::take(&mut self.conns[conn.0].stash[direction]) {
                    self.happen(event);
                }
            }
        }
    }

    pub(crate) fn reaches_lonc(&mut self, id: ConnId, bytes: &Bytes) {
        if self.conns[id.0].is_cut || self.waits(id, &Event::ToLonc(id, bytes.clone()), TO_LONC) {
            return;
        }
        let pid = self.conns[id.0].pid;
        self.with_process(pid, |world, process| {
            if let Some(place) = process.links.of(id) {
                place.incoming.extend_from_slice(bytes);
                world.ready(process);
            }
        });
    }

    pub(crate) fn lond_gone(&mut self, id: ConnId) {
        if self.waits(id, &Event::LondGone(id), TO_LONC) {
            return;
        }
        self.end_at_lonc(id, LinkError::Closed);
    }

    pub(crate) fn end_at_lonc(&mut self, id: ConnId, why: LinkError) {
        let pid = self.conns[id.0].pid;
        self.with_process(pid, |world, process| {
            if let Some(place) = process.links.of(id) {
                place.ended = Some(why);
                world.ready(process);
            }
        });
    }

    /// The kernel finds out that a path carries nothing.
    pub(crate) fn keepalive(&mut self, id: ConnId) {
        let since = self.blocked_since(id);
        if since.is_some_and(|since| since + KEEPALIVE <= self.now) {
            self.end_at_lonc(id, LinkError::Io("timed out".to_owned()));
        }
    }

    /// Has the kernel look at the connections of a path that has just been blocked.
    pub(crate) fn expect_silence(&mut self, is_theirs: impl Fn(&Conn) -> bool) {
        let theirs = self.held.iter().filter(|conn| is_theirs(&self.conns[conn.0]));
        for conn in theirs {
            self.queue.push(self.now + KEEPALIVE, Event::Keepalive(*conn));
        }
    }

    /// lonc closes it, or its process is gone.
    pub(crate) fn hang_up_conn(&mut self, id: ConnId) {
        let now = self.now;
        let conn = &mut self.conns[id.0];
        conn.left_at.get_or_insert(now);
        self.held.remove(&id);
        if self.hosts[conn.from].is_on {
            self.on_the_way(id, TO_LOND, Event::LoncGone(id));
        }
    }

    /// lond learns of it. What it has read it may still do.
    pub(crate) fn lonc_gone(&mut self, id: ConnId) {
        if self.waits(id, &Event::LoncGone(id), TO_LOND) {
            return;
        }
        if self.rng.network.bool() {
            let to = self.conns[id.0].to;
            self.hosts[to].accepted.remove(&id);
            self.conns[id.0].lond = None;
        }
    }

    /// It is lost, with what is on its way.
    pub(crate) fn cut(&mut self, id: ConnId) {
        self.conns[id.0].is_cut = true;
        let wait = self.rng.network.u64(..500 * MS);
        self.after(wait, Event::Reset(id));
        self.leave(id);
    }
}

impl Conn {
    pub(crate) fn is_between(&self, one: HostId, other: HostId) -> bool {
        (self.from, self.to) == (one, other) || (self.from, self.to) == (other, one)
    }

    pub(crate) fn touches(&self, host: HostId) -> bool {
        self.from == host || self.to == host
    }

    pub(crate) fn is_open(&self) -> bool {
        self.lond.is_some() && self.left_at.is_none()
    }
}

fn refused(fault: ConnectFault) -> LinkError {
    LinkError::Connect {
        fault,
        error: "not in this simulation".to_owned(),
    }
}
