//! Everything between one remote host's clients and its links: queues, order, deadlines.
//!
//! The driver tells the [`Session`] what happened and when; the session answers with [`Command`]s, bytes to
//! send and the next deadline. It keeps these promises, whatever happens:
//!
//! * every request line gets exactly one answer, in the order of its client's requests;
//! * no answer reaches anybody but the client that asked: a link that was late is never used again;
//! * a request whose first byte was not written waits for the next link, one that was is answered `con_lost`;
//! * a client that does not take its answers is not served further, and holds up no other.
//!
//! ```text
//!   client_sent ─► clients.rs (a queue each, turn by turn) ─► link.rs (in flight, in order) ─► unsent
//!   Command::Answer ◄───────────── owner of the oldest in flight ◄──────────────────────── received
//! ```

mod clients;
mod command;
mod delayed;
mod error;
mod ids;
mod lifecycle;
mod link;
mod metrics;
mod status;
mod trouble;
mod turns;

use alloc::collections::VecDeque;
use alloc::string::ToString as _;
use bytes::BytesMut;
use core::time::Duration;
use fastrand::Rng;
use slab::Slab;

pub use self::command::{Answers, Command, Event, Lost};
pub use self::delayed::Stored;
pub use self::error::{ConnectFault, LinkError};
pub use self::ids::{ClientId, LinkId, MessageId, Ticket};
pub use self::metrics::{BOUNDS, Histogram, Histograms, RECENT};
pub use self::status::{ClientStatus, Counters, LinkState, LinkStatus, State, Status};
pub use self::trouble::{Reached, Trouble};

use self::clients::{Clients, Rights};
use self::delayed::Delayed;
use self::link::{Link, Owner, Phase};
use self::metrics::Rate;
use crate::backoff::Bounds;
use crate::handshake::Identity;
use crate::line::Lines;
use crate::request::Request;
use crate::time::Instant;

/// A try under way that is younger than this is not begun anew by [`Session::reconnect`].
const FRESH_TRY: Duration = Duration::from_secs(2);

/// What a session goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Who talks to whom.
    pub identity: Identity,
    /// Links to keep open, at least one.
    pub connections: usize,
    /// Requests in flight on one link, at least one; 1 is lock-step.
    pub pipeline: usize,
    /// How long each step of the handshake, and a probe, may take.
    pub handshake_timeout: Duration,
    /// How long a request may take from when nothing is before it on its link.
    pub request_timeout: Duration,
    /// How long requests wait for a link that is opened the first time or was just lost.
    pub connect_wait: Duration,
    /// An idle link is probed after this; zero: never.
    pub probe_interval: Duration,
    /// Bounds of the wait between tries.
    pub backoff: Bounds,
    /// Longest reply line, in bytes on the wire.
    pub max_reply_bytes: usize,
    /// True if there is a spool: its messages go first, and critical requests can be stored.
    pub spool: bool,
    /// How long a delayed message may take from when nothing is before it on its link.
    pub message_timeout: Duration,
    /// A delayed message that breaks the link so many times in a row is set aside.
    pub max_attempts: u32,
    /// A client with so many bytes of answers not taken is not served further. Holds for those who come from now on.
    pub max_client_bytes: usize,
}

/// The machine. See the [module](self).
pub struct Session {
    config: Config,
    clients: Clients,
    delayed: Delayed,
    links: Slab<Link>,
    state: State,
    since: Instant,
    last_error: Option<LinkError>,
    counters: Counters,
    histograms: Histograms,
    rate: Rate,
    rng: Rng,
    commands: VecDeque<Command>,
    sparing: bool,
    /// Something happened that may put requests on links, or have them refused.
    stirred: bool,
    stopped: bool,
}

