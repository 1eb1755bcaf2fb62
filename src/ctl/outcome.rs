//! How `loncctl` ends.

use std::io;
use std::process::ExitCode;

use crate::cli;
use crate::config::ConfigError;
use crate::standing::Standing;

/// Exit statuses; of several peers' the greatest, of several commands sent the first that is not [`Exit::Fine`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(super) enum Exit {
    /// All is well, or done.
    Fine = 0,
    /// A peer is not up; something is amiss, or could not be done.
    Amiss = 1,
    /// A daemon cannot be asked, or does not answer; a fault.
    Broken = 2,
    /// The answer was `con_lost`.
    ConLost = 3,
    /// The answer was `con_delayed`.
    ConDelayed = 4,
    /// The answer was `con_failed`.
    ConFailed = 5,
    /// The answer was `refused`.
    Refused = 6,
    /// No answer came in time.
    TimedOut = 7,
    /// The answer was that the command is unknown or wrong.
    Rejected = 8,
    /// This host is sound; a remote one is not, or the way to it.
    Remote = 9,
    /// Wrong arguments.
    Usage = cli::EX_USAGE,
    /// A fault in the configuration.
    Config = cli::EX_CONFIG,
}

impl Exit {
    /// One that is not started is well: nobody has asked for it. So is one that is disabled: somebody wants it so.
    pub(super) fn of(standing: Standing) -> Self {
        match standing {
            Standing::Up | Standing::Idle | Standing::NotStarted | Standing::Foreign | Standing::Disabled => {
                Self::Fine
            }
            Standing::Connecting
            | Standing::Stuck
            | Standing::Down
            | Standing::Draining
            | Standing::Unlisted => Self::Amiss,
            Standing::Displaced
            | Standing::Off
            | Standing::Hung
            | Standing::Dead
            | Standing::Denied
            | Standing::Odd => Self::Broken,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why nothing could be done at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{0}\nloncctl status shows the peers there are")]
    UnknownPeer(ConfigError),
    #[error("cannot write: {0}")]
    Output(io::Error),
    #[error("cannot read standard input: {0}")]
    Input(io::Error),
    #[error("cannot begin: {0}")]
    Begin(io::Error),
    /// What is wrong, and what to do.
    #[error("{0}")]
    Said(String, Exit),
}

impl Fault {
    /// Says what it is; how to end.
    pub(super) fn tell(&self) -> Exit {
        match self {
            // As with `loncctl status | head -1`: nobody wants the rest.
            Self::Output(fault) if fault.kind() == io::ErrorKind::BrokenPipe => return Exit::Fine,
            Self::Config(_)
            | Self::UnknownPeer(_)
            | Self::Output(_)
            | Self::Input(_)
            | Self::Begin(_)
            | Self::Said(..) => complain(self),
        }
        match self {
            Self::Config(_) => Exit::Config,
            Self::UnknownPeer(_) => Exit::Usage,
            Self::Output(_) | Self::Input(_) | Self::Begin(_) => Exit::Amiss,
            Self::Said(_, exit) => *exit,
        }
    }
}

/// A line to standard error.
pub(super) fn complain(text: &dyn std::fmt::Display) {
    cli::say("loncctl", text);
}
