//! A process's links: what has arrived on them and is not read, and what is written.

use std::collections::VecDeque;

use bytes::BytesMut;
use lonc_proto::session::{LinkError, LinkId, Others, Stage};
use lonc_proto::time::Instant;

use super::{Process, ROUND};
use crate::queue::ConnId;
use crate::time::{SECOND, instant};
use crate::world::World;

/// Bytes read at a time.
const READ: usize = 64 * 1024;
/// A path of which nothing was heard for so long is dead,
const SILENCE: u64 = 15 * SECOND;
/// if the oldest request has been in flight for so long.
const LONG: u64 = 5 * SECOND;

/// What has arrived.
#[derive(Debug)]
pub(crate) enum Arrived {
    Resolved,
    Connected,
    Secured,
    Failed(LinkError),
}

#[derive(Default)]
pub(crate) struct Place {
    pub(crate) conn: Option<ConnId>,
    /// Where it is connected to.
    pub(crate) address: u32,
    pub(crate) arrived: VecDeque<Arrived>,
    /// Bytes that have arrived.
    pub(crate) incoming: BytesMut,
    /// Nothing follows behind those.
    pub(crate) ended: Option<LinkError>,
    /// Bytes that were read, and not taken.
    input: BytesMut,
    is_open: bool,
    is_up: bool,
}

#[derive(Default)]
pub(crate) struct Links {
    places: Vec<Place>,
    /// They are over TLS.
    pub(crate) secures: bool,
}

impl Links {
    /// None yet.
    pub(super) fn new(secures: bool) -> Self {
        Self {
            places: Vec::new(),
            secures,
        }
    }

    pub(crate) fn get(&self, id: LinkId) -> Option<&Place> {
        self.places.get(id.index())
    }

    /// The place where this connection is, or was to be.
    pub(crate) fn of(&mut self, conn: ConnId) -> Option<&mut Place> {
        self.places.iter_mut().find(|place| place.conn == Some(conn))
    }

    pub(crate) fn conns(&self) -> impl Iterator<Item = ConnId> {
        self.places.iter().filter_map(|place| place.conn)
    }

    pub(super) fn is_now_up(&mut self, id: LinkId) {
        if let Some(place) = self.places.get_mut(id.index()) {
            place.is_up = true;
        }
    }

    pub(super) fn any_unread(&self) -> bool {
        self.places.iter().any(Place::has_unread)
    }
}

impl Place {
    fn has_unread(&self) -> bool {
        self.is_open && !self.incoming.is_empty()
    }
}

impl Process {
    /// Before something is given up for which the answer has arrived.
    pub(super) fn look_for_unread(&mut self, now: Instant) {
        for id in self.session.link_ids() {
            if self.links.get(id).is_some_and(Place::has_unread) {
                self.session.handle_unread(id, now);
            }
        }
    }

    /// What the link of this place has for the session; true if anything.
    fn poll_link(&mut self, id: LinkId, now: Instant) -> bool {
        let Some(place) = self.links.places.get_mut(id.index()) else {
            return false;
        };
        match place.arrived.pop_front() {
            Some(Arrived::Resolved) => self.session.handle_stage(id, Stage::Connect, now),
            Some(Arrived::Connected) => {
                place.is_open = true;
                if self.links.secures {
                    self.session.handle_securing(id, now);
                } else {
                    self.session.handle_connected(id, now);
                }
                self.session.handle_others(id, Others::default(), now);
            }
            Some(Arrived::Secured) => self.session.handle_secured(id, now),
            Some(Arrived::Failed(why)) => self.session.handle_failed(id, why, now),
            None if place.has_unread() => {
                let some = place.incoming.len().min(READ);
                place.input.extend_from_slice(&place.incoming.split_to(some));
                self.session.handle_input(id, &mut place.input, now);
            }
            None => match place.ended.take().filter(|_| place.is_open) {
                Some(why) => self.session.handle_failed(id, why, now),
                None => return false,
            },
        }
        true
    }
}

impl World {
    /// Begins a try.
    pub(super) fn connect(&mut self, process: &mut Process, id: LinkId) {
        self.close(process, id);
        let places = &mut process.links.places;
        if places.len() <= id.index() {
            places.resize_with(id.index() + 1, Place::default);
        }
        let address = self.hosts[process.peer].known_address;
        let conn = self.dial(process, address);
        let place = &mut process.links.places[id.index()];
        (place.conn, place.address) = (Some(conn), address);
    }

    pub(super) fn close(&mut self, process: &mut Process, id: LinkId) {
        if let Some(place) = process.links.places.get_mut(id.index()) {
            let place = std::mem::take(place);
            if let Some(conn) = place.conn {
                self.hang_up_conn(conn);
            }
        }
    }

    pub(super) fn close_all(&mut self, process: &mut Process) {
        for place in std::mem::take(&mut process.links.places) {
            if let Some(conn) = place.conn {
                self.hang_up_conn(conn);
            }
        }
    }

    pub(super) fn poll_links(&mut self, process: &mut Process) -> bool {
        let now = instant(self.now);
        let mut progress = false;
        for id in process.session.link_ids() {
            if process.poll_link(id, now) {
                progress = true;
                self.obey(process);
                if process.is_dead {
                    return true;
                }
            }
        }
        progress
    }

    /// What the session has for its links, as much as the kernel takes.
    pub(super) fn poll_writes(&mut self, process: &mut Process) -> bool {
        let now = instant(self.now);
        let mut progress = false;
        for id in process.session.link_ids() {
            let unsent = process.session.unsent(id);
            let place = process
                .links
                .places
                .get(id.index())
                .filter(|place| place.is_open && place.ended.is_none());
            let Some(conn) = place.and_then(|place| place.conn) else {
                continue;
            };
            let some = if unsent.is_empty() {
                0
            } else {
                self.room(conn, unsent.len())
            };
            if some > 0 {
                self.send(conn, &unsent[..some]);
                process.session.handle_written(id, some, now);
                progress = true;
            }
        }
        if progress && process.rounds.is_none() && process.session.is_carrying() {
            process.rounds = Some(now + ROUND);
        }
        progress
    }

    /// Ends the links whose path is dead.
    pub(super) fn go_round(&mut self, process: &mut Process) {
        let now = instant(self.now);
        let mut is_busy = false;
        for status in process.session.status().links {
            is_busy |= status.oldest.is_some();
            let waiting = status
                .oldest
                .map_or(0, |since| crate::time::micros(now) - crate::time::micros(since));
            let place = process.links.get(status.link).filter(|place| !place.has_unread());
            let conn = place.and_then(|place| place.conn).filter(|_| waiting >= LONG);
            let since = conn.and_then(|conn| self.blocked_since(conn));
            if since.is_some_and(|since| since + SILENCE <= self.now) {
                let why = LinkError::PathDead("no sign of life".to_owned());
                process.session.handle_failed(status.link, why, now);
            }
        }
        process.rounds = is_busy.then(|| now + ROUND);
    }
}