impl Session {
    /// A session that opens its links now. `seed` makes the back-off's jitter.
    #[must_use]
    pub fn new(config: Config, seed: u64, now: Instant) -> Self {
        let mut session = Self {
            config,
            clients: Clients::default(),
            delayed: Delayed::default(),
            links: Slab::new(),
            state: State::Connecting,
            since: now,
            last_error: None,
            counters: Counters::default(),
            histograms: Histograms::default(),
            rate: Rate::default(),
            rng: Rng::with_seed(seed),
            commands: VecDeque::new(),
            sparing: false,
            stirred: false,
            stopped: false,
        };
        session.add_links(now);
        session
    }

    /// A client came; `may_stop` if it may stop the instance.
    pub fn client_joined(&mut self, may_stop: bool) -> ClientId {
        self.clients
            .join(Rights { may_stop }, self.config.max_client_bytes)
    }

    /// A client vanished: what it had queued is dropped, but for critical requests, which are stored; what is in
    /// flight keeps its place for nobody.
    pub fn client_left(&mut self, client: ClientId) {
        if self.config.spool {
            for request in self.clients.take_critical(client) {
                self.store(client, request);
            }
        }
        self.clients.leave(client);
    }

    /// A client sent whole lines.
    pub fn client_sent(&mut self, client: ClientId, lines: Lines, now: Instant) {
        self.counters.requests += lines.count as u64;
        self.rate.add(lines.count, now);
        if let Some(asking) = self.clients.get_mut(client) {
            asking.enqueue(lines);
            self.list(client);
            self.stirred = true;
        }
    }

    /// With `sparing` each client has at most one request in flight, and is served only while it takes its answers:
    /// for when answers that are not taken use up all memory there is.
    pub fn spare(&mut self, sparing: bool) {
        self.sparing = sparing;
    }

    /// A client took so many bytes of its answers.
    pub fn client_took(&mut self, client: ClientId, bytes: usize) {
        if let Some(taking) = self.clients.get_mut(client) {
            taking.took(bytes);
            if taking.asks() {
                self.list(client);
                self.stirred = true;
            }
        }
    }

    /// The TCP connection asked for is there.
    pub fn connected(&mut self, id: LinkId, now: Instant) {
        let deadline = now + self.config.handshake_timeout;
        if let Some(link) = self.links.get_mut(id.0) {
            link.begin_handshake(now, deadline);
        }
    }

    /// The try or the link ended, by the driver's word.
    pub fn failed(&mut self, id: LinkId, why: LinkError, now: Instant) {
        let step = self.links.get(id.0).and_then(Link::step);
        let why = match (why, step) {
            (LinkError::Closed, Some(step)) => LinkError::ClosedInStep(step),
            (why, _) => why,
        };
        self.end_link(id, why, now);
        self.stirred = true;
    }

    /// Bytes came in on a link; those of complete lines are taken from `input`.
    pub fn received(&mut self, id: LinkId, input: &mut BytesMut, now: Instant) {
        if let Err(why) = self.take_input(id, input, now) {
            input.clear();
            self.end_link(id, why, now);
        }
        self.stirred = true;
    }

    /// The names of all links there may be now.
    pub fn link_ids(&self) -> impl Iterator<Item = LinkId> + use<> {
        (0..self.links.capacity()).map(LinkId)
    }

    /// How many clients there are.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// What is to be sent on a link now.
    #[must_use]
    pub fn unsent(&self, id: LinkId) -> &[u8] {
        self.links.get(id.0).map_or(&[], Link::unsent)
    }

    /// So many bytes of [`Session::unsent`] were written.
    pub fn sent(&mut self, id: LinkId, bytes: usize) {
        if let Some(link) = self.links.get_mut(id.0) {
            self.counters.bytes_sent += bytes as u64;
            self.stirred |= link.sent(bytes);
        }
    }

