//! How links begin and end, and what that makes of the peer's state.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::Machine;
use crate::request::Request;
use crate::session::command::{Command, Event, Lost};
use crate::session::error::LinkError;
use crate::session::ids::{ClientId, LinkId};
use crate::session::link::{InFlight, Link, Owner, Phase};
use crate::session::status::{Cause, State};

impl Machine {
    pub(super) fn links_that(&self, hold: impl Fn(&Link) -> bool) -> Vec<LinkId> {
        self.links
            .iter()
            .filter(|(_, link)| hold(link))
            .map(|(id, _)| LinkId(id))
            .collect()
    }

    pub(in crate::session) fn any_up(&self) -> bool {
        self.links.iter().any(|(_, link)| link.is_open())
    }

    pub(super) fn is_open(&self, id: LinkId) -> bool {
        self.links.get(id.0).is_some_and(Link::is_open)
    }

    /// Seats those anew whose turn was to come on this link, now that it is no longer open.
    fn seat_again(&mut self, id: LinkId) {
        for client in self.turns.bound_to(id) {
            self.seat(client);
        }
    }

    /// Opens as many links as are missing of those that are kept open.
    pub(super) fn keep_links(&mut self) {
        for _ in self.num_active()..self.num_kept() {
            self.open_link(Cause::Kept);
        }
    }

    pub(super) fn open_link(&mut self, cause: Cause) -> LinkId {
        let id = LinkId(self.links.insert(Link::new(cause, self.now)));
        self.commands.push_back(Command::Connect(id));
        id
    }

    fn try_now(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(id.0) {
            link.begin_opening(self.now);
            self.commands.push_back(Command::Connect(id));
        }
    }

    /// Begins those tries now that wait for their time.
    pub(super) fn try_all(&mut self) {
        for id in self.links_that(|link| link.next_try().is_some()) {
            self.try_now(id);
        }
    }

    /// Somebody asks while the peer is down: the next try comes soon. The network may be back.
    pub(super) fn hasten(&mut self) {
        for (_, link) in &mut self.links {
            link.hasten(self.config.backoff.soon());
        }
    }

    /// Lets a link end as soon as nothing is in flight on it.
    pub(super) fn retire(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        link.retiring = true;
        self.replace_no_more(id);
        self.take_back(id, 0);
        self.seat_again(id);
        self.remove_if_retired(id);
    }

    pub(super) fn remove_if_retired(&mut self, id: LinkId) {
        if self
            .links
            .get(id.0)
            .is_some_and(|link| link.retiring && link.is_idle())
        {
            self.remove(id);
            self.commands.push_back(Command::Close(id));
        }
    }

    /// Forgets a link; its id is given again.
    fn remove(&mut self, id: LinkId) {
        self.links.remove(id.0);
        self.replace_no_more(id);
    }

    /// What was opened to take this link's place is one like the others: the place is free.
    fn replace_no_more(&mut self, id: LinkId) {
        for (_, link) in &mut self.links {
            if link.replaces == Some(id) {
                link.replaces = None;
            }
        }
    }

    pub(super) fn link_is_due(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        let why = match &link.phase {
            Phase::Waiting { .. } => return self.try_now(id),
            Phase::Opening(_) => return,
            Phase::Handshake {
                dialogue, deadline, ..
            } if *deadline <= self.now => LinkError::StepTimeout(dialogue.step()),
            Phase::Handshake {
                dialogue,
                opening_deadline,
                ..
            } if *opening_deadline <= self.now => LinkError::OpeningTimeout(dialogue.step()),
            Phase::Handshake { .. } => return self.is_silent(id),
            Phase::Up(up) => match up.in_flight.front().map(|first| first.owner) {
                None => return link.push(Owner::Probe, Request::probe(), self.now),
                Some(Owner::Check | Owner::Probe) => LinkError::ProbeTimeout,
                Some(Owner::Delayed(_)) => LinkError::MessageTimeout,
                Some(Owner::Client(_)) => LinkError::RequestTimeout,
            },
        };
        self.end_link(id, why);
    }

    /// lond does not answer where this try leads: unless it does elsewhere, another try begins at another address, until
    /// there is one at each. This one goes on: a lond may be slow.
    fn is_silent(&mut self, id: LinkId) {
        let num_silent = self.links_that(|link| link.is_trying() && link.is_silent).len();
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        link.is_silent = true;
        let has_another = num_silent < link.others.num && !link.retiring;
        self.commands.push_back(Command::PassBy(id));
        if has_another && !self.any_up() {
            self.open_link(Cause::Silence);
        }
    }

    /// A link has finished its handshake: it takes the place of what it was opened for.
    pub(super) fn settle_links(&mut self, id: LinkId) {
        if let Some(old) = self.links.get_mut(id.0).and_then(|link| link.replaces.take()) {
            self.retire(old);
        }
        let is_spare = |link: &Link| link.up().is_none() && link.is_active();
        // What was opened on demand may be needed, as long as it is not one too many.
        self.retire_spares(self.num_kept().max(1), |link| {
            is_spare(link) && link.cause != Cause::Demand
        });
        self.retire_spares(self.config.max_connections, is_spare);
    }

    /// Retires links that are not open yet, as far as there are more than `most`.
    fn retire_spares(&mut self, most: usize, are_spare: impl Fn(&Link) -> bool) {
        let mut spares = self.links_that(are_spare);
        // Those that get no answer go first.
        spares.sort_by_key(|id| !self.links.get(id.0).is_some_and(|link| link.is_silent));
        for spare in spares {
            if self.num_active() > most {
                self.retire(spare);
            }
        }
    }

