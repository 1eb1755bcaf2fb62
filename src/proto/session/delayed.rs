//! The peer's delayed messages, and critical requests on their way to disk.
//!
//! Delayed messages go over one link, in order, before anything of a client when a link comes up. The driver hands
//! them in; each is reported once: delivered, or to be set aside because it breaks the link whenever it is sent.

use alloc::collections::VecDeque;

use super::PER_REQUEST;
use super::ids::{ClientId, LinkId, MessageId, Ticket};
use crate::request::Request;
use crate::time::Instant;

/// How storing a critical request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is on disk, and will be there after a crash.
    Safe,
    /// It is not.
    Failed,
}

/// Whether critical requests can be stored.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Disk {
    #[default]
    InUse,
    /// It is waited for no longer.
    GivenUp,
}

#[derive(Default)]
pub(super) struct Delayed {
    /// Of those handed in and not reported.
    pub(super) bytes: usize,
    /// Not in flight.
    pub(super) queue: VecDeque<(MessageId, Request)>,
    pub(super) in_flight: usize,
    pub(super) removals: Removals,
    /// When the last one handed in was answered or taken back.
    pub(super) through_at: Instant,
    pub(super) link: Option<LinkId>,
    /// Since the last of them went no client had a turn; while clients wait they take turns.
    pub(super) went_last: bool,
    /// So many of the first are sent one by one: the link broke while they were in flight together.
    pub(super) suspects: usize,
    /// Times in a row that the link broke while this one was alone on it, or that its answer was empty.
    pub(super) failures: Option<(MessageId, u32)>,
    /// Nothing is on disk that was not handed in.
    pub(super) caught_up: bool,
    /// Something is on disk that was not handed in, as far as is known.
    pub(super) fresh: bool,
    pub(super) tickets: u64,
    /// Requests being stored, the oldest first.
    pub(super) storing: VecDeque<Storing>,
    /// Requests that nobody waits for any more, and the disk has still.
    pub(super) late: VecDeque<Storing>,
    pub(super) disk: Disk,
    /// Clients whose next request is critical and waits for what is older, or for a place to be stored; and when it came.
    pub(super) behind: VecDeque<(ClientId, Instant)>,
}

/// What a request costs, in bytes.
pub(super) fn weight(request: &Request) -> usize {
    request.line_len() + PER_REQUEST
}

/// What was answered and may be sent again after a crash.
#[derive(Default)]
pub(super) struct Removals {
    /// So many are still on disk, as far as is known.
    pub(super) to_come: usize,
    /// Others are not, and a crash may bring them back.
    pub(super) may_come_back: bool,
}

impl Removals {
    /// True if all that was answered is gone for good.
    pub(super) fn are_safe(&self) -> bool {
        self.to_come == 0 && !self.may_come_back
    }
}

/// A request that is being stored.
pub(super) struct Storing {
    pub(super) ticket: Ticket,
    pub(super) client: ClientId,
    pub(super) since: Instant,
    pub(super) weight: usize,
}

impl Delayed {
    /// Messages handed in and not reported yet.
    pub(super) fn num(&self) -> usize {
        self.queue.len() + self.in_flight
    }

    /// Bytes of what nobody but lonc has: messages handed in, and what the disk has of requests that were given up.
    pub(super) fn weight(&self) -> usize {
        self.bytes + self.late.iter().map(|late| late.weight).sum::<usize>()
    }

    /// Requests that are being stored.
    pub(super) fn num_storing(&self) -> usize {
        self.storing.len()
    }

    /// Something is to be sent: it was handed in, or is known to be on disk.
    pub(super) fn is_waiting(&self) -> bool {
        self.num() > 0 || self.fresh
    }

    /// True while messages go over this link.
    pub(super) fn needs(&self, id: LinkId) -> bool {
        self.num() > 0 && self.link == Some(id)
    }

    /// A message that was put on a link and not written waits again.
    pub(super) fn take_back(&mut self, id: MessageId, request: Request) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.put_back(id, request);
    }

    /// True if all that was delayed when a link came up is through: what goes now is not overtaken by it.
    pub(super) fn is_flushed(&self) -> bool {
        self.caught_up && self.num() == 0 && self.removals.are_safe()
    }

    /// True if a critical request may go to the peer: nothing older waits, or is sent again after a crash.
    pub(super) fn is_clear(&self) -> bool {
        self.is_flushed() && self.storing.is_empty()
    }

    /// Queues a message again, in its old place.
    pub(super) fn put_back(&mut self, id: MessageId, request: Request) {
        let at = self.queue.partition_point(|(other, _)| *other < id);
        self.queue.insert(at, (id, request));
    }

    pub(super) fn failures_of(&self, id: MessageId) -> u32 {
        self.failures
            .filter(|(one, _)| *one == id)
            .map_or(0, |(_, count)| count)
    }

    /// The one that broke its link, alone on it, and how often in a row.
    pub(super) fn failing(&self) -> Option<(MessageId, u32)> {
        self.failures
    }

    /// True if the next message is set aside should it fail once more.
    pub(super) fn is_last_try(&self, most: u32) -> bool {
        let first = self.queue.front();
        first.is_some_and(|(id, _)| self.failures_of(*id) + 1 >= most)
    }

    /// True if nothing else may be put on this link: one of several suspects is about to be sent, or is sent, alone.
    pub(super) fn has_reserved(&self, id: LinkId) -> bool {
        self.suspects > 0 && self.link == Some(id)
    }
}
