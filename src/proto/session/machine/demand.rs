//! How many links there are: more where requests wait, fewer where they are not needed.

use alloc::vec::Vec;

use super::Machine;
use crate::session::demand::{self, FAST_LINKS, FAST_PATIENCE, FAST_STALL};
use crate::session::ids::LinkId;
use crate::session::link::{InFlight, Link, Owner};
use crate::session::status::{Cause, State};
use crate::time::Instant;

impl Machine {
    /// Links that are not to end, whatever they are at. One that is to take another's place counts once it has it.
    pub(super) fn num_active(&self) -> usize {
        self.links.iter().filter(|(_, link)| link.is_active()).count()
    }

    pub(super) fn num_open(&self) -> usize {
        self.links.iter().filter(|(_, link)| link.is_open()).count()
    }

    /// Links that there are to be whether or not anybody needs them now.
    pub(super) fn num_kept(&self) -> usize {
        match self.state {
            _ if self.stopped => 0,
            State::Connecting | State::Down => self.config.connections.max(1),
            State::Up | State::Idle => self.config.connections,
            State::Disabled => 0,
        }
    }

    /// True if somebody needs a link.
    pub(super) fn is_wanted(&self) -> bool {
        self.turns.num_waiting() > 0 || self.delayed.is_waiting() || !self.delayed.behind.is_empty()
    }

    /// True if nothing is to be done for anybody.
    pub(in crate::session) fn is_at_rest(&self) -> bool {
        self.clients.num() + self.clients.num_departed() == 0
            && !self.delayed.is_waiting()
            && self.delayed.removals.are_safe()
            && self.delayed.num_storing() == 0
            && !self.is_carrying()
    }

    /// True if somebody's request is in flight.
    pub(in crate::session) fn is_carrying(&self) -> bool {
        self.links.iter().any(|(_, link)| link.num_requests() > 0)
    }

    /// Has a link opened where there is none and somebody needs one.
    pub(super) fn wake_up(&mut self) {
        if self.is_wanted() {
            self.enter(State::Connecting);
            self.keep_links();
        }
    }

    /// When the number of links, or what is on them, is to change if nothing happens before.
    pub(super) fn demand_due(&self) -> Option<Instant> {
        let unwritten = self.links.iter().filter(|(_, link)| link.has_unwritten_behind());
        let stalls = unwritten.filter_map(|(_, link)| link.stalls_at()).min();
        let unneeded = self.unneeded().map(|(due, _)| due);
        [self.growth_due(), unneeded, stalls].into_iter().flatten().min()
    }

    /// Opens more links while requests wait that another link would let go.
    pub(super) fn grow(&mut self) {
        while self.growth_due().is_some_and(|due| due <= self.now) {
            self.open_link(Cause::Demand);
            self.demand.grows(self.now);
        }
    }

    fn growth_due(&self) -> Option<Instant> {
        if self.state != State::Up || self.num_active() >= self.config.max_connections {
            return None;
        }
        let gets_on = |link: &Link| link.is_trying() && !link.is_silent;
        let trying = self.links.iter().filter(|(_, link)| gets_on(link)).count();
        let due = match self.queue_due().filter(|_| {
            let at_a_time = self.demand.at_a_time(self.num_open());
            trying < self.turns.num_waiting().min(at_a_time)
        }) {
            Some(due) => due,
            None => self.trapped_due().filter(|_| trying == 0)?,
        };
        let pause = self.demand.pauses_until(self.num_active());
        Some(pause.map_or(due, |until| due.max(until)))
    }

    /// When those who wait for any link will have waited too long: the first of them, or one after the other.
    fn queue_due(&self) -> Option<Instant> {
        // Waiting for the peer to come up says nothing of the number of links.
        let since = self.turns.waiting_since()?.max(self.since);
        let always = self.turns.queue_since()?.max(self.since);
        let open = || self.links.iter().filter(|(_, link)| link.is_open());
        let rtt = open()
            .filter_map(|(_, link)| link.up())
            .map(|up| up.pace.rtt())
            .min()?;
        let due = since + demand::patience(rtt);
        // A fast lond keeps up with all there is, unless something slow is in its way.
        let fast = open().filter(|(_, link)| link.is_fast(self.config.pipeline));
        let Some(stalls) = fast.filter_map(|(_, link)| link.stalls_at()).max() else {
            return Some(due.min(always.max(self.demand.grown()) + demand::steady_patience(rtt)));
        };
        let due = due.max(stalls + FAST_STALL);
        let few = self.num_active() < FAST_LINKS;
        Some(if few { due.min(since + FAST_PATIENCE) } else { due })
    }

