//! One link: its phase, what is in flight on it, what is to be sent.

mod opening;
mod pace;
mod traffic;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use bytes::{Bytes, BytesMut};
use core::time::Duration;

pub(super) use self::pace::Pace;
use super::Config;
use super::error::LinkError;
use super::grace::Grace;
use super::ids::{ClientId, LinkId, MessageId};
use super::status::{Cause, LinkState, LinkStatus, Others, Stage};
use super::trouble::{Reached, Trouble, Troubles};
use crate::backoff::Backoff;
use crate::cipher::Cipher;
use crate::handshake::{Handshake, Step};
use crate::reply::{Reply, ReplyReader};
use crate::request::{Encoder, Request};
use crate::time::Instant;

/// Unsent bytes beyond which no more is put on a link; requests are better kept where they can still wait.
const HIGH_WATER: usize = 64 * 1024;

/// A try that gets no answer for so long has another beside it, if the host has another address.
const SILENCE: Duration = Duration::from_secs(1);

/// Tries in a row that may follow each other at once, whatever addresses a name server thinks up.
const MOST_AT_ONCE: u32 = 16;

/// Whose request it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Client(ClientId),
    Delayed(MessageId),
    /// lonc's question on a link that just opened: who is there?
    Check,
    /// lonc's question on an idle link.
    Probe,
}

impl Owner {
    /// True for what lonc itself asks.
    pub(super) fn is_own(self) -> bool {
        matches!(self, Self::Check | Self::Probe)
    }

    pub(super) fn client(self) -> Option<ClientId> {
        match self {
            Self::Client(client) => Some(client),
            Self::Delayed(_) | Self::Check | Self::Probe => None,
        }
    }
}

pub(super) struct InFlight {
    pub(super) owner: Owner,
    pub(super) request: Request,
    /// When it was put on the link.
    since: Instant,
    /// Nothing was before it then.
    alone: bool,
    /// Where its first byte stands in the bytes of this link.
    start: u64,
    /// Where its last byte does; unknown until it is encoded.
    end: Option<u64>,
    /// If lond goes by another id than the peer's own from it on, or did before.
    going: Option<Box<Going>>,
}

/// By which id lond goes.
struct Going {
    /// Its `sethost:<id>:`; empty for the peer's own.
    host: Bytes,
    change: Change,
}

/// A line before a request that has lond go by another id, for a lond that does not take that in the same line.
enum Change {
    /// There is none, or it was answered `ok`.
    None,
    /// It was not answered yet; it ends here in the bytes of this link.
    Asked { end: u64 },
    /// This was answered, safe to log.
    Odd(Box<str>),
}

impl Change {
    /// True while its answer is to come.
    fn is_asked(&self) -> bool {
        matches!(self, Self::Asked { .. })
    }
}

/// Of two links the less busy has less of it: requests of others first, then all that are in flight.
pub(super) type Load = (usize, usize);

pub(super) struct Up {
    cipher: Cipher,
    reader: ReplyReader,
    pub(super) in_flight: VecDeque<InFlight>,
    /// Of those in flight, what lonc itself asks.
    own: usize,
    /// So many of the first in flight are wholly written, and no longer hold their bodies.
    relieved: usize,
    /// The request being put on the wire, the last in flight.
    encoder: Option<Encoder>,
    /// `sethost:<id>:` of the peer's own id.
    own_host: Bytes,
    /// The same of the id that lond goes by, apart from what is in flight; empty for the peer's own.
    host: Bytes,
    /// lond takes that in the same line as a command.
    takes_host_inline: bool,
    /// Since when the oldest in flight is the oldest, or nothing is in flight.
    front_since: Instant,
    pub(super) rtt: Option<Duration>,
    pub(super) pace: Pace,
    pub(super) version: Option<String>,
    /// Something was answered on it.
    replied: bool,
    /// Something was that is not asked on every link that opens.
    served: bool,
}

pub(super) enum Phase {
    /// The driver opens a connection.
    Opening(Stage),
    Handshake {
        dialogue: Handshake,
        sent_at: Instant,
        /// Of the step, and of all steps.
        deadline: Instant,
        opening_deadline: Instant,
        rtt: Option<Duration>,
    },
    Up(Box<Up>),
    /// Backing off.
    Waiting {
        until: Instant,
    },
}

