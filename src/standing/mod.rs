//! How a peer stands, seen from outside: what its daemon says, or why that says nothing; and what there is to do.
//!
//! | module | what it is |
//! |---|---|
//! | [`Standing`] | one word for it |
//! | `account` | all that is known of it, for a person: a headline, labelled lines, and what to do |
//! | `remark` | what is worth a remark beside that word |
//! | `links`, `remedy`, `advice` | parts of that: the links, what to do about a link that fails, and about a daemon that does not answer |

pub(crate) mod account;
mod advice;
mod links;
mod remark;
mod remedy;

pub(crate) use self::advice::{about, about_displaced};
pub(crate) use self::remark::remark;
pub(crate) use self::remedy::of_wrong_host;
use crate::control::client::CallError;
use crate::control::interface::{State, Status};

/// What a daemon answered, or why it did not.
pub(crate) type Answer = Result<Status, CallError>;

/// How well that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grade {
    /// Nobody has asked for it yet.
    Unasked,
    Good,
    Warning,
    Bad,
}

impl Grade {
    /// To put the worst first.
    pub(crate) fn weight(self) -> u8 {
        match self {
            Self::Bad => 0,
            Self::Warning => 1,
            Self::Good => 2,
            Self::Unasked => 3,
        }
    }
}

/// In one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    Up,
    Connecting,
    Down,
    /// There is no link, since nobody needs one.
    Idle,
    /// Clients do not reach it: another's socket, or none, is in the place of its own.
    Displaced,
    /// The daemon finishes what is in flight, and ends.
    Draining,
    /// There is no daemon; its first client starts it.
    NotStarted,
    /// The daemon does not answer.
    Hung,
    /// Its socket is there and it is not.
    Dead,
    /// We may not ask.
    Denied,
    /// What it says makes no sense.
    Odd,
}

impl Standing {
    pub(crate) fn of(answer: &Answer) -> Self {
        match answer {
            Ok(status) if status.draining => Self::Draining,
            Ok(status) if status.displaced.is_some() => Self::Displaced,
            Ok(status) => match status.state {
                State::Up => Self::Up,
                State::Connecting => Self::Connecting,
                State::Down => Self::Down,
                State::Idle => Self::Idle,
            },
            Err(fault) => Self::silent(fault),
        }
    }

    pub(crate) fn silent(fault: &CallError) -> Self {
        match fault {
            CallError::NotStarted => Self::NotStarted,
            CallError::TimedOut(_) => Self::Hung,
            CallError::Refused | CallError::Closed => Self::Dead,
            CallError::Permission => Self::Denied,
            CallError::Remote(_) | CallError::Malformed(_) | CallError::TooLong | CallError::Io(_) => {
                Self::Odd
            }
        }
    }

    /// Without blanks; for a person.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::NotStarted => "not-started",
            Self::Up
            | Self::Connecting
            | Self::Down
            | Self::Idle
            | Self::Displaced
            | Self::Draining
            | Self::Hung
            | Self::Dead
            | Self::Denied
            | Self::Odd => self.name(),
        }
    }

    /// For programs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Connecting => "connecting",
            Self::Down => "down",
            Self::Idle => "idle",
            Self::Displaced => "displaced",
            Self::Draining => "draining",
            Self::NotStarted => "notStarted",
            Self::Hung => "hung",
            Self::Dead => "dead",
            Self::Denied => "denied",
            Self::Odd => "odd",
        }
    }

    pub(crate) fn grade(self) -> Grade {
        match self {
            Self::Up | Self::Idle => Grade::Good,
            Self::Connecting | Self::Draining => Grade::Warning,
            Self::Down | Self::Displaced | Self::Hung | Self::Dead | Self::Denied | Self::Odd => Grade::Bad,
            Self::NotStarted => Grade::Unasked,
        }
    }
}
