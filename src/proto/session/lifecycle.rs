//! How links begin, carry replies, and end; and what that makes of the peer's state.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::{Buf as _, BytesMut};

use super::Session;
use super::command::{Command, Event, Lost};
use super::error::LinkError;
use super::ids::{ClientId, LinkId};
use super::link::{InFlight, Link, Owner, Phase, Replied};
use super::status::State;
use crate::reply::Reply;
use crate::request::Request;
use crate::time::Instant;

/// Bytes of a reply that are rather handed on than copied: copying fewer takes microseconds, and so does not keep the
/// memory of a whole read for them. The tests of the machine meet both ways all the time.
const LARGE: usize = if cfg!(test) { 12 } else { 256 * 1024 };

/// Takes a plain reply off the input, with its newline; others have left it already.
fn pass_reply(reply: &Reply, input: &mut BytesMut) {
    if let Reply::Plain(len) = reply {
        input.advance(len + 1);
    }
}

impl Session {
    pub(super) fn links_that(&self, hold: impl Fn(&Link) -> bool) -> Vec<LinkId> {
        self.links
            .iter()
            .filter(|(_, link)| hold(link))
            .map(|(id, _)| LinkId(id))
            .collect()
    }

    pub(super) fn any_up(&self) -> bool {
        self.links.iter().any(|(_, link)| link.is_open())
    }

    pub(super) fn event(&mut self, event: Event) {
        self.commands.push_back(Command::Event(event));
    }

    pub(super) fn enter(&mut self, state: State, now: Instant) {
        if self.state != state {
            self.state = state;
            self.since = now;
            self.event(Event::StateChanged(state));
        }
    }

    /// Has requests wait for a link as long as at the start.
    pub(super) fn wait_anew(&mut self, now: Instant) {
        self.enter(State::Connecting, now);
        self.since = now;
    }

    /// Opens as many links as are missing.
    pub(super) fn add_links(&mut self, now: Instant) {
        let active = self.links_that(|link| !link.retiring).len();
        for _ in active..self.config.connections {
            let id = LinkId(self.links.insert(Link::new(now)));
            self.commands.push_back(Command::Connect(id));
        }
    }

    pub(super) fn try_now(&mut self, id: LinkId, now: Instant) {
        if let Some(link) = self.links.get_mut(id.0) {
            if link.is_trying() {
                self.commands.push_back(Command::Close(id));
            }
            link.begin_opening(now);
            self.commands.push_back(Command::Connect(id));
        }
    }

    /// Lets a link end as soon as nothing is in flight on it.
    pub(super) fn retire(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        link.retiring = true;
        self.relist_turns(id);
        self.remove_if_retired(id);
    }

    fn remove_if_retired(&mut self, id: LinkId) {
        if self
            .links
            .get(id.0)
            .is_some_and(|link| link.retiring && link.is_idle())
        {
            self.links.remove(id.0);
            self.commands.push_back(Command::Close(id));
        }
    }

    pub(super) fn link_is_due(&mut self, id: LinkId, now: Instant) {
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        let why = match &link.phase {
            Phase::Waiting { .. } => return self.try_now(id, now),
            Phase::Opening => return,
            Phase::Handshake { dialogue, .. } => LinkError::StepTimeout(dialogue.step()),
            Phase::Up(up) => match up.in_flight.front().map(|first| first.owner) {
                None => return link.push(Owner::Probe, Request::probe(), now),
                Some(Owner::Probe) => LinkError::ProbeTimeout,
                Some(Owner::Delayed(_)) => LinkError::MessageTimeout,
                Some(Owner::Client(_)) => LinkError::RequestTimeout,
            },
        };
        self.end_link(id, why, now);
    }

    /// Takes what is complete of the bytes that came in.
    pub(super) fn take_input(
        &mut self,
        id: LinkId,
        input: &mut BytesMut,
        now: Instant,
    ) -> Result<(), LinkError> {
        let before = input.len();
        self.take_handshake(id, input, now)?;
        while let Some(link) = self.links.get_mut(id.0)
            && let Some(replied) = link.take_reply(input, &self.config, now)?
        {
            self.give_reply(replied, input, now);
        }
        self.counters.bytes_received += (before - input.len()) as u64;
        self.remove_if_retired(id);
        Ok(())
    }

    fn take_handshake(&mut self, id: LinkId, input: &mut BytesMut, now: Instant) -> Result<(), LinkError> {
        let Some(link) = self.links.get_mut(id.0) else {
            return Ok(());
        };
        let Some(opened) = link.take_handshake(input, &self.config, now)? else {
            return Ok(());
        };
        let version = link.up().and_then(|up| up.version.clone());
        let rtt = link.up().and_then(|up| up.rtt);
        if let Some(note) = opened.note {
            self.event(Event::HandshakeNote(note));
        }
        if opened.finished {
            self.counters.links_opened += 1;
            if let Some(rtt) = rtt {
                self.histograms.rtt.observe(rtt);
            }
            self.last_error = None;
            self.event(Event::LinkUp { link: id, version });
            if self.config.spool && self.state != State::Up {
                self.fell_behind();
                self.commands.push_back(Command::Flush);
            }
            self.settle_flush(now);
            self.spread();
        }
        Ok(())
    }

