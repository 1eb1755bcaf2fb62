//! How a peer stands, in one word: the same in text, in JSON, in metrics, and on the page.

use std::time::Duration;

use super::Grade;
use crate::control::client::CallError;
use crate::control::interface::{Metrics, State, Status};
use crate::units;

/// Links on which something has been in flight for so long without an answer are of no use.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// In one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Standing {
    /// Requests go through.
    Up,
    /// A link is up, and lond has answered nothing on it for long: it hangs, or is very slow.
    Stuck,
    /// The first try, or the link was just lost: requests wait.
    Connecting,
    /// Requests are answered `con_lost` at once; tries go on.
    Down,
    /// There is no link, since nobody needs one.
    Idle,
    /// An administrator wants no link.
    Disabled,
    /// Clients do not reach it: another's socket, or none, is in the place of its own.
    Displaced,
    /// The daemon finishes what is in flight, and ends.
    Draining,
    /// There is no daemon; its first client starts it.
    NotStarted,
    /// There is no daemon, and nobody listens who could start one.
    Off,
    /// The daemon does not answer.
    Hung,
    /// Its socket is there and it is not.
    Dead,
    /// We may not ask.
    Denied,
    /// What it says makes no sense.
    Odd,
    /// It is in no table any more, and there are messages for it.
    Unlisted,
}

impl Standing {
    /// All there are.
    pub(crate) const ALL: [Self; 15] = [
        Self::Up,
        Self::Stuck,
        Self::Connecting,
        Self::Down,
        Self::Idle,
        Self::Disabled,
        Self::Displaced,
        Self::Draining,
        Self::NotStarted,
        Self::Off,
        Self::Hung,
        Self::Dead,
        Self::Denied,
        Self::Odd,
        Self::Unlisted,
    ];

    /// Without blanks.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Stuck => "stuck",
            Self::Connecting => "connecting",
            Self::Down => "down",
            Self::Idle => "idle",
            Self::Disabled => "disabled",
            Self::Displaced => "displaced",
            Self::Draining => "draining",
            Self::NotStarted => "not-started",
            Self::Off => "off",
            Self::Hung => "hung",
            Self::Dead => "dead",
            Self::Denied => "denied",
            Self::Odd => "odd",
            Self::Unlisted => "unlisted",
        }
    }

    pub(crate) fn grade(self) -> Grade {
        match self {
            Self::Up | Self::Idle => Grade::Good,
            Self::Connecting | Self::Draining => Grade::Warning,
            Self::Stuck
            | Self::Down
            | Self::Displaced
            | Self::Off
            | Self::Hung
            | Self::Dead
            | Self::Denied
            | Self::Odd
            | Self::Unlisted => Grade::Bad,
            Self::NotStarted | Self::Disabled => Grade::Unasked,
        }
    }

    pub(crate) fn of_status(status: &Status) -> Self {
        let silent = status.silent_since_usec;
        Self::told(
            status.state,
            status.draining,
            status.displaced.is_some(),
            silent.map(|since| status.taken_usec.saturating_sub(since)),
        )
    }

    pub(crate) fn of_metrics(metrics: &Metrics) -> Self {
        let silent = metrics.silent_since_usec;
        Self::told(
            metrics.state,
            metrics.draining,
            metrics.displaced == Some(true),
            silent.map(|since| metrics.taken_usec.saturating_sub(since)),
        )
    }

    fn told(state: State, is_draining: bool, is_displaced: bool, silent_usec: Option<u64>) -> Self {
        if is_draining {
            return Self::Draining;
        }
        if is_displaced {
            return Self::Displaced;
        }
        let is_stuck = silent_usec.is_some_and(|usec| usec >= units::micros(STUCK_AFTER));
        if is_stuck && matches!(state, State::Up | State::Connecting) {
            Self::Stuck
        } else {
            Self::of_state(state)
        }
    }

    /// That of the link, whatever else there is.
    pub(crate) fn of_state(state: State) -> Self {
        match state {
            State::Up => Self::Up,
            State::Connecting => Self::Connecting,
            State::Down => Self::Down,
            State::Idle => Self::Idle,
            State::Disabled => Self::Disabled,
        }
    }

    /// That of a daemon that did not answer; `listens` tells whether somebody listens where its clients ask, if that can be
    /// told.
    pub(crate) fn silent(fault: &CallError, listens: Option<bool>, is_disabled: bool) -> Self {
        match fault {
            CallError::NotStarted if is_disabled => Self::Disabled,
            CallError::NotStarted if listens == Some(false) => Self::Off,
            CallError::NotStarted => Self::NotStarted,
            CallError::TimedOut(_) => Self::Hung,
            CallError::Refused | CallError::Closed => Self::Dead,
            CallError::Permission => Self::Denied,
            CallError::Remote(_) | CallError::Malformed(_) | CallError::TooLong | CallError::Io(_) => {
                Self::Odd
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_says_most_comes_first() {
        let told = Standing::told;
        assert_eq!(told(State::Up, true, true, None), Standing::Draining);
        assert_eq!(told(State::Up, false, true, Some(1 << 40)), Standing::Displaced);
        assert_eq!(told(State::Up, false, false, Some(9_999_999)), Standing::Up);
        assert_eq!(told(State::Up, false, false, Some(10_000_000)), Standing::Stuck);
        assert_eq!(told(State::Down, false, false, Some(10_000_000)), Standing::Down);
        let silent = |listens, is_disabled| Standing::silent(&CallError::NotStarted, listens, is_disabled);
        assert_eq!(silent(None, false), Standing::NotStarted);
        assert_eq!(silent(Some(true), false), Standing::NotStarted);
        assert_eq!(silent(Some(false), false), Standing::Off);
        assert_eq!(silent(Some(false), true), Standing::Disabled);
    }

    #[test]
    fn each_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Standing::ALL.iter().map(|one| one.name()).collect();
        assert_eq!(names.len(), Standing::ALL.len());
    }
}