pub(super) struct Link {
    pub(super) phase: Phase,
    /// Since when it is at its present phase.
    pub(super) since: Instant,
    pub(super) backoff: Backoff,
    pub(super) troubles: Troubles,
    /// Why it was opened.
    pub(super) cause: Cause,
    /// What whoever answers on it calls itself, if that is not the peer.
    pub(super) other_host: Option<String>,
    /// The other addresses of the host, which may do if this try does not.
    pub(super) others: Others,
    /// Its try got no answer for long enough to begin another at one of them.
    pub(super) is_silent: bool,
    /// When it is up this one is retired.
    pub(super) replaces: Option<LinkId>,
    /// To be closed once nothing is in flight; nothing more is put on it.
    pub(super) retiring: bool,
    /// When a delayed message was last put on it, or a request that no link before it had room for.
    pub(super) needed: Instant,
    grace: Grace,
    out: BytesMut,
    /// Bytes encoded for, and written to, this connection so far.
    encoded: u64,
    written: u64,
}

/// A reply and the request it is for.
pub(super) struct Replied {
    pub(super) owner: Owner,
    pub(super) request: Request,
    pub(super) reply: Reply,
    /// How long after the request was put on the link.
    pub(super) took: Duration,
    /// What lond answered to the other id that it was to go by, if it was not `ok`.
    pub(super) odd_change: Option<Box<str>>,
}

impl Link {
    pub(super) fn new(cause: Cause, now: Instant) -> Self {
        Self {
            phase: Phase::Opening(Stage::Lookup),
            since: now,
            backoff: Backoff::default(),
            troubles: Troubles::default(),
            cause,
            other_host: None,
            others: Others::default(),
            is_silent: false,
            replaces: None,
            retiring: false,
            needed: now,
            grace: Grace::default(),
            out: BytesMut::new(),
            encoded: 0,
            written: 0,
        }
    }

    pub(super) fn up(&self) -> Option<&Up> {
        match &self.phase {
            Phase::Up(up) => Some(up),
            Phase::Opening(_) | Phase::Handshake { .. } | Phase::Waiting { .. } => None,
        }
    }

    /// True if it is not to end, and not on top of the others until it takes the place of one.
    pub(super) fn is_active(&self) -> bool {
        !self.retiring && self.replaces.is_none()
    }

    /// True if requests may be put on it.
    pub(super) fn is_open(&self) -> bool {
        !self.retiring && self.up().is_some()
    }

    pub(super) fn status(&self, link: LinkId, config: &Config, now: Instant) -> LinkStatus {
        let state = match &self.phase {
            Phase::Opening(stage) => LinkState::Opening(*stage),
            Phase::Handshake { dialogue, .. } => LinkState::Handshake(dialogue.step()),
            Phase::Up(_) if self.retiring => LinkState::Retiring,
            Phase::Up(_) => LinkState::Up,
            Phase::Waiting { .. } => LinkState::Waiting,
        };
        let up = self.up();
        LinkStatus {
            link,
            state,
            since: self.since,
            cause: self.cause,
            other_host: self.other_host.clone(),
            in_flight: self.num_in_flight(),
            depth: up.and_then(|up| up.pace.depth(config.pipeline)),
            service: up.and_then(|up| up.pace.service()),
            oldest: up.and_then(|up| up.in_flight.front().map(|first| first.since)),
            stalled: self.is_stalled(now),
            rtt: up.and_then(|up| up.rtt),
            trouble: self.troubles.last.clone(),
            failing_since: self.troubles.since,
            failed_tries: self.troubles.tries,
            next_try: self.next_try(),
        }
    }

    /// True if, were its opening to fail now, the next would begin at once, at another address.
    pub(super) fn goes_on_at_once(&self) -> bool {
        self.others.any_untried && self.step().is_some() && self.troubles.tries < MOST_AT_ONCE
    }

    /// True while a try is under way.
    pub(super) fn is_trying(&self) -> bool {
        matches!(self.phase, Phase::Opening(_) | Phase::Handshake { .. })
    }

