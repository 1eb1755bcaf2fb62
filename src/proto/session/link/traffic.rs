//! What goes over an open link: requests out, replies in, each reply for the oldest request in flight.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use bytes::{Buf as _, Bytes, BytesMut};

use super::{Change, Going, HIGH_WATER, InFlight, Link, Owner, Phase, Replied, Up};
use crate::buffer::Buffer;
use crate::excerpt::excerpt;
use crate::reply::Reply;
use crate::request::{Encoder, Request};
use crate::session::{ClientId, Config, LinkError};
use crate::time::Instant;

impl Up {
    /// By what lond is to go from this request on; and what has it do so, before the request or, if it ends in a newline, as
    /// a line of its own. `start`: where that begins in the bytes of this link.
    fn go_by(&self, request: &Request, start: u64) -> (Option<Box<Going>>, Option<Bytes>) {
        let last = self.in_flight.back().map(|last| last.going.as_ref());
        let before = match last {
            Some(going) => going.map(|going| &going.host),
            None => Some(&self.host),
        };
        let before = before.filter(|host| !host.is_empty());
        if !request.has_host() && before.is_none() {
            return (None, None);
        }
        let asked = if request.has_host() {
            request.host()
        } else {
            self.own_host.clone()
        };
        let is_own = asked == self.own_host;
        let is_change = before.map_or(!is_own, |before| asked != *before);
        let head = match asked.strip_suffix(b":") {
            _ if self.takes_host_inline => Some(asked.clone()),
            Some(line) if is_change => Some(Bytes::from([line, b"\n"].concat())),
            Some(_) | None => None,
        };
        if is_own && before.is_none() {
            return (None, head);
        }
        // It outlives the lines that the request came with.
        let host = match before {
            _ if is_own => Bytes::new(),
            Some(before) if !is_change => before.clone(),
            Some(_) | None => Bytes::copy_from_slice(&asked),
        };
        let asks_first = head.as_ref().filter(|head| head.ends_with(b"\n"));
        let change = asks_first.map_or(Change::None, |head| Change::Asked {
            end: start + head.len() as u64,
        });
        (Some(Box::new(Going { host, change })), head)
    }

    /// The first in flight was answered; what lond answered to the other id that it was to go by, if it was not `ok`.
    fn went_by(&mut self, going: Option<Box<Going>>) -> Option<Box<str>> {
        // Without it the id before was the peer's own, and is.
        let going = going?;
        self.host = going.host;
        match going.change {
            Change::Odd(answer) => Some(answer),
            Change::None | Change::Asked { .. } => None,
        }
    }

    /// The next reply to the first in flight, of which what asks for it ends at `end`.
    fn read(
        &mut self,
        input: &mut BytesMut,
        config: &Config,
        written: u64,
        end: impl Fn(&InFlight) -> Option<u64>,
    ) -> Result<Option<Reply>, LinkError> {
        // A reply to what is not wholly written can be no reply to it.
        let end = self.in_flight.front().and_then(end);
        if end.is_none_or(|end| end > written) {
            return Err(LinkError::Unasked);
        }
        let read = self.reader.read(input, &self.cipher, config.max_reply_bytes);
        read.map_err(|_| LinkError::ReplyTooLong)
    }

    /// Takes the answer to the other id that lond is to go by for the first in flight; true if none is awaited.
    fn take_change(
        &mut self,
        input: &mut BytesMut,
        config: &Config,
        written: u64,
    ) -> Result<bool, LinkError> {
        let going = self.in_flight.front().and_then(|first| first.going.as_ref());
        let Some(Change::Asked { end }) = going.map(|going| &going.change) else {
            return Ok(true);
        };
        let end = *end;
        let Some(reply) = self.read(input, config, written, |_| Some(end))? else {
            return Ok(false);
        };
        let answer = match reply {
            Reply::Plain(len) => Buffer::from(input.split_to(len + 1)),
            Reply::Decrypted(line) => line,
            Reply::Malformed(_) => Buffer::default(),
        };
        let change = match answer.strip_suffix(b"\n").unwrap_or(&answer) {
            b"ok" => Change::None,
            other => Change::Odd(excerpt(other).into()),
        };
        let first = self.in_flight.front_mut();
        if let Some(going) = first.and_then(|first| first.going.as_mut()) {
            going.change = change;
        }
        Ok(!input.is_empty())
    }
}

impl Link {
    /// So many bytes of what is unsent were written.
    pub(in crate::session) fn wrote(&mut self, bytes: usize) {
        self.out.advance(bytes.min(self.out.len()));
        self.written += bytes as u64;
        self.relieve();
        self.encode();
    }

