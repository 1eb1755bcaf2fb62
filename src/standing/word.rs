//! How a peer stands, in one word: the same in text, in JSON, in metrics, and on the page.

use std::time::Duration;

use super::Grade;
use crate::control::client::CallError;
use crate::control::interface::{Metrics, State, Status};
use crate::units;

/// Links on which something has been in flight for so long without an answer are of no use.
const STUCK_AFTER: Duration = Duration::from_secs(10);

/// Who listens where a peer's clients ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    Unknown,
    Nobody,
    /// systemd, or a daemon.
    Ours,
    /// Another program, where systemd listened for us.
    Usurper,
    /// Another program, and we do not try to: the Perl lonc, as a rule. Or the peer is its, whoever listens.
    Foreign,
}

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
    /// There is no daemon, and its clients are another program's: the Perl lonc's, as a rule.
    Foreign,
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
    pub(crate) const ALL: [Self; 16] = [
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
        Self::Foreign,
        Self::Hung,
        Self::Dead,
        Self::Denied,
        Self::Odd,
        Self::Unlisted,
    ];

    /// Those of one whose daemon does not answer, but for the word of an administrator.
    pub(crate) const SILENT: [Self; 8] = [
        Self::NotStarted,
        Self::Off,
        Self::Foreign,
        Self::Displaced,
        Self::Hung,
        Self::Dead,
        Self::Denied,
        Self::Odd,
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
            Self::Foreign => "foreign",
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
            Self::NotStarted | Self::Foreign | Self::Disabled => Grade::Unasked,
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

    /// That of a daemon that did not answer; `holder` has the socket at which its clients ask.
    pub(crate) fn silent(fault: &CallError, holder: Holder, is_disabled: bool) -> Self {
        match fault {
            CallError::NotStarted => match holder {
                // What an administrator said of ours is nothing to another program.
                Holder::Foreign => Self::Foreign,
                Holder::Usurper => Self::Displaced,
                _ if is_disabled => Self::Disabled,
                Holder::Nobody => Self::Off,
                Holder::Ours | Holder::Unknown => Self::NotStarted,
            },
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
        let silent = |holder, is_disabled| Standing::silent(&CallError::NotStarted, holder, is_disabled);
        assert_eq!(silent(Holder::Unknown, false), Standing::NotStarted);
        assert_eq!(silent(Holder::Ours, false), Standing::NotStarted);
        assert_eq!(silent(Holder::Nobody, false), Standing::Off);
        assert_eq!(silent(Holder::Nobody, true), Standing::Disabled);
        assert_eq!(silent(Holder::Foreign, true), Standing::Foreign);
        assert_eq!(silent(Holder::Usurper, true), Standing::Displaced);
    }

    #[test]
    fn each_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Standing::ALL.iter().map(|one| one.name()).collect();
        assert_eq!(names.len(), Standing::ALL.len());
    }
}
