//! How a peer stands, seen from outside: what its daemon says, or why that says nothing.

use super::outcome::Exit;
use super::screen::Paint;
use crate::control::client::CallError;
use crate::control::interface::{State, Status};

/// What a daemon answered, or why it did not.
pub(super) type Answer = Result<Status, CallError>;

/// In one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
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
    pub(super) fn of(answer: &Answer) -> Self {
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

    pub(super) fn silent(fault: &CallError) -> Self {
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
    pub(super) fn word(self) -> &'static str {
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
    pub(super) fn name(self) -> &'static str {
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

    pub(super) fn paint(self) -> Paint {
        match self {
            Self::Up | Self::Idle => Paint::Good,
            Self::Connecting | Self::Draining => Paint::Warning,
            Self::Down | Self::Displaced | Self::Hung | Self::Dead | Self::Denied | Self::Odd => Paint::Bad,
            Self::NotStarted => Paint::Dim,
        }
    }

    /// One that is not started is well: nobody has asked for it.
    pub(super) fn exit(self) -> Exit {
        match self {
            Self::Up | Self::Idle | Self::NotStarted => Exit::Fine,
            Self::Connecting | Self::Down | Self::Draining => Exit::Amiss,
            Self::Displaced | Self::Hung | Self::Dead | Self::Denied | Self::Odd => Exit::Broken,
        }
    }
}
