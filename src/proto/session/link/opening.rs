//! A link while it opens: begins a try, takes lond's answers to the handshake, and becomes an open link at its end.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use bytes::{Buf as _, Bytes, BytesMut};
use core::time::Duration;
use memchr::memchr;

use super::{Link, Pace, Phase, Up};
use crate::cipher::Cipher;
use crate::handshake::{Handshake, LONGEST_LINE, Note, Outcome, Step, takes_host_inline};
use crate::reply::ReplyReader;
use crate::session::{Config, LinkError, Others, Stage};
use crate::time::Instant;

/// What came of lond's answer to a step.
pub(in crate::session) struct Opened {
    pub(in crate::session) note: Option<Note>,
    pub(in crate::session) finished: bool,
}

impl Link {
    pub(in crate::session) fn begin_opening(&mut self, now: Instant) {
        self.phase = Phase::Opening(Stage::Lookup);
        self.since = now;
        self.other_host = None;
        self.others = Others::default();
        self.is_silent = false;
        self.out.clear();
    }

    /// Has the next try begin at most so long after the last one failed, if that reached nobody: it costs the peer no
    /// process, as one does that its lond accepts.
    pub(in crate::session) fn hasten(&mut self, most: Duration) {
        let last = self.troubles.last.as_ref();
        let reached_nobody = last.is_some_and(|last| matches!(last.why, LinkError::Connect { .. }));
        if let Phase::Waiting { until } = &mut self.phase
            && reached_nobody
        {
            *until = (*until).min(self.since + most);
        }
    }

    /// The try has come as far as this.
    pub(in crate::session) fn enter_stage(&mut self, stage: Stage) {
        if let Phase::Opening(at) = &mut self.phase {
            *at = stage;
        }
    }

    pub(in crate::session) fn begin_handshake(&mut self, config: &Config, now: Instant) {
        self.begin_securing(config, now);
        self.secured(config, now);
    }

    /// As [`Link::begin_handshake`], where nothing may be said before the connection is secured.
    pub(in crate::session) fn begin_securing(&mut self, config: &Config, now: Instant) {
        if matches!(self.phase, Phase::Opening(_)) {
            self.out.clear();
            (self.encoded, self.written) = (0, 0);
            self.since = now;
            self.phase = Phase::Handshake {
                dialogue: Handshake::start_securing(config.pong),
                sent_at: now,
                deadline: now + config.handshake_timeout,
                opening_deadline: now + config.opening_timeout,
                rtt: None,
            };
        }
    }

    /// The connection is secured: the dialogue begins.
    pub(in crate::session) fn secured(&mut self, config: &Config, now: Instant) {
        if let Phase::Handshake {
            dialogue,
            sent_at,
            deadline,
            ..
        } = &mut self.phase
            && dialogue.step() == Step::Tls
        {
            let first = dialogue.secured();
            self.out.extend_from_slice(&first);
            self.encoded += first.len() as u64;
            (*sent_at, *deadline) = (now, now + config.handshake_timeout);
        }
    }

    /// Takes the answer to the present step; `None` if no handshake is under way or no line is complete.
    pub(in crate::session) fn take_handshake(
        &mut self,
        input: &mut BytesMut,
        config: &Config,
        now: Instant,
    ) -> Result<Option<Opened>, LinkError> {
        let all_sent = self.written == self.encoded;
        let Phase::Handshake {
            dialogue,
            sent_at,
            deadline,
            rtt,
            ..
        } = &mut self.phase
        else {
            return Ok(None);
        };
        let Some(line) = take_line(input, dialogue.step(), all_sent)? else {
            return Ok(None);
        };
        let took = now.since(*sent_at);
        let (outcome, note) = dialogue.answered(&line, &config.identity)?;
        let finished = match outcome {
            Outcome::Send(words) => {
                *rtt = Some(rtt.map_or(took, |best| best.min(took)));
                *sent_at = now;
                *deadline = now + config.handshake_timeout;
                self.out.extend_from_slice(&words);
                self.encoded += words.len() as u64;
                false
            }
            Outcome::Open { key, version } => {
                let up = Up {
                    cipher: Cipher::new(&key),
                    reader: ReplyReader::default(),
                    in_flight: VecDeque::new(),
                    own: 0,
                    relieved: 0,
                    encoder: None,
                    own_host: ["sethost:", &config.identity.peer, ":"].concat().into(),
                    host: Bytes::new(),
                    takes_host_inline: takes_host_inline(version.as_deref()),
                    front_since: now,
                    rtt: *rtt,
                    pace: Pace::new(rtt.unwrap_or(took), now),
                    version,
                    replied: false,
                    served: false,
                };
                self.phase = Phase::Up(Box::new(up));
                self.since = now;
                self.troubles.end();
                true
            }
        };
        Ok(Some(Opened { note, finished }))
    }
}

/// The one line that answers `step`, without its newline. Nothing may come before we have asked, or behind it.
fn take_line(input: &mut BytesMut, step: Step, asked: bool) -> Result<Option<BytesMut>, LinkError> {
    if input.is_empty() {
        return Ok(None);
    }
    if !asked || step == Step::Tls {
        return Err(LinkError::Unasked);
    }
    let Some(end) = memchr(b'\n', input).filter(|end| *end <= LONGEST_LINE) else {
        return if input.len() > LONGEST_LINE {
            Err(LinkError::EndlessLine(step))
        } else {
            Ok(None)
        };
    };
    let line = input.split_to(end);
    input.advance(1);
    if input.is_empty() {
        Ok(Some(line))
    } else {
        Err(LinkError::Unasked)
    }
}
