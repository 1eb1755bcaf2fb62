//! What comes in on the links: answers to the handshake, and replies, each for the oldest request in flight.

use bytes::{Buf as _, BytesMut};

use super::Machine;
use crate::buffer::Buffer;
use crate::excerpt::excerpt;
use crate::handshake::{Note, Step};
use crate::reply::Reply;
use crate::request::Request;
use crate::session::command::{Command, Event};
use crate::session::error::LinkError;
use crate::session::ids::{ClientId, LinkId};
use crate::session::link::{Owner, Replied};
use crate::session::status::{Cause, State};

/// Bytes of a reply that are rather handed on than copied: copying fewer takes microseconds, and so does not keep the
/// memory of a whole read for them. The tests of the machine meet both ways all the time.
const LARGE: usize = if cfg!(test) { 12 } else { 256 * 1024 };

/// Takes a plain reply off the input, with its newline; others have left it already.
fn pass_reply(reply: &Reply, input: &mut BytesMut) {
    if let Reply::Plain(len) = reply {
        input.advance(len + 1);
    }
}

impl Machine {
    /// Takes what is complete of the bytes that came in.
    pub(super) fn take_input(&mut self, id: LinkId, input: &mut BytesMut) -> Result<(), LinkError> {
        let before = input.len();
        self.take_handshake(id, input)?;
        while let Some(link) = self.links.get_mut(id.0)
            && let Some(replied) = link.take_reply(input, &self.config, self.now)?
        {
            self.give_reply(id, replied, input);
        }
        self.drop_for_nobody(id, input);
        self.counters.bytes_received += (before - input.len()) as u64;
        self.remove_if_retired(id);
        Ok(())
    }

    /// What has come of a reply whose client has left is not kept.
    fn drop_for_nobody(&mut self, id: LinkId, input: &mut BytesMut) {
        if let Some(link) = self.links.get_mut(id.0).filter(|_| !input.is_empty())
            && let Some(client) = link.awaits_reply_for()
            && !self.clients.is_here(client)
        {
            link.drop_begun(input);
        }
    }

    fn take_handshake(&mut self, id: LinkId, input: &mut BytesMut) -> Result<(), LinkError> {
        let Some(link) = self.links.get_mut(id.0) else {
            return Ok(());
        };
        let Some(opened) = link.take_handshake(input, &self.config, self.now)? else {
            return Ok(());
        };
        if let Some(note) = opened.note {
            self.event(Event::HandshakeNote(note));
        }
        if opened.finished {
            self.link_is_up(id);
        }
        Ok(())
    }

    fn link_is_up(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(id.0) else {
            return;
        };
        // Whether it is the right host is asked behind nobody's back: requests go right behind.
        link.push(Owner::Check, Request::probe(), self.now);
        let cause = link.cause;
        let version = link.up().and_then(|up| up.version.clone());
        if let Some(rtt) = link.up().and_then(|up| up.rtt) {
            self.histograms.rtt.observe(rtt);
        }
        self.counters.links_opened += 1;
        match cause {
            Cause::Demand => self.counters.links_on_demand += 1,
            Cause::Replacement => self.counters.links_replacing += 1,
            Cause::Kept | Cause::Asked | Cause::Silence => {}
        }
        self.last_error = None;
        self.event(Event::LinkUp {
            link: id,
            version,
            cause,
        });
        self.settle_links(id);
        if self.config.spool && self.state != State::Up {
            self.fell_behind();
            self.commands.push_back(Command::Flush);
            if self.num_open() == 1 {
                // What is delayed goes first, but nobody waits for that for ever.
                self.wait_anew();
            }
        }
        self.settle_flush();
    }

    /// Gives a reply to whom it is for, and takes it off the input.
    fn give_reply(&mut self, id: LinkId, replied: Replied, input: &mut BytesMut) {
        self.counters.replies += 1;
        let Replied {
            owner,
            request,
            reply,
            took,
            odd_change,
        } = replied;
        if let Some(answer) = odd_change {
            self.event(Event::HandshakeNote(Note {
                step: Step::SetHost,
                answer: answer.into(),
            }));
        }
        if let Reply::Malformed(why) = reply {
            self.counters.malformed += 1;
            let client = owner.client();
            self.event(Event::MalformedReply { client, why });
        }
        self.is_lost &= owner == Owner::Check;
        match owner {
            Owner::Probe => {
                self.histograms.rtt.observe(took);
                pass_reply(&reply, input);
            }
            Owner::Check => {
                self.check_host(id, &reply, input);
                pass_reply(&reply, input);
            }
            Owner::Delayed(message) => {
                self.note_carried();
                self.delayed_answered(message, request, reply.is_empty());
                pass_reply(&reply, input);
            }
            Owner::Client(client) => {
                self.histograms.reply_time.observe(took);
                self.note_carried();
                self.answer_client(client, request, reply, input);
                self.seat_if_asking(client);
            }
        }
    }

    /// lond has told its id: another one than the peer's is worth a warning.
    fn check_host(&mut self, id: LinkId, reply: &Reply, input: &BytesMut) {
        let words = match reply {
            Reply::Plain(len) => input.get(..*len).unwrap_or_default(),
            Reply::Decrypted(words) => words,
            Reply::Malformed(_) => return,
        };
        let name = words.split(|byte| *byte == b':').next();
        if name == Some(self.config.identity.peer.as_bytes()) {
            return;
        }
        let answer = excerpt(words);
        if let Some(link) = self.links.get_mut(id.0) {
            link.other_host = Some(answer.clone());
        }
        self.event(Event::OtherHost { link: id, answer });
    }

    /// A link has carried a request.
    fn note_carried(&mut self) {
        if self.demand.last_refused().is_some() {
            self.demand.carried(self.num_open());
        }
    }

    /// Answers a client's request with the peer's reply; what is large, and what came encrypted, is not copied on the way.
    fn answer_client(&mut self, client: ClientId, request: Request, reply: Reply, input: &mut BytesMut) {
        match reply {
            Reply::Plain(len) if len < LARGE => {
                let words = input.get(..len).unwrap_or_default();
                self.clients.answer(client, &request, words);
                pass_reply(&reply, input);
            }
            Reply::Plain(len) => self.answer_large(client, &request, input.split_to(len + 1).into()),
            Reply::Decrypted(mut body) => {
                body.extend_from_slice(b"\n");
                self.answer_large(client, &request, body);
            }
            Reply::Malformed(_) => {
                self.no_usable_reply(client, request);
            }
        }
    }

    fn answer_large(&mut self, client: ClientId, request: &Request, line: Buffer) {
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
}
