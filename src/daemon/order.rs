//! What the daemon can be told while it runs: the one door for whatever changes something.

use lonc_proto::session::MessageId;
use tokio::sync::oneshot;

use crate::config::{ConfigError, LogLevel};

/// Given by signals and by operators. Who asked may have stopped waiting for the answer.
pub(crate) enum Order {
    /// Take no more clients, finish what is under way, and end.
    Stop,
    /// Try again now, and log how things stand.
    Reconnect {
        /// Have the links that are open replaced as well.
        cycle: bool,
        /// Who wants to is told when that is done.
        answer: Option<oneshot::Sender<()>>,
    },
    /// Read the configuration anew, and say what came of it: warnings, or why the old settings stay.
    Reload(Option<oneshot::Sender<Result<Vec<String>, ConfigError>>>),
    /// Take this delayed message back from the link's queue; false if it is too late for that.
    Withdraw(MessageId, oneshot::Sender<bool>),
    /// Log at this level until the next reload; false if that cannot be changed.
    LogLevel(LogLevel, oneshot::Sender<bool>),
}