    /// When somebody's request will turn out to be behind a slow one, if none did since the last growth: with another link
    /// the next will not.
    fn trapped_due(&self) -> Option<Instant> {
        let traps = |link: &Link| {
            let traps = link.is_open() && link.has_others_behind() && !link.is_fast(self.config.pipeline);
            link.stalls_at().filter(|at| traps && *at > self.demand.grown())
        };
        self.links.iter().filter_map(|(_, link)| traps(link)).min()
    }

    /// Notes that a link is needed, if none before it has room for a request of this client.
    pub(super) fn note_need(&mut self, id: LinkId) {
        let before = self.links.iter().take_while(|(index, _)| *index < id.0);
        let mut roomy = before.filter(|(_, link)| link.has_room(0, self.config.pipeline, self.now));
        if roomy.next().is_none()
            && let Some(link) = self.links.get_mut(id.0)
        {
            link.needed = self.now;
        }
    }

    /// The link that is to be closed next since it is not needed, and when.
    fn unneeded(&self) -> Option<(Instant, LinkId)> {
        let open = self.num_open();
        if open <= self.config.connections || self.state != State::Up {
            return None;
        }
        let may_go =
            |id: LinkId, link: &Link| link.is_open() && link.num_requests() == 0 && !self.delayed.needs(id);
        let links = self.links.iter().map(|(index, link)| (LinkId(index), link));
        let candidates = links.filter(|(id, link)| may_go(*id, link));
        // Of several the last goes first.
        candidates
            .map(|(id, link)| (link.needed + self.config.idle_timeout, id))
            .min_by_key(|(due, id)| (*due, core::cmp::Reverse(id.0)))
    }

    /// Closes links that were not needed for long.
    pub(super) fn retire_unneeded(&mut self) {
        while let Some((_, id)) = self.unneeded().filter(|(due, _)| *due <= self.now) {
            self.counters.links_retired += 1;
            self.event(crate::session::Event::LinkRetired { link: id });
            self.retire(id);
            if !self.any_up() {
                return self.lost_peer();
            }
        }
    }

    /// What was put on a link and not written goes back once something slow is before it. With nothing before it, it would
    /// only be put there again, and never come to its time-out.
    pub(super) fn take_back_stalled(&mut self) {
        let now = self.now;
        for id in self.links_that(|link| link.has_unwritten_behind() && link.is_stalled(now)) {
            self.take_back(id, 1);
            self.remove_if_retired(id);
        }
    }

    /// What was put on a link and not written goes back to its queue, but for the `keep` oldest in flight.
    pub(super) fn take_back(&mut self, id: LinkId, keep: usize) {
        let link = self.links.get_mut(id.0);
        let back = link.map(|link| link.take_back(keep)).unwrap_or_default();
        let mut again = Vec::new();
        for InFlight { owner, request, .. } in back.into_iter().rev() {
            match owner {
                // A probe is put only on a link with nothing on it.
                Owner::Check | Owner::Probe => {}
                Owner::Delayed(message) => self.delayed.take_back(message, request),
                Owner::Client(client) => {
                    self.clients.put_back(client, request);
                    again.push(client);
                }
            }
        }
        self.requeue(again);
    }

    /// Has another link take this one's place.
    pub(in crate::session) fn moved(&mut self, id: LinkId) {
        if !self.stopped && self.is_open(id) && !self.is_replaced(id) {
            let new = self.open_link(Cause::Replacement);
            if let Some(link) = self.links.get_mut(new.0) {
                link.replaces = Some(id);
            }
        }
    }

    /// True if another link is to take this one's place.
    pub(super) fn is_replaced(&self, id: LinkId) -> bool {
        self.links.iter().any(|(_, link)| link.replaces == Some(id))
    }
}
