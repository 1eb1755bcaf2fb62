//! What went wrong with a link, for whoever asks why it is not up.

use super::error::LinkError;
use crate::handshake::Step;
use crate::time::Instant;

/// How far a try, or a link, had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// The name had no address.
    Lookup,
    /// No connection.
    Connect,
    /// Connected; this step of the handshake was not answered well.
    Handshake(Step),
    /// It was up.
    Up,
}

/// Why a link ended, or could not be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Why.
    pub why: LinkError,
    /// How far it had come.
    pub reached: Reached,
    /// When.
    pub at: Instant,
}

/// A link's troubles since it was last up.
#[derive(Default)]
pub(super) struct Troubles {
    /// The last, also after the link is up again.
    pub(super) last: Option<Trouble>,
    /// The first since the link was up.
    pub(super) since: Option<Instant>,
    /// Tries that failed since.
    pub(super) tries: u32,
}

impl Troubles {
    pub(super) fn add(&mut self, trouble: Trouble) {
        self.since.get_or_insert(trouble.at);
        self.tries += u32::from(trouble.reached != Reached::Up);
        self.last = Some(trouble);
    }

    /// The link is up.
    pub(super) fn end(&mut self) {
        self.since = None;
        self.tries = 0;
    }
}
