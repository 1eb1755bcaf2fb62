//! What an operator wants to know of the spool, or wants done.

use alloc::vec::Vec;
use core::time::Duration;

use super::disk::{Fault, Place, Shelf, Stat};
use super::name::Name;
use crate::session::MessageId;

/// Names an errand; given by who brings it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrandId(pub u64);

/// What an operator asks of the spool.
#[derive(Clone, Debug)]
pub enum Errand {
    /// How much is there? It is counted seldom where that takes long.
    Summary,
    /// What is there?
    List {
        /// How many messages to tell of.
        most: usize,
        /// What the session knows of failures: whose, and how often in a row.
        failing: Option<(MessageId, u32)>,
    },
    /// Where is the message of this name?
    Find(Name),
    /// Put a message onto another shelf; one that is there already stays.
    Move {
        /// Which.
        name: Name,
        /// Where to.
        to: Shelf,
        /// By this name the session had it, and has given it back.
        withdrawn: Option<MessageId>,
    },
}

/// The answer to an errand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To [`Errand::Summary`].
    Summary(Summary),
    /// To [`Errand::List`].
    Listing(Listing),
    /// To [`Errand::Find`]; nothing if there is none, or it is not one of the peer's.
    Found(Option<Found>),
    /// To [`Errand::Move`]: where it is now.
    Moved(Result<Place, MoveError>),
}

impl Reply {
    /// What [`Errand::Summary`] asks for.
    #[must_use]
    pub fn summary(self) -> Option<Summary> {
        if let Self::Summary(summary) = self {
            Some(summary)
        } else {
            None
        }
    }

    /// What [`Errand::List`] asks for.
    #[must_use]
    pub fn listing(self) -> Option<Listing> {
        if let Self::Listing(listing) = self {
            Some(listing)
        } else {
            None
        }
    }

    /// What [`Errand::Find`] asks for.
    #[must_use]
    pub fn found(self) -> Option<Option<Found>> {
        if let Self::Found(found) = self {
            Some(found)
        } else {
            None
        }
    }

    /// What [`Errand::Move`] asks for.
    #[must_use]
    pub fn moved(self) -> Option<Result<Place, MoveError>> {
        if let Self::Moved(moved) = self {
            Some(moved)
        } else {
            None
        }
    }
}

/// How much there is, over all the peer's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Messages that are to be sent.
    pub queued: usize,
    /// When the first of them was written: so long after 1970 began.
    pub oldest: Option<Duration>,
    /// Messages that an operator holds back.
    pub held: usize,
    /// Messages that were set aside.
    pub failed: usize,
}

/// The first messages of each shelf, in their order, and how many there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// As many as were asked for.
    pub messages: Vec<Message>,
    /// All there are.
    pub total: usize,
    /// Why nothing is known of the queue.
    pub fault: Option<Fault>,
}

/// A message, as far as it can be told without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Of its file.
    pub name: Name,
    /// What it is at.
    pub state: MessageState,
    /// Of its file.
    pub stat: Stat,
    /// How often in a row it broke the link, alone on it.
    pub attempts: u32,
}

/// What a message is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageState {
    /// On disk; its turn comes.
    Waiting,
    /// Handed over to the link.
    Sending,
    /// Answered, and cannot be removed.
    Answered,
    /// Without the newline at its end.
    Unfinished,
    /// Left alone: no message, unreadable, or it cannot be set aside.
    Unusable,
    /// On the shelf of that name.
    Held,
    /// On the shelf of that name.
    Failed,
}

/// A message that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub shelf: Shelf,
    /// By this name the session has it.
    pub given: Option<MessageId>,
    /// What it is.
    pub message: Message,
}

/// Why a message stays where it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// There is none of that name.
    #[error("no such message")]
    NoSuchMessage,
    /// It is on the link, or was answered just now.
    #[error("it is being sent")]
    Busy,
    /// The system refuses.
    #[error(transparent)]
    System(#[from] Fault),
}