    /// Gives a reply to whom it is for, and takes it off the input.
    fn give_reply(&mut self, replied: Replied, input: &mut BytesMut, now: Instant) {
        self.counters.replies += 1;
        let Replied {
            owner,
            request,
            reply,
            took,
        } = replied;
        if let Reply::Malformed(why) = reply {
            self.counters.malformed += 1;
            let client = owner.client();
            self.event(Event::MalformedReply { client, why });
        }
        match owner {
            Owner::Probe => {
                self.histograms.rtt.observe(took);
                pass_reply(&reply, input);
            }
            Owner::Delayed(id) => {
                self.delayed_answered(id, request, reply.is_empty(), now);
                pass_reply(&reply, input);
            }
            Owner::Client(client) => {
                self.histograms.reply_time.observe(took);
                self.answer_client(client, request, reply, input);
                self.list(client);
            }
        }
    }

    /// Answers a client's request with the peer's reply; what is large is not copied on the way.
    fn answer_client(&mut self, client: ClientId, request: Request, reply: Reply, input: &mut BytesMut) {
        match reply {
            Reply::Plain(len) if len < LARGE => {
                let words = input.get(..len).unwrap_or_default();
                self.clients.answer(client, &request, words);
                pass_reply(&reply, input);
            }
            Reply::Plain(len) => self.answer_large(client, &request, input.split_to(len + 1)),
            Reply::Decrypted(body) if body.len() < LARGE => self.clients.answer(client, &request, &body),
            Reply::Decrypted(mut body) => {
                body.extend_from_slice(b"\n");
                self.answer_large(client, &request, body);
            }
            Reply::Malformed(_) => {
                self.no_usable_reply(client, request);
            }
        }
    }

    fn answer_large(&mut self, client: ClientId, request: &Request, line: BytesMut) {
        let answers = self.clients.answer_large(client, request, line);
        self.commands.extend(
            answers
                .into_iter()
                .map(|answers| Command::Answer(client, answers)),
        );
    }

    /// Answers a client's request that there is no reply, or has it stored if it must not be lost; true if it is
    /// answered.
    pub(super) fn no_usable_reply(&mut self, client: ClientId, request: Request) -> bool {
        let store = self.config.spool && request.is_critical();
        if store {
            self.store(client, request);
        } else {
            self.clients.answer(client, &request, request.no_reply());
        }
        !store
    }

    /// Settles what was in flight on a link that ends, and plans the next try.
    pub(super) fn end_link(&mut self, id: LinkId, why: LinkError, now: Instant) {
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        let was_up = link.up().is_some();
        link.note_trouble(&why, now);
        let retry_in = link.backoff.next_wait(self.config.backoff, &mut self.rng);
        let (written, unwritten) = link.end(now, now + retry_in);
        let turns = core::mem::take(&mut link.turns);
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
            self.settle_state(was_up, now);
        }
        self.settle_in_flight(written, unwritten);
        for client in turns {
            self.relist(client);
        }
    }

    /// What was written is answered that there is no reply; what was not goes back to its queue.
    fn settle_in_flight(&mut self, written: VecDeque<InFlight>, unwritten: VecDeque<InFlight>) {
        let (mut owners, mut delayed) = (Vec::new(), VecDeque::new());
        let alone = written.len() == 1 && !self.stopped;
        for InFlight { owner, request, .. } in written {
            match owner {
                Owner::Probe => {}
                Owner::Delayed(id) => delayed.push_back((id, request)),
                Owner::Client(client) => {
                    if self.no_usable_reply(client, request) {
                        let lost = Lost::SentNoReply;
                        self.counters.sent_no_reply += 1;
                        self.event(Event::Unanswered {
                            client,
                            count: 1,
                            lost,
                        });
                    }
                    owners.push(client);
                }
            }
        }
        let suspects = delayed.len();
        let mut nobodys = Vec::new();
        for InFlight { owner, request, .. } in unwritten.into_iter().rev() {
            match owner {
                Owner::Probe => {}
                Owner::Delayed(id) => delayed.insert(suspects, (id, request)),
                Owner::Client(client) => {
                    if let Some(request) = self.clients.put_back(client, request)
                        && self.config.spool
                        && request.is_critical()
                    {
                        nobodys.push((client, request));
                    }
                    owners.push(client);
                }
            }
        }
        for (client, request) in nobodys.into_iter().rev() {
            self.store(client, request);
        }
        self.delayed_lost(delayed, suspects, alone);
        // Only now: a client with something still in flight could not be told from one that stays on a link.
        for client in owners {
            self.list(client);
        }
    }

    /// The peer's state after a link or a try ended.
    fn settle_state(&mut self, was_up: bool, now: Instant) {
        if self.stopped || self.any_up() {
            return;
        }
        if self.state == State::Up {
            self.enter(State::Connecting, now);
        } else if !was_up && self.links_that(Link::is_trying).is_empty() {
            self.enter(State::Down, now);
        }
    }
}
