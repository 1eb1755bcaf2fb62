//! What the session tells its driver.

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use super::delayed::Stored;
use super::error::LinkError;
use super::ids::{ClientId, LinkId, MessageId, Ticket};
use super::status::{Cause, State};
use crate::buffer::Buffer;
use crate::handshake::Note;
use crate::reply::Malformed;
use crate::request::{Refusal, Request};

/// What the driver is to do next.
#[derive(Debug)]
pub enum Command {
    /// Open a TCP connection, then say `handle_connected`, `handle_securing` or `handle_failed`.
    Connect(LinkId),
    /// This try goes on, but gets no answer: others are to pass its address by while there is another.
    PassBy(LinkId),
    /// Drop the connection, or the try, of this link at once.
    Close(LinkId),
    /// Write this to the client, then say `handle_taken`.
    Answer(ClientId, Answers),
    /// A client that may asked for the instance to stop.
    Stop,
    /// A client asked for the link to be tried now.
    Retry,
    /// A link is up: look for delayed messages on disk, hand them in, then say `caught_up`.
    Flush,
    /// This delayed message was answered: remove it from disk, then say `removed`.
    Delivered(MessageId),
    /// This delayed message breaks the link whenever it is sent: it is to be set aside.
    SetAside(MessageId),
    /// Store this critical request, then say `stored`.
    Store(Ticket, Request),
    /// For logs and status; nothing to do.
    Event(Event),
}

/// Answers for one client, ready to be written. `Debug` shows no body.
#[derive(Default)]
pub struct Answers {
    /// Lines, newlines included, in the order of the client's requests.
    pub bytes: Buffer,
    /// How many lines they are.
    pub count: usize,
    /// Bytes of the requests that are answered by this.
    pub retired: usize,
}

impl fmt::Debug for Answers {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} answers of {} bytes", self.count, self.bytes.len())
    }
}

/// What happened, for an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A line of a client was answered `refused`.
    Refused {
        /// Whose it was.
        client: ClientId,
        /// Why.
        why: Refusal,
    },
    /// So many critical requests could not be stored in time, and were answered `con_failed`.
    NotStored {
        /// How many.
        count: usize,
        /// They are to be stored all the same, whenever that is done.
        is_handed_in: bool,
    },
    /// What became of one of them after all; if it is stored it is sent as any other.
    StoredLate(Stored),
    /// The state of the peer is another one now.
    StateChanged(State),
    /// lond answered a step of the handshake in an unexpected way; the link opens all the same.
    HandshakeNote(Note),
    /// A link finished its handshake.
    LinkUp {
        /// Which one.
        link: LinkId,
        /// lond's version, if it told.
        version: Option<String>,
        /// Why it was opened.
        cause: Cause,
    },
    /// A try to open a link failed.
    TryFailed {
        /// Which one.
        link: LinkId,
        /// Why.
        why: LinkError,
        /// The next try follows after this; `None` if there are others instead.
        retry_in: Option<Duration>,
    },
    /// One more link was tried, and lond would not have it; those that are open stay.
    LinkRefused {
        /// Which one.
        link: LinkId,
        /// Why.
        why: LinkError,
        /// No other is tried before this, if one was opened for what waits.
        retry_in: Option<Duration>,
    },
    /// A link that was not needed any more is closed.
    LinkRetired {
        /// Which one.
        link: LinkId,
    },
    /// Whoever answers on this link is not the peer, by its own word.
    OtherHost {
        /// Which one.
        link: LinkId,
        /// What it calls itself, safe to log.
        answer: String,
    },
    /// A link that was up is lost.
    LinkLost {
        /// Which one.
        link: LinkId,
        /// Why.
        why: LinkError,
        /// Requests that were written, and will have no reply.
        lost: usize,
        /// Requests that were not written, and wait for the next link.
        requeued: usize,
    },
    /// Requests of a client were answered that no usable reply could be had.
    Unanswered {
        /// Whose.
        client: ClientId,
        /// How many.
        count: usize,
        /// What is known about their fate.
        lost: Lost,
    },
    /// A delayed message broke the link so often, alone on it, that it is set aside.
    Poison {
        /// Times in a row.
        attempts: u32,
    },
    /// An encrypted reply could not be used; its client was told that none could be had.
    MalformedReply {
        /// Whose; none if it answered a delayed message or a probe.
        client: Option<ClientId>,
        /// What was wrong.
        why: Malformed,
    },
}

/// What is known about a request that got no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Not one byte of it was written.
    NeverSent,
    /// It was written, at least in part: the peer may have carried it out.
    SentNoReply,
}

impl fmt::Display for Lost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NeverSent => "never sent",
            Self::SentNoReply => "sent, no reply",
        })
    }
}
