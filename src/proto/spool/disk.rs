//! The disk, as the machine sees it.

use alloc::string::String;
use core::time::Duration;

use super::name::Name;

/// Where a message lies; the directories are beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shelf {
    /// `spool_dir`: it is sent when the link is up.
    Queue,
    /// `held/`: it waits until an operator has it sent.
    Held,
    /// `failed/`: it was set aside.
    Failed,
}

impl Shelf {
    /// In the order in which they are looked through.
    pub const ALL: [Self; 3] = [Self::Queue, Self::Held, Self::Failed];
}

/// A name on a shelf.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Which.
    pub shelf: Shelf,
    /// Of the file there.
    pub name: Name,
}

/// What is told of a file that is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// In bytes.
    pub size: u64,
    /// When it was written: so long after 1970 began.
    pub written: Duration,
}

/// What the system refused to do, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Fault {
    /// As far as it makes a difference.
    pub kind: FaultKind,
    /// In the system's words.
    pub text: String,
}

/// Faults that make a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// There is nothing of that name.
    NotFound,
    /// There is something of that name.
    Exists,
    /// Any other.
    Other,
}

impl Fault {
    /// True if it is that there is nothing of that name.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.kind == FaultKind::NotFound
    }

    /// True if it is that there is something of that name.
    #[must_use]
    pub fn is_exists(&self) -> bool {
        self.kind == FaultKind::Exists
    }
}
