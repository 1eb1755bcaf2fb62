//! Delayed messages, as the spool knows them.

use lonc_proto::spool;
use serde::{Deserialize, Serialize};

use super::{Message, MessageState};
use crate::units::micros;

/// Messages on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DelayedSummary {
    /// To be sent.
    pub queued: usize,
    /// When the first of them was written.
    pub oldest_usec: Option<u64>,
    /// Held by an operator.
    pub held: usize,
    /// Set aside.
    pub failed: usize,
}

/// Messages of one host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DelayedCount {
    /// The host, which may be in no table.
    pub peer: String,
    /// How many there are.
    pub delayed: DelayedSummary,
}

/// Answer to `CountDelayed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CountsReply {
    /// Hosts of which there are messages, by their ids.
    pub counts: Vec<DelayedCount>,
}

impl From<&spool::Summary> for DelayedSummary {
    fn from(summary: &spool::Summary) -> Self {
        Self {
            queued: summary.queued,
            oldest_usec: summary.oldest.map(micros),
            held: summary.held,
            failed: summary.failed,
        }
    }
}

/// A name that is not UTF-8 shows so, and cannot be asked for.
impl From<&spool::Message> for Message {
    fn from(message: &spool::Message) -> Self {
        Self {
            name: message.name.to_string_lossy().into_owned(),
            state: message.state.into(),
            size: message.stat.size,
            written_usec: micros(message.stat.written),
            attempts: message.attempts,
        }
    }
}

impl From<spool::MessageState> for MessageState {
    fn from(state: spool::MessageState) -> Self {
        match state {
            spool::MessageState::Waiting => Self::Waiting,
            spool::MessageState::Sending => Self::Sending,
            spool::MessageState::Answered => Self::Answered,
            spool::MessageState::Unfinished => Self::Unfinished,
            spool::MessageState::Unusable => Self::Unusable,
            spool::MessageState::Held => Self::Held,
            spool::MessageState::Failed => Self::Failed,
        }
    }
}
