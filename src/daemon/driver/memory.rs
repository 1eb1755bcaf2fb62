//! Memory: who goes on while there is little.
//!
//! Small replies always come in. Of large ones, once the budget is spent, one at a time does, so that their parts cannot
//! wait for each other; and when answers have grown beyond the budget by a reply of the greatest length, those who do
//! not take theirs are cut off. A reply is kept until it is whole: a worker takes the part of a line before its end of
//! file for all of it, so that what was streamed of a reply could not be taken back when the link is lost.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use lonc_proto::session::LinkId;
use lonc_proto::time::Instant;

use super::{Driver, log};
use crate::config::Settings;
use crate::daemon::client::{Budget, RESERVE};
use crate::daemon::status::MemoryReport;

/// A reply that has not grown for so long lets another go on.
const STALL: Duration = Duration::from_secs(5);
/// How often it is looked whether a link may go on.
const LOOK: Duration = Duration::from_millis(20);

/// What is kept, and who may go beyond the budget.
pub(super) struct Memory {
    pub(super) budget: Arc<Budget>,
    over: Option<Over>,
    /// Links whose large replies wait for their turn, the first of them first.
    waiting: VecDeque<LinkId>,
    /// A link waits until there is room.
    is_waited_for: bool,
    /// Clients that were cut off since the start.
    cut: u64,
}

/// The large reply that comes in although the budget is spent.
struct Over {
    link: LinkId,
    bytes: usize,
    grown: Instant,
}

impl Memory {
    pub(super) fn new(settings: &Settings) -> Self {
        let (limit, reply) = limits(settings);
        Self {
            budget: Arc::new(Budget::new(limit, reply)),
            over: None,
            waiting: VecDeque::new(),
            is_waited_for: false,
            cut: 0,
        }
    }

    pub(super) fn reconfigure(&self, settings: &Settings) {
        let (limit, reply) = limits(settings);
        self.budget.set_limits(limit, reply);
    }

    pub(super) fn report(&self) -> MemoryReport {
        MemoryReport {
            held: self.budget.used(),
            limit: self.budget.limit(),
            cut: self.cut,
        }
    }

    pub(super) fn deadline(&self, now: Instant) -> Option<Instant> {
        self.is_waited_for.then(|| now + LOOK)
    }

    /// True if a reply of which so much is there may come in on this link.
    fn is_its_turn(&mut self, link: LinkId, bytes: usize, now: Instant) -> bool {
        match &mut self.over {
            Some(over) if over.link == link => {
                if bytes > over.bytes {
                    (over.bytes, over.grown) = (bytes, now);
                }
                true
            }
            Some(over) if now.since(over.grown) < STALL => self.waits(link),
            Some(_) | None if self.waiting.front().is_some_and(|first| *first != link) => self.waits(link),
            Some(_) | None => {
                self.waiting.pop_front();
                self.over = Some(Over {
                    link,
                    bytes,
                    grown: now,
                });
                true
            }
        }
    }

    /// It is another one's turn; this one's comes behind those that wait already.
    fn waits(&mut self, link: LinkId) -> bool {
        if !self.waiting.contains(&link) {
            self.waiting.push_back(link);
        }
        false
    }
}

fn limits(settings: &Settings) -> (usize, usize) {
    (settings.client.max_queued_bytes, settings.link.max_reply_bytes)
}

impl Driver {
    /// Tells the budget of what clients do not hold.
    pub(super) fn account(&mut self) {
        let begun = self.session.link_ids().map(|id| self.begun(id)).sum();
        self.memory.budget.set_others(begun, self.session.weight());
        self.memory.is_waited_for = false;
        let over = self.memory.over.as_ref().map(|over| over.link);
        if over.is_some_and(|link| self.begun(link) < RESERVE) {
            self.memory.over = None;
        }
        let mut waiting = std::mem::take(&mut self.memory.waiting);
        waiting.retain(|link| self.begun(*link) >= RESERVE);
        self.memory.waiting = waiting;
    }

    /// Bytes of a reply that is not complete.
    fn begun(&self, id: LinkId) -> usize {
        self.links.num_unread(id) + self.session.decrypted(id)
    }

    /// True if a link may be read on.
    pub(super) fn may_read(&mut self, id: LinkId, now: Instant) -> bool {
        let begun = self.begun(id);
        let may = begun < RESERVE
            || !self.memory.budget.is_spent()
            || (self.memory.is_its_turn(id, begun, now) && self.make_room());
        self.memory.is_waited_for |= !may;
        may
    }

    /// Cuts off those who do not take their answers, as far as that is needed; false if it is, and they seem to take them.
    fn make_room(&mut self) -> bool {
        while self.memory.budget.is_overdrawn() {
            let Some((client, bytes)) = self.clients.cut_slowest() else {
                return !self.clients.owe_anything();
            };
            self.memory.cut += 1;
            log::cut(client, bytes);
            self.stale = true;
        }
        true
    }
}