    /// Links beside this one that there are to be; one that gets no answer is not counted on.
    fn num_others(&self, id: LinkId) -> usize {
        let counts = |link: &Link| link.is_active() && !(link.is_silent && link.is_trying());
        let others = self.links.iter().filter(|(other, _)| *other != id.0);
        others.filter(|(_, link)| counts(link)).count()
    }

    /// Settles what was in flight on a link that ends, and plans the next try if there are no others.
    pub(super) fn end_link(&mut self, id: LinkId, why: LinkError) {
        let kept = self.num_kept().max(1);
        let others = self.num_others(id);
        let is_replaced = self.is_replaced(id);
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        let (was_up, cause, retiring) = (link.up().is_some(), link.cause, link.retiring);
        let goes_on = link.goes_on_at_once() && !retiring && others < kept && !self.stopped;
        let is_closed = matches!(
            why,
            LinkError::Closed | LinkError::Io(_) | LinkError::Tls { .. } | LinkError::Unasked
        );
        let was_of_no_use = was_up && is_closed && !retiring && !link.has_served();
        link.note_trouble(&why, self.now);
        if let LinkError::Tls { fault, .. } = why {
            self.counters.tls_failures.add(fault);
        }
        let retry_in = if goes_on {
            Duration::ZERO
        } else {
            link.backoff.next_wait(self.config.backoff, &mut self.rng)
        };
        let (written, unwritten) = link.end(self.now, self.now + retry_in);
        if link.cause == Cause::Demand {
            // If it stays it is one of those that are kept open.
            link.cause = Cause::Kept;
        }
        let is_over = retiring || is_replaced || others >= kept;
        if is_over {
            self.remove(id);
        }
        self.commands.push_back(Command::Close(id));
        if was_of_no_use {
            self.demand.refused(why.clone(), self.num_open(), self.now);
        }
        if was_up {
            self.tell_lost(id, why, &written, &unwritten);
        } else if others >= kept && self.any_up() {
            self.refused(id, cause, why);
        } else {
            self.counters.tries_failed += 1;
            self.last_error = Some(why.clone());
            self.event(Event::TryFailed {
                link: id,
                why,
                retry_in: (!is_over).then_some(retry_in),
            });
        }
        self.settle_in_flight(written, unwritten);
        self.seat_again(id);
        if goes_on {
            self.try_now(id);
        }
        if !retiring {
            self.settle_state(was_up);
        }
    }

    fn tell_lost(
        &mut self,
        link: LinkId,
        why: LinkError,
        written: &VecDeque<InFlight>,
        unwritten: &VecDeque<InFlight>,
    ) {
        let count = |some: &VecDeque<InFlight>| some.iter().filter(|one| !one.owner.is_own()).count();
        let (lost, requeued) = (count(written), count(unwritten));
        self.last_error = Some(why.clone());
        self.event(Event::LinkLost {
            link,
            why,
            lost,
            requeued,
        });
    }

    /// A link could not be opened beside those that are; they go on as before.
    fn refused(&mut self, link: LinkId, cause: Cause, why: LinkError) {
        self.counters.links_refused += 1;
        let retry_in = (cause == Cause::Demand).then(|| {
            let open = self.num_open();
            self.demand.refused(why.clone(), open, self.now)
        });
        self.event(Event::LinkRefused { link, why, retry_in });
    }

    /// What was written is answered that there is no reply; what was not goes back to its queue.
    fn settle_in_flight(&mut self, written: VecDeque<InFlight>, unwritten: VecDeque<InFlight>) {
        let alone = written.len() == 1 && !self.stopped && !self.config.disabled;
        let (mut delayed, mut owners) = (VecDeque::new(), Vec::new());
        for InFlight { owner, request, .. } in written {
            match owner {
                Owner::Check | Owner::Probe => {}
                Owner::Delayed(id) => delayed.push_back((id, request)),
                Owner::Client(client) => {
                    self.lose(client, request);
                    owners.push(client);
                }
            }
        }
        let suspects = delayed.len();
        let mut again = Vec::new();
        for InFlight { owner, request, .. } in unwritten.into_iter().rev() {
            match owner {
                Owner::Check | Owner::Probe => {}
                Owner::Delayed(id) => delayed.insert(suspects, (id, request)),
                Owner::Client(client) => {
                    self.clients.put_back(client, request);
                    again.push(client);
                }
            }
        }
        self.delayed_lost(delayed, suspects, alone);
        // Only now: a client with something still in flight could not be told from one that stays on a link.
        for client in owners {
            self.seat(client);
        }
        self.requeue(again);
    }

    /// There will be no reply to a request that was written, at least in part.
    fn lose(&mut self, client: ClientId, request: Request) {
        if self.no_usable_reply(client, request) {
            self.counters.sent_no_reply += 1;
            self.event(Event::Unanswered {
                client,
                count: 1,
                lost: Lost::SentNoReply,
            });
        }
    }

    /// Has clients go first whose requests could not go, the last of them first here.
    pub(super) fn requeue(&mut self, again: Vec<ClientId>) {
        for client in again {
            let place = self.place_of(client);
            self.turns.seat_first(client, place, self.now);
        }
    }

    /// The peer's state after a link or a try ended.
    fn settle_state(&mut self, was_up: bool) {
        if self.stopped || self.any_up() {
            return;
        }
        if self.state == State::Up {
            self.lost_peer();
        } else if !was_up && self.links_that(Link::is_trying).is_empty() {
            self.enter(State::Down);
        }
    }

    /// No link is open any more. Where none is kept, another is opened only if somebody needs it.
    pub(super) fn lost_peer(&mut self) {
        self.demand.peer_lost();
        if self.config.connections > 0 || self.is_wanted() {
            self.enter(State::Connecting);
            return self.keep_links();
        }
        self.enter(State::Idle);
        for id in self.links_that(|link| !link.retiring) {
            self.retire(id);
        }
    }
}