    /// The step of the handshake whose answer is awaited, if one is under way.
    pub(super) fn step(&self) -> Option<Step> {
        match &self.phase {
            Phase::Handshake { dialogue, .. } => Some(dialogue.step()),
            Phase::Opening(_) | Phase::Up(_) | Phase::Waiting { .. } => None,
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.up().is_none_or(|up| up.in_flight.is_empty())
    }

    /// True once something was answered on it.
    pub(super) fn has_replied(&self) -> bool {
        self.up().is_some_and(|up| up.replied)
    }

    /// True once it has shown that it is of use, as a link that only opens is not.
    pub(super) fn has_served(&self) -> bool {
        self.up().is_some_and(|up| up.served)
    }

    /// lond works so fast on it that another link would change nothing.
    pub(super) fn is_fast(&self, pipeline: usize) -> bool {
        self.up().is_some_and(|up| up.pace.is_fast(pipeline))
    }

    /// When its try got on last.
    pub(super) fn moved_on(&self) -> Instant {
        match &self.phase {
            Phase::Handshake { sent_at, .. } => *sent_at,
            Phase::Opening(_) | Phase::Up(_) | Phase::Waiting { .. } => self.since,
        }
    }

    /// Requests on it without their reply, those of lonc itself among them.
    pub(super) fn num_in_flight(&self) -> usize {
        self.up().map_or(0, |up| up.in_flight.len())
    }

    /// The same, without those of lonc itself.
    pub(super) fn num_requests(&self) -> usize {
        self.up().map_or(0, |up| up.in_flight.len() - up.own)
    }

    /// How busy it is: somebody's requests count before those of lonc itself, which take no time to speak of.
    pub(super) fn load(&self) -> Load {
        (self.num_requests(), self.num_in_flight())
    }

    /// True if somebody's request is behind somebody else's.
    pub(super) fn has_others_behind(&self) -> bool {
        let in_flight = self.up().map(|up| &up.in_flight);
        let owners = || in_flight.into_iter().flatten().map(|one| one.owner);
        let first = owners().next();
        owners().any(|owner| owner.client().is_some() && Some(owner) != first)
    }

    /// When its oldest request in flight becomes a slow one.
    pub(super) fn stalls_at(&self) -> Option<Instant> {
        let up = self.up().filter(|up| !up.in_flight.is_empty())?;
        Some(up.front_since + up.pace.patience())
    }

    /// True if its oldest request in flight is slow.
    pub(super) fn is_stalled(&self, now: Instant) -> bool {
        self.stalls_at().is_some_and(|at| at <= now)
    }

    pub(super) fn unsent(&self) -> &[u8] {
        &self.out
    }

    /// Bytes of lond's have arrived on it and are not read yet.
    pub(super) fn unread(&mut self, config: &Config, now: Instant) {
        let due = self.due(config);
        self.grace.give(due, now);
    }

    /// When something is to be done that is due on this link.
    pub(super) fn deadline(&self, config: &Config) -> Option<Instant> {
        self.due(config).map(|due| self.grace.heeded(due))
    }

    fn due(&self, config: &Config) -> Option<Instant> {
        match &self.phase {
            Phase::Opening(_) => None,
            Phase::Waiting { until } => Some(*until),
            Phase::Handshake {
                sent_at,
                deadline,
                opening_deadline,
                ..
            } => {
                let is_heard = self.is_silent || self.others.num == 0;
                let silent_at = (!is_heard).then(|| *sent_at + SILENCE);
                silent_at.into_iter().chain([*deadline, *opening_deadline]).min()
            }
            Phase::Up(up) => {
                let span = match up.in_flight.front().map(|first| first.owner) {
                    Some(Owner::Client(_)) => config.request_timeout,
                    Some(Owner::Delayed(_)) => config.message_timeout,
                    Some(Owner::Check | Owner::Probe) => config.handshake_timeout,
                    None if config.probe_interval.is_zero() => return None,
                    None => config.probe_interval,
                };
                Some(up.front_since + span)
            }
        }
    }

    /// When the next try begins, if it backs off.
    pub(super) fn next_try(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Waiting { until } => Some(*until),
            Phase::Opening(_) | Phase::Handshake { .. } | Phase::Up(_) => None,
        }
    }

    /// Notes that it ends now, and why.
    pub(super) fn note_trouble(&mut self, why: &LinkError, now: Instant) {
        let reached = match (&self.phase, why) {
            (Phase::Up(_), _) => Reached::Up,
            (Phase::Handshake { dialogue, .. }, _) => Reached::Handshake(dialogue.step()),
            (Phase::Opening(_) | Phase::Waiting { .. }, LinkError::Lookup { .. }) => Reached::Lookup,
            (Phase::Opening(_) | Phase::Waiting { .. }, _) => Reached::Connect,
        };
        self.troubles.add(Trouble {
            why: why.clone(),
            reached,
            at: now,
        });
    }
}