    /// True if a request may be put on it of somebody who has `theirs` of the requests in flight, where `most` may be.
    pub(in crate::session) fn has_room(&self, theirs: usize, most: usize, now: Instant) -> bool {
        let is_free = |up: &Up| {
            let requests = up.in_flight.len() - up.own;
            let depth = match up.pace.depth(most) {
                Some(depth) => depth,
                // Of a lond that nothing is known of, nobody waits for others' requests, and its own hold up nobody.
                None if requests == theirs => most,
                None => 1,
            };
            up.encoder.is_none() && requests < depth && up.in_flight.len() < most
        };
        !self.retiring
            && self.out.len() < HIGH_WATER
            && self.up().is_some_and(is_free)
            && !self.is_stalled(now)
    }

    /// Puts a request in flight; only if there is room.
    pub(in crate::session) fn push(&mut self, owner: Owner, request: Request, now: Instant) {
        let Phase::Up(up) = &mut self.phase else { return };
        let alone = up.in_flight.is_empty();
        if alone {
            up.front_since = now;
        }
        up.own += usize::from(owner.is_own());
        let (going, head) = up.go_by(&request, self.encoded);
        up.encoder = Some(Encoder::behind(head));
        up.in_flight.push_back(InFlight {
            owner,
            request,
            since: now,
            alone,
            start: self.encoded,
            end: None,
            going,
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

    /// The next reply, with the request it answers.
    pub(in crate::session) fn take_reply(
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
        if !up.take_change(input, config, self.written)? {
            return Ok(None);
        }
        let Some(reply) = up.read(input, config, self.written, |first| first.end)? else {
            return Ok(None);
        };
        let Some(first) = up.in_flight.pop_front() else {
            return Ok(None);
        };
        let took = now.since(first.since);
        let odd_change = up.went_by(first.going);
        if first.owner.is_own() {
            up.own = up.own.saturating_sub(1);
            if first.alone {
                up.pace.trip(took, now);
            } else {
                up.pace.noted(now);
            }
        } else {
            up.pace.replied(first.since, now);
        }
        if first.owner == Owner::Probe {
            up.rtt = Some(now.since(up.front_since));
        }
        if self.needed >= first.since && !first.owner.is_own() {
            self.needed = now;
        }
        if first.owner != Owner::Check {
            up.served = true;
            self.backoff.reset();
        }
        up.front_since = now;
        up.relieved = up.relieved.saturating_sub(1);
        up.replied = true;
        Ok(Some(Replied {
            owner: first.owner,
            request: first.request,
            reply,
            took,
            odd_change,
        }))
    }

    /// The client that the next bytes are for, if they are those of a reply.
    pub(in crate::session) fn awaits_reply_for(&self) -> Option<ClientId> {
        let first = self.up()?.in_flight.front()?;
        let going = first.going.as_ref();
        match first.owner {
            Owner::Client(client) if going.is_none_or(|going| !going.change.is_asked()) => Some(client),
            Owner::Client(_) | Owner::Delayed(_) | Owner::Check | Owner::Probe => None,
        }
    }

    /// Drops what has come of a reply that nobody wants: all of `input`.
    pub(in crate::session) fn drop_begun(&mut self, input: &mut BytesMut) {
        if let Phase::Up(up) = &mut self.phase {
            up.reader.drop_begun(input);
        }
    }

    /// Bytes of a reply that are decrypted, and wait for its end.
    pub(in crate::session) fn decrypted(&self) -> usize {
        self.up().map_or(0, |up| up.reader.decrypted())
    }

    /// Takes back the requests that were put on it and not written, in order; lonc's own question before them stays, and
    /// so do the `keep` oldest in flight.
    pub(in crate::session) fn take_back(&mut self, keep: usize) -> VecDeque<InFlight> {
        let Phase::Up(up) = &mut self.phase else {
            return VecDeque::new();
        };
        let stays = |one: &InFlight| one.start < self.written || one.owner.is_own();
        let first = up.in_flight.iter().skip(keep).position(|one| !stays(one));
        let first = first.map(|at| at + keep);
        let back = up.in_flight.split_off(first.unwrap_or(up.in_flight.len()));
        if let Some(first) = back.front() {
            let kept = usize::try_from(first.start - self.written).unwrap_or(0);
            self.out.truncate(kept);
            self.encoded = first.start;
            up.encoder = None;
            up.own -= back.iter().filter(|one| one.owner.is_own()).count();
        }
        back
    }

    /// True if something is in flight behind something else, and nothing of it was written.
    pub(in crate::session) fn has_unwritten_behind(&self) -> bool {
        let up = self.up().filter(|up| up.in_flight.len() > 1);
        let last = up.and_then(|up| up.in_flight.back());
        last.is_some_and(|last| last.start >= self.written && !last.owner.is_own())
    }

    /// Ends the connection; gives what was in flight: written, and not written, each in order.
    pub(in crate::session) fn end(
        &mut self,
        now: Instant,
        until: Instant,
    ) -> (VecDeque<InFlight>, VecDeque<InFlight>) {
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
