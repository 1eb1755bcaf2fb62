//! A lond for the tests and the demo of lonc: it speaks the server's side of the wire and misbehaves on demand.
//!
//! Besides the handshake a link understands, plain or encrypted: `ping`, `echo:<text>`, `encecho:<text>` (answered
//! encrypted though asked plain), `sleep:<ms>:<text>`, `hold:<text>` (see [`Lond::release`]), `big:<n>` and
//! `encbig:<n>` (n bytes `x`), `hex:<hex>` (those bytes, then a newline), `len:<anything>` (length of the whole
//! command), `die` (closes); anything else is `unknown_cmd`.
//!
//! It shares no code with the daemon.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub use behaviour::{BadHex, Behaviour, EncryptedReplies, Step};
pub use journal::Received;
pub use names::UnknownBehaviour;
use shared::{Settings, Shared};

mod behaviour;
pub mod cipher;
mod commands;
mod handshake;
mod inbox;
mod journal;
mod link;
mod names;
mod replies;
mod requests;
mod shared;
mod traffic;

/// A running lond; dropping it stops everything.
pub struct Lond {
    shared: Arc<Shared>,
    addr: SocketAddr,
}

impl Lond {
    /// Starts the lond of host `id` on a free port of 127.0.0.1, on the current runtime.
    pub async fn start(id: &str) -> io::Result<Self> {
        Self::bind(id, (Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// Starts the lond of host `id` on this address.
    #[expect(clippy::unused_async, reason = "it must run on a runtime")]
    pub async fn bind(id: &str, addr: SocketAddr) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(id));
        let addr = shared.open(addr)?;
        Ok(Self { shared, addr })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.addr.port()
    }

    /// How connections and requests are treated from now on; one already being handled is not.
    pub fn behave(&self, behaviour: Behaviour) {
        self.set(|settings| {
            settings.behaviour = behaviour;
            settings.change += 1;
        });
    }

    /// The id of the calling host, part of the key of links opened from now on; at first `msul2`.
    pub fn caller(&self, id: &str) {
        self.set(|settings| settings.caller = Some(id.to_owned()));
    }

    /// Callers of any id, on links opened from now on: without the id there is no key, so encrypted requests are
    /// answered `unknown_cmd` and all replies are plain.
    pub fn any_caller(&self) {
        self.set(|settings| settings.caller = None);
    }

    /// How encrypted requests are answered from now on.
    pub fn encrypted_replies(&self, replies: EncryptedReplies) {
        self.set(|settings| settings.replies = replies);
    }

    /// Number of links accepted so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.links.borrow().accepted
    }

    /// Number of links open now.
    #[must_use]
    pub fn open_connections(&self) -> usize {
        self.shared.links.borrow().open.len()
    }

    /// Resolves when `what` holds for the numbers of accepted and of open links.
    pub async fn wait_for_connections(&self, what: impl Fn(usize, usize) -> bool) {
        let mut links = self.shared.links.subscribe();
        // The sender is ours, so waiting cannot fail.
        let _ = links
            .wait_for(|links| what(links.accepted, links.open.len()))
            .await;
    }

    /// Every line received so far, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.journal.entries()
    }

    /// Resolves when what has been received satisfies `what`, which must not call the handle.
    pub async fn wait_for(&self, what: impl Fn(&[Received]) -> bool) {
        self.shared.journal.wait_for(what).await;
    }

    /// Whether received lines are recorded; for load tests they need not be.
    pub fn keep_journal(&self, keep: bool) {
        self.shared.journal.keep(keep);
    }

    /// Lets go every `hold` received so far.
    pub fn release(&self) {
        self.shared.releases.send_modify(|releases| *releases += 1);
    }

    /// Stops listening, before it returns, and resets all links.
    pub fn kill(&self) {
        self.shared.close();
    }

    /// Listens again on the same port; nothing happens if it does already.
    #[expect(clippy::unused_async, reason = "it must run on a runtime")]
    pub async fn revive(&self) -> io::Result<()> {
        self.shared.open(self.addr).map(drop)
    }

    /// Closes the present links and goes on listening.
    pub fn drop_links(&self) {
        self.shared.end_links();
    }

    /// Writes these bytes on all open links at once, whatever they are doing; what does not fit into a socket's buffer
    /// is lost.
    pub fn inject(&self, bytes: &[u8]) {
        for stream in self.shared.links.borrow().open.values() {
            // A link that is gone or full gets nothing.
            let _ = stream.try_write(bytes);
        }
    }

    fn set(&self, change: impl FnOnce(&mut Settings)) {
        self.shared.settings.send_modify(change);
    }
}

impl Drop for Lond {
    fn drop(&mut self) {
        self.shared.close();
    }
}
