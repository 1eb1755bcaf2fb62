//! One link: its phase, what is in flight on it, what is to be sent.

mod opening;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use bytes::{Buf as _, BytesMut};
use core::time::Duration;

use super::Config;
use super::error::LinkError;
use super::ids::{ClientId, LinkId, MessageId};
use super::status::{LinkState, LinkStatus, Stage};
use super::trouble::{Reached, Trouble, Troubles};
use crate::backoff::Backoff;
use crate::cipher::Cipher;
use crate::handshake::{Handshake, Step};
use crate::reply::{Reply, ReplyReader};
use crate::request::{Encoder, Request};
use crate::time::Instant;

/// Unsent bytes beyond which no more is put on a link; requests are better kept where they can still wait.
const HIGH_WATER: usize = 64 * 1024;

/// Whose request it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Client(ClientId),
    Delayed(MessageId),
    Probe,
}

impl Owner {
    pub(super) fn client(self) -> Option<ClientId> {
        match self {
            Self::Client(client) => Some(client),
            Self::Delayed(_) | Self::Probe => None,
        }
    }
}

pub(super) struct InFlight {
    pub(super) owner: Owner,
    pub(super) request: Request,
    /// When it was put on the link.
    since: Instant,
    /// Where its first byte stands in the bytes of this link.
    start: u64,
    /// Where its last byte does; unknown until it is encoded.
    end: Option<u64>,
}

pub(super) struct Up {
    cipher: Cipher,
    reader: ReplyReader,
    pub(super) in_flight: VecDeque<InFlight>,
    /// So many of the first in flight are wholly written, and no longer hold their bodies.
    relieved: usize,
    /// The request being put on the wire, the last in flight.
    encoder: Option<Encoder>,
    /// Since when the oldest in flight is the oldest, or nothing is in flight.
    front_since: Instant,
    pub(super) rtt: Option<Duration>,
    pub(super) version: Option<String>,
    /// A request was answered on it.
    replied: bool,
}