    /// Tries again now, without waiting for the back-off; requests wait for it as at the start.
    pub fn reconnect(&mut self, now: Instant) {
        if self.stopped {
            return;
        }
        if self.state != State::Up {
            self.wait_anew(now);
        }
        let stale = |link: &Link| match link.phase {
            Phase::Waiting { .. } => true,
            Phase::Opening | Phase::Handshake { .. } => now.since(link.since) >= FRESH_TRY,
            Phase::Up(_) => false,
        };
        for id in self.links_that(stale) {
            self.try_now(id, now);
        }
        // Whoever asks may know that the peer came back, and that a link nobody uses is dead.
        for (_, link) in &mut self.links {
            if link.is_open() && link.is_idle() {
                link.push(Owner::Probe, Request::probe(), now);
            }
        }
    }

    /// Goes by another configuration from now on. The links are replaced only if `reopen` (another address) or
    /// the identity asks for it; what is in flight is finished on the old ones.
    pub fn reconfigure(&mut self, config: Config, reopen: bool, now: Instant) {
        if self.stopped {
            return;
        }
        let reopen = reopen || config.identity != self.config.identity;
        self.config = config;
        let keep = if reopen { 0 } else { self.config.connections };
        let mut active = self.links_that(|link| !link.retiring);
        // Those that work are kept first.
        active.sort_by_key(|id| !self.links.get(id.0).is_some_and(Link::is_open));
        for id in active.into_iter().skip(keep) {
            self.retire(id);
        }
        self.add_links(now);
        if (reopen || self.state == State::Up) && !self.any_up() {
            self.wait_anew(now);
        }
        self.stirred = true;
    }

    /// Answers everything that has no answer yet, closes the links, and refuses all that comes after.
    pub fn stop(&mut self, now: Instant) {
        self.stopped = true;
        for id in self.links_that(|link| link.next_try().is_none()) {
            self.end_link(id, LinkError::Stopped, now);
        }
        self.links.clear();
        self.enter(State::Down, now);
        self.stirred = true;
    }

    /// The next thing the driver is to do.
    ///
    /// What happened since the last call is put on the links here, and so all at once: the driver tells of all that it
    /// knows, then asks until there is no more to do, then writes.
    pub fn next_command(&mut self, now: Instant) -> Option<Command> {
        if core::mem::take(&mut self.stirred) {
            self.pump(now);
        }
        if self.clients.take_stop() {
            return Some(Command::Stop);
        }
        let answers = || {
            self.clients
                .next_answers()
                .map(|(client, answers)| Command::Answer(client, answers))
        };
        self.commands.pop_front().or_else(answers)
    }

    /// When [`Session::handle_timeout`] is to be called, if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let wait = (self.state == State::Connecting).then(|| self.since + self.config.connect_wait);
        self.links
            .iter()
            .filter_map(|(_, link)| link.deadline(&self.config))
            .chain(wait)
            .min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.state == State::Connecting && now >= self.since + self.config.connect_wait {
            self.enter(State::Down, now);
        }
        let due = |link: &Link| {
            link.deadline(&self.config)
                .is_some_and(|deadline| deadline <= now)
        };
        for id in self.links_that(due) {
            self.link_is_due(id, now);
        }
        self.stirred = true;
    }

    /// How things stand.
    #[must_use]
    pub fn status(&self) -> Status {
        let ups = || self.links.iter().filter_map(|(_, link)| link.up());
        Status {
            state: self.state,
            since: self.since,
            last_error: self.last_error.as_ref().map(LinkError::to_string),
            next_try: self.links.iter().filter_map(|(_, link)| link.next_try()).min(),
            clients: self.clients.len(),
            queued: self.clients.queued(),
            in_flight: ups().map(|up| up.in_flight.len()).sum(),
            links: self
                .links
                .iter()
                .map(|(id, link)| link.status(LinkId(id)))
                .collect(),
            rtt: ups().filter_map(|up| up.rtt).min(),
            peer_version: ups().find_map(|up| up.version.clone()),
            delayed: self.delayed.len(),
            failing: self.delayed.failing(),
            counters: self.counters,
            histograms: self.histograms,
        }
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
