//! Names of what a session deals with.

/// Names a client for as long as it is connected; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ClientId {
    pub(super) slot: usize,
    /// Never given twice.
    pub(super) serial: u64,
}

impl ClientId {
    /// A small number that no other connected client has at the same time.
    #[must_use]
    pub fn slot(self) -> usize {
        self.slot
    }
}

/// Names a link among those of its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkId(pub(super) usize);

impl LinkId {
    /// A small number, the first link's is 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// Names a delayed message; given by the driver, in the order in which they are to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub u64);

/// Names a critical request that is being stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub(crate) u64);