pub(super) enum Phase {
    /// The driver opens a connection.
    Opening(Stage),
    Handshake {
        dialogue: Handshake,
        sent_at: Instant,
        deadline: Instant,
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
    /// To be closed once nothing is in flight; nothing more is put on it.
    pub(super) retiring: bool,
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
}

impl Link {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: Phase::Opening(Stage::Lookup),
            since: now,
            backoff: Backoff::default(),
            troubles: Troubles::default(),
            retiring: false,
            out: BytesMut::new(),
            encoded: 0,
            written: 0,
        }
    }

    pub(super) fn begin_opening(&mut self, now: Instant) {
        self.phase = Phase::Opening(Stage::Lookup);
        self.since = now;
        self.out.clear();
    }

    /// The try has come as far as this.
    pub(super) fn enter_stage(&mut self, stage: Stage) {
        if let Phase::Opening(at) = &mut self.phase {
            *at = stage;
        }
    }

    pub(super) fn begin_handshake(&mut self, now: Instant, deadline: Instant) {
        if matches!(self.phase, Phase::Opening(_)) {
            let (dialogue, first) = Handshake::start();
            self.out = BytesMut::from(&first[..]);
            (self.encoded, self.written) = (first.len() as u64, 0);
            self.since = now;
            self.phase = Phase::Handshake {
                dialogue,
                sent_at: now,
                deadline,
                rtt: None,
            };
        }
    }

    pub(super) fn up(&self) -> Option<&Up> {
        match &self.phase {
            Phase::Up(up) => Some(up),
            Phase::Opening(_) | Phase::Handshake { .. } | Phase::Waiting { .. } => None,
        }
    }

    /// True if requests may be put on it.
    pub(super) fn is_open(&self) -> bool {
        !self.retiring && self.up().is_some()
    }

    pub(super) fn status(&self, link: LinkId) -> LinkStatus {
        let state = match &self.phase {
            Phase::Opening(stage) => LinkState::Opening(*stage),
            Phase::Handshake { dialogue, .. } => LinkState::Handshake(dialogue.step()),
            Phase::Up(_) if self.retiring => LinkState::Retiring,
            Phase::Up(_) => LinkState::Up,
            Phase::Waiting { .. } => LinkState::Waiting,
        };
        let (in_flight, rtt) = self.up().map_or((0, None), |up| (up.in_flight.len(), up.rtt));
        let oldest = self.up().and_then(|up| up.in_flight.front());
        LinkStatus {
            link,
            state,
            since: self.since,
            in_flight,
            oldest: oldest.map(|oldest| oldest.since),
            rtt,
            trouble: self.troubles.last.clone(),
            failing_since: self.troubles.since,
            failed_tries: self.troubles.tries,
            next_try: self.next_try(),
        }
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

    /// True once a request was answered on it.
    pub(super) fn has_replied(&self) -> bool {
        self.up().is_some_and(|up| up.replied)
    }

    pub(super) fn num_in_flight(&self) -> usize {
        self.up().map_or(0, |up| up.in_flight.len())
    }

    pub(super) fn unsent(&self) -> &[u8] {
        &self.out
    }

    /// So many bytes of what is unsent were written.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.out.advance(bytes.min(self.out.len()));
        self.written += bytes as u64;
        self.relieve();
        self.encode();
    }

    pub(super) fn has_room(&self, pipeline: usize) -> bool {
        let free = |up: &Up| up.in_flight.len() < pipeline && up.encoder.is_none();
        !self.retiring && self.out.len() < HIGH_WATER && self.up().is_some_and(free)
    }

    /// Puts a request in flight; only if there is room.
    pub(super) fn push(&mut self, owner: Owner, request: Request, now: Instant) {
        let Phase::Up(up) = &mut self.phase else { return };
        if up.in_flight.is_empty() {
            up.front_since = now;
        }
        up.encoder = Some(Encoder::default());
        up.in_flight.push_back(InFlight {
            owner,
            request,
            since: now,
            start: self.encoded,
            end: None,
        });
        self.encode();
    }

    /// Gives back the bodies of requests that are wholly written and are not to be sent again whatever happens.
    fn relieve(&mut self) {
        let Phase::Up(up) = &mut self.phase else { return };
        while let Some(next) = up.in_flight.get_mut(up.relieved)
            && next.end.is_some_and(|end| end <= self.written)
        {
            if matches!(next.owner, Owner::Client(_)) && !next.request.is_critical() {
                next.request.forget_body();
            }
            up.relieved += 1;
        }
    }

    fn encode(&mut self) {
        let Phase::Up(up) = &mut self.phase else { return };
        let (Some(encoder), Some(room)) = (&mut up.encoder, HIGH_WATER.checked_sub(self.out.len())) else {
            return;
        };
        let Some(last) = up.in_flight.back_mut() else {
            return;
        };
        let before = self.out.len();
        let finished = encoder.encode(&last.request, &up.cipher, room, &mut self.out);
        self.encoded += (self.out.len() - before) as u64;
        if finished {
            last.end = Some(self.encoded);
            up.encoder = None;
        }
    }

    /// When something is due on this link.
    pub(super) fn deadline(&self, config: &Config) -> Option<Instant> {
        match &self.phase {
            Phase::Opening(_) => None,
            Phase::Waiting { until } => Some(*until),
            Phase::Handshake { deadline, .. } => Some(*deadline),
            Phase::Up(up) => {
                let span = match up.in_flight.front().map(|first| first.owner) {
                    Some(Owner::Client(_)) => config.request_timeout,
                    Some(Owner::Delayed(_)) => config.message_timeout,
                    Some(Owner::Probe) => config.handshake_timeout,
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

    /// The next reply, with the request it answers.
    pub(super) fn take_reply(
        &mut self,
        input: &mut BytesMut,
        config: &Config,
        now: Instant,
    ) -> Result<Option<Replied>, LinkError> {
        let Phase::Up(up) = &mut self.phase else {
            return Ok(None);
        };
        if input.is_empty() {
            return Ok(None);
        }
        // A reply to what is not wholly written can be no reply to it.
        let written = |first: &InFlight| first.end.is_some_and(|end| end <= self.written);
        if !up.in_flight.front().is_some_and(written) {
            return Err(LinkError::Unasked);
        }
        let read = up.reader.read(input, &up.cipher, config.max_reply_bytes);
        let Some(reply) = read.map_err(|_| LinkError::ReplyTooLong)? else {
            return Ok(None);
        };
        let Some(first) = up.in_flight.pop_front() else {
            return Ok(None);
        };
        if first.owner == Owner::Probe {
            up.rtt = Some(now.since(up.front_since));
        }
        up.front_since = now;
        up.relieved = up.relieved.saturating_sub(1);
        up.replied = true;
        Ok(Some(Replied {
            owner: first.owner,
            request: first.request,
            reply,
            took: now.since(first.since),
        }))
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

    /// Ends the connection; gives what was in flight: written, and not written, each in order.
    pub(super) fn end(&mut self, now: Instant, until: Instant) -> (VecDeque<InFlight>, VecDeque<InFlight>) {
        self.out = BytesMut::new();
        self.since = now;
        match core::mem::replace(&mut self.phase, Phase::Waiting { until }) {
            Phase::Up(mut up) => {
                let first_unwritten = up.in_flight.partition_point(|one| one.start < self.written);
                let unwritten = up.in_flight.split_off(first_unwritten);
                (up.in_flight, unwritten)
            }
            Phase::Opening(_) | Phase::Handshake { .. } | Phase::Waiting { .. } => Default::default(),
        }
    }
}
