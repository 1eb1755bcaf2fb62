//! The machine behind the session's door: what it holds, and what is told to it.

mod critical;
mod demand;
mod disabled;
mod flush;
mod lifecycle;
mod replies;
mod schedule;
mod snapshot;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::BytesMut;
use core::time::Duration;
use fastrand::Rng;
use slab::Slab;

use crate::line::Lines;
use crate::request::Request;
use crate::session::Config;
use crate::session::client::Aside;
use crate::session::clients::Clients;
use crate::session::command::{Command, Event};
use crate::session::delayed::Delayed;
use crate::session::demand::Demand;
use crate::session::error::LinkError;
use crate::session::grace::Grace;
use crate::session::ids::{ClientId, LinkId};
use crate::session::link::{Link, Owner};
use crate::session::metrics::{Histograms, Rate};
use crate::session::status::{Cause, Counters, Others, Stage, State};
use crate::session::turns::Turns;
use crate::time::Instant;

/// A try that has not got on for so long has another one beside it when somebody asks for one.
const FRESH_TRY: Duration = Duration::from_secs(2);

/// A spool that has told nothing for so long is not waited for.
const SPOOL_PATIENCE: Duration = Duration::from_secs(1);

pub(in crate::session) struct Machine {
    pub(in crate::session) config: Config,
    /// The time, as it was told last.
    pub(in crate::session) now: Instant,
    pub(in crate::session) clients: Clients,
    pub(in crate::session) turns: Turns,
    pub(in crate::session) delayed: Delayed,
    pub(in crate::session) demand: Demand,
    pub(in crate::session) links: Slab<Link>,
    pub(in crate::session) state: State,
    pub(in crate::session) since: Instant,
    /// When the peer was lost first since it answered, or wanted first: nobody waits for it since longer.
    lost_at: Instant,
    /// It has answered nothing since.
    is_lost: bool,
    /// For those who wait for the peer.
    grace: Grace,
    pub(in crate::session) last_error: Option<LinkError>,
    pub(in crate::session) counters: Counters,
    pub(in crate::session) histograms: Histograms,
    pub(in crate::session) rate: Rate,
    pub(in crate::session) rng: Rng,
    pub(in crate::session) commands: VecDeque<Command>,
    /// When a client's wish for a try was heeded last.
    retried: Option<Instant>,
    /// Memory is scarce: each client has at most one request in flight.
    pub(in crate::session) sparing: bool,
    pub(in crate::session) stopped: bool,
}

impl Machine {
    pub(in crate::session) fn new(config: Config, seed: u64, now: Instant) -> Self {
        let state = if config.disabled {
            State::Disabled
        } else if config.connections == 0 {
            State::Idle
        } else {
            State::Connecting
        };
        let mut machine = Self {
            config,
            now,
            clients: Clients::default(),
            turns: Turns::default(),
            delayed: Delayed::default(),
            demand: Demand::default(),
            links: Slab::new(),
            state,
            since: now,
            lost_at: now,
            is_lost: false,
            grace: Grace::default(),
            last_error: None,
            counters: Counters::default(),
            histograms: Histograms::default(),
            rate: Rate::default(),
            rng: Rng::with_seed(seed),
            commands: VecDeque::new(),
            retried: None,
            sparing: false,
            stopped: false,
        };
        if machine.config.disabled {
            machine.event(Event::StateChanged(State::Disabled));
        }
        machine.keep_links();
        machine
    }

    pub(in crate::session) fn client_joined(&mut self, privileged: bool) -> ClientId {
        self.clients.join(privileged, self.config.max_client_bytes)
    }

    pub(in crate::session) fn client_left(&mut self, client: ClientId) {
        self.clients.leave(client, self.config.spool);
        self.seat(client);
        self.forget_gone();
    }

    pub(in crate::session) fn lines(&mut self, client: ClientId, lines: Lines) {
        self.counters.requests += lines.count as u64;
        self.rate.add(lines.count, self.now);
        if let Some(asking) = self.clients.get_mut(client) {
            asking.enqueue(lines, self.now);
            self.seat(client);
        }
    }

    pub(in crate::session) fn spare(&mut self, sparing: bool) {
        self.sparing = sparing;
    }

    /// True if the client waits to be served further.
    pub(in crate::session) fn taken(&mut self, client: ClientId, bytes: usize) -> bool {
        self.clients.get_mut(client).is_some_and(|taking| {
            taking.took(bytes);
            taking.num_queued() > 0
        })
    }

