//! Why a table of servers, or all of the configuration, is not to be believed.

use serde::{Deserialize, Serialize};

/// Why what the files say is not to be believed where it leaves somebody out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Doubt {
    pub(crate) kind: DoubtKind,
    /// One line that names the file.
    pub(crate) why: String,
}

/// What kind of doubt that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum DoubtKind {
    /// The configuration has a fault.
    Fault,
    /// The files change all the time.
    Unsettled,
    /// The table cannot be read.
    Unread,
    /// The table's last line has no end.
    Cut,
    /// The table names nobody, and holds nothing else either.
    Empty,
    /// It is hardly a table.
    Odd,
}

impl DoubtKind {
    /// Whether what is offered is followed where it is new.
    pub(crate) fn lets_add(self) -> bool {
        matches!(self, Self::Unread | Self::Cut | Self::Empty)
    }

    /// Whether an administrator may say that it is meant so.
    pub(crate) fn can_be_meant(self) -> bool {
        matches!(self, Self::Unread | Self::Cut | Self::Empty | Self::Odd)
    }
}
