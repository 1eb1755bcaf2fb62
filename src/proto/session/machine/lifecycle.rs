//! How links begin and end, and what that makes of the peer's state.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use super::Machine;
use crate::request::Request;
use crate::session::command::{Command, Event, Lost};
use crate::session::error::LinkError;
use crate::session::ids::{ClientId, LinkId};
use crate::session::link::{InFlight, Link, Owner, Phase};
use crate::session::status::State;

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

    /// Opens as many links as are missing.
    pub(super) fn add_links(&mut self) {
        let active = self.links_that(|link| !link.retiring).len();
        for _ in active..self.config.connections {
            let id = LinkId(self.links.insert(Link::new(self.now)));
            self.commands.push_back(Command::Connect(id));
        }
    }

    pub(super) fn try_now(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(id.0) {
            if link.is_trying() {
                self.commands.push_back(Command::Close(id));
            }
            link.begin_opening(self.now);
            self.commands.push_back(Command::Connect(id));
        }
    }

    /// Lets a link end as soon as nothing is in flight on it.
    pub(super) fn retire(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        link.retiring = true;
        self.seat_again(id);
        self.remove_if_retired(id);
    }

    pub(super) fn remove_if_retired(&mut self, id: LinkId) {
        if self
            .links
            .get(id.0)
            .is_some_and(|link| link.retiring && link.is_idle())
        {
            self.links.remove(id.0);
            self.commands.push_back(Command::Close(id));
        }
    }

    pub(super) fn link_is_due(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        let why = match &link.phase {
            Phase::Waiting { .. } => return self.try_now(id),
            Phase::Opening(_) => return,
            Phase::Handshake { dialogue, .. } => LinkError::StepTimeout(dialogue.step()),
            Phase::Up(up) => match up.in_flight.front().map(|first| first.owner) {
                None => return link.push(Owner::Probe, Request::probe(), self.now),
                Some(Owner::Probe) => LinkError::ProbeTimeout,
                Some(Owner::Delayed(_)) => LinkError::MessageTimeout,
                Some(Owner::Client(_)) => LinkError::RequestTimeout,
            },
        };
        self.end_link(id, why);
    }

    /// Settles what was in flight on a link that ends, and plans the next try.
    pub(super) fn end_link(&mut self, id: LinkId, why: LinkError) {
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        let was_up = link.up().is_some();
        link.note_trouble(&why, self.now);
        let retry_in = link.backoff.next_wait(self.config.backoff, &mut self.rng);
        let (written, unwritten) = link.end(self.now, self.now + retry_in);
        let retiring = link.retiring;
        if retiring {
            self.links.remove(id.0);
        }
        self.commands.push_back(Command::Close(id));
        self.last_error = Some(why.clone());
        let of_clients =
            |some: &VecDeque<InFlight>| some.iter().filter(|one| one.owner != Owner::Probe).count();
        let (lost, requeued) = (of_clients(&written), of_clients(&unwritten));
        if was_up {
            self.event(Event::LinkLost {
                link: id,
                why,
                lost,
                requeued,
            });
        } else {
            self.counters.tries_failed += 1;
            self.event(Event::TryFailed {
                link: id,
                why,
                retry_in,
            });
        }
        if !retiring {
            self.settle_state(was_up);
        }
        self.settle_in_flight(written, unwritten);
        self.seat_again(id);
    }

    /// What was written is answered that there is no reply; what was not goes back to its queue.
    fn settle_in_flight(&mut self, written: VecDeque<InFlight>, unwritten: VecDeque<InFlight>) {
        let alone = written.len() == 1 && !self.stopped;
        let (mut delayed, mut owners) = (VecDeque::new(), Vec::new());
        for InFlight { owner, request, .. } in written {
            match owner {
                Owner::Probe => {}
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
                Owner::Probe => {}
                Owner::Delayed(id) => delayed.insert(suspects, (id, request)),
                Owner::Client(client) => again.push((client, self.clients.put_back(client, request))),
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

    /// Has clients go first whose requests could not go, the last of them first here; stores what is critical of those
    /// who have left.
    fn requeue(&mut self, again: Vec<(ClientId, Option<Request>)>) {
        let mut nobodys = Vec::new();
        for (client, request) in again {
            nobodys.extend(request.map(|request| (client, request)));
            let place = self.place_of(client);
            self.turns.seat_first(client, place, self.now);
        }
        for (client, request) in nobodys.into_iter().rev() {
            if self.config.spool && request.is_critical() {
                self.store(client, request);
            }
        }
    }

    /// The peer's state after a link or a try ended.
    fn settle_state(&mut self, was_up: bool) {
        if self.stopped || self.any_up() {
            return;
        }
        if self.state == State::Up {
            self.enter(State::Connecting);
        } else if !was_up && self.links_that(Link::is_trying).is_empty() {
            self.enter(State::Down);
        }
    }
}