    pub(in crate::session) fn stage(&mut self, id: LinkId, stage: Stage) {
        if let Some(link) = self.links.get_mut(id.0) {
            link.enter_stage(stage);
        }
    }

    pub(in crate::session) fn connected(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(id.0) {
            link.begin_handshake(&self.config, self.now);
        }
    }

    pub(in crate::session) fn securing(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(id.0) {
            link.begin_securing(&self.config, self.now);
        }
    }

    pub(in crate::session) fn secured(&mut self, id: LinkId) {
        if let Some(link) = self.links.get_mut(id.0) {
            link.secured(&self.config, self.now);
        }
    }

    pub(in crate::session) fn others(&mut self, id: LinkId, others: Others) {
        if let Some(link) = self.links.get_mut(id.0) {
            link.others = others;
        }
    }

    pub(in crate::session) fn failed(&mut self, id: LinkId, why: LinkError) {
        let step = self.links.get(id.0).and_then(Link::step);
        let why = match (why, step) {
            (LinkError::Closed, Some(step)) => LinkError::ClosedInStep(step),
            (why, _) => why,
        };
        self.end_link(id, why);
    }

    pub(in crate::session) fn input(&mut self, id: LinkId, input: &mut BytesMut) {
        if let Err(why) = self.take_input(id, input) {
            input.clear();
            self.end_link(id, why);
        }
    }

    pub(in crate::session) fn unread(&mut self, id: LinkId) {
        let wait_ends = self.wait_ends();
        if let Some(link) = self.links.get_mut(id.0) {
            link.unread(&self.config, self.now);
            if link.is_trying() {
                self.grace.give(wait_ends, self.now);
            }
        }
    }

    pub(in crate::session) fn link_ids(&self) -> impl Iterator<Item = LinkId> + use<> {
        (0..self.links.capacity()).map(LinkId)
    }

    pub(in crate::session) fn unsent(&self, id: LinkId) -> &[u8] {
        self.links.get(id.0).map_or(&[], Link::unsent)
    }

    pub(in crate::session) fn decrypted(&self, id: LinkId) -> usize {
        self.links.get(id.0).map_or(0, Link::decrypted)
    }

    pub(in crate::session) fn written(&mut self, id: LinkId, bytes: usize) {
        if let Some(link) = self.links.get_mut(id.0) {
            self.counters.bytes_sent += bytes as u64;
            link.wrote(bytes);
        }
    }

    /// Tries now, beside a try that does not get on; one that does is left alone.
    pub(in crate::session) fn reconnect(&mut self) {
        if self.stopped || self.config.disabled {
            return;
        }
        if matches!(self.state, State::Down | State::Idle) {
            self.wait_anew();
        }
        self.demand.forget();
        self.try_all();
        self.keep_links();
        let now = self.now;
        let trying = || self.links.iter().filter(|(_, link)| link.is_trying());
        let gets_on = |link: &Link| now.since(link.moved_on()) < FRESH_TRY;
        // One that was asked for is enough, unless it is all there is.
        let is_asked = |link: &Link| link.cause == Cause::Asked && trying().count() > 1;
        if !self.any_up() && !trying().any(|(_, link)| gets_on(link) || is_asked(link)) {
            self.open_link(Cause::Asked);
        }
        // Whoever asks may know that the peer came back, and that a link nobody uses is dead.
        for (_, link) in &mut self.links {
            if link.is_open() && link.is_idle() {
                link.push(Owner::Probe, Request::probe(), now);
            }
        }
    }

    pub(in crate::session) fn reconfigure(&mut self, config: Config, reopen: bool) {
        if self.stopped {
            return;
        }
        let reopen = reopen || config.identity != self.config.identity;
        self.config = config;
        if self.config.disabled {
            return self.disable();
        }
        let keep = if reopen { 0 } else { self.config.max_connections };
        self.demand.forget();
        let mut active = self.links_that(|link| !link.retiring);
        // Those that work are kept first.
        active.sort_by_key(|id| !self.links.get(id.0).is_some_and(Link::is_open));
        let kept = self.config.connections.max(1);
        for (index, id) in active.into_iter().enumerate() {
            let waits = self.links.get(id.0).is_some_and(|link| link.next_try().is_some());
            if index >= keep || (waits && index >= kept) {
                self.retire(id);
            }
        }
        let is_lost = match self.state {
            State::Idle | State::Disabled => self.config.connections > 0,
            State::Up => !self.any_up(),
            State::Connecting | State::Down => reopen && !self.any_up(),
        };
        if is_lost {
            self.wait_anew();
        } else if self.state == State::Disabled {
            self.enter(State::Idle);
        }
        self.keep_links();
    }

    pub(in crate::session) fn stop(&mut self) {
        self.stopped = true;
        for id in self.links_that(|link| link.next_try().is_none()) {
            self.end_link(id, LinkError::Stopped);
        }
        self.links.clear();
        self.enter(State::Down);
    }

    pub(in crate::session) fn next_command(&mut self) -> Option<Command> {
        while let Some((client, aside)) = self.clients.take_aside() {
            match aside {
                Aside::Stop => return Some(Command::Stop),
                Aside::Refused(why) => return Some(Command::Event(Event::Refused { client, why })),
                // Whoever wants it may say so all the time, and where there is a link it changes nothing.
                Aside::Retry if self.any_up() => {}
                Aside::Retry => {
                    let is_early = |last| self.now < last + FRESH_TRY;
                    if !self.retried.is_some_and(is_early) {
                        self.retried = Some(self.now);
                        return Some(Command::Retry);
                    }
                }
            }
        }
        let answers = || {
            self.clients
                .next_answers()
                .map(|(client, answers)| Command::Answer(client, answers))
        };
        self.commands.pop_front().or_else(answers)
    }

    pub(in crate::session) fn poll_timeout(&self) -> Option<Instant> {
        let links = self.links.iter();
        links
            .filter_map(|(_, link)| link.deadline(&self.config))
            .chain(self.wait_ends().map(|end| self.grace.heeded(end)))
            .chain(self.demand_due())
            .chain(self.critical_due())
            .chain(self.disabled_due())
            .min()
    }

    pub(in crate::session) fn timeout(&mut self) {
        if self.state == State::Connecting && self.is_past(self.patience_ends()) {
            let is_up = self.any_up();
            self.enter(if is_up { State::Up } else { State::Down });
        }
        self.end_late_stores();
        let now = self.now;
        let config = &self.config;
        let due = self.links.iter();
        let due = due.filter(|(_, link)| link.deadline(config).is_some_and(|deadline| deadline <= now));
        let due: Vec<_> = due.map(|(id, _)| LinkId(id)).collect();
        for id in due {
            self.link_is_due(id);
        }
        self.end_disabled();
        self.take_back_stalled();
        self.retire_unneeded();
    }

    /// Whether those who wait for the peer until then wait no longer.
    pub(super) fn is_past(&self, end: Instant) -> bool {
        self.grace.heeded(end) <= self.now
    }

    /// When somebody has waited for the peer long enough.
    fn wait_ends(&self) -> Option<Instant> {
        if self.state != State::Connecting {
            return None;
        }
        let first = self
            .first_to_give_up()
            .map(|first| first + self.config.connect_wait);
        first.into_iter().chain([self.patience_ends()]).min()
    }

    /// Until when all wait for a link, or for what is delayed.
    fn patience_ends(&self) -> Instant {
        let end = self.since + self.config.connect_wait;
        if self.any_up() && self.delayed.num() == 0 {
            // The disk has not told whether there is more, or that what was answered is gone.
            end.min(self.since.max(self.delayed.through_at) + SPOOL_PATIENCE)
        } else {
            end
        }
    }

    pub(in crate::session) fn event(&mut self, event: Event) {
        self.commands.push_back(Command::Event(event));
    }

    pub(in crate::session) fn enter(&mut self, state: State) {
        if self.state != state {
            // One that opens links and loses them again would have everybody wait for ever.
            if state == State::Connecting && !self.is_lost {
                self.lost_at = self.now;
                self.is_lost = true;
            }
            // Who waits next begins to wait, and cannot have waited for the peer.
            self.is_lost &= state != State::Idle;
            self.state = state;
            self.since = self.now;
            self.event(Event::StateChanged(state));
        }
    }

    /// Has requests that come from now on wait for a link as long as at the start.
    pub(in crate::session) fn wait_anew(&mut self) {
        self.enter(State::Connecting);
        self.since = self.now;
    }
}
