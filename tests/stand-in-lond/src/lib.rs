//! A lond for the tests and the demo of lonc: it speaks the server's side of the wire and misbehaves on demand.
//!
//! Besides the handshake a link understands, plain or encrypted: `ping`, `echo:<text>`, `encecho:<text>` (answered
//! encrypted though asked plain), `sleep:<ms>:<text>`, `hold:<text>` (see [`Lond::release`]), `big:<n>` and
//! `encbig:<n>` (n bytes `x`), `hex:<hex>` (those bytes, then a newline), `len:<anything>` (length of the whole
//! command), `counts` (links accepted, open, and open at most), `silence` and `silence-all` (see [`Behaviour::Silent`];
//! answered `awake` when it has ended), `die` (closes); anything else is `unknown_cmd`.
//!
//! It shares no code with the daemon.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub use behaviour::{BadHex, Behaviour, EncryptedReplies, Step};
pub use blackhole::Blackhole;
pub use call_back::CallBack;
pub use journal::Received;
pub use names::UnknownBehaviour;
pub use settings::Pace;

use settings::Settings;
use shared::Shared;

mod behaviour;
mod blackhole;
mod call_back;
pub mod cipher;
mod commands;
mod handshake;
mod inbox;
mod journal;
mod link;
mod names;
mod replies;
mod requests;
mod settings;
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

    /// How connections and requests are treated from now on, except where a connection has a behaviour of its own; a
    /// request already being handled is not.
    pub fn behave(&self, behaviour: Behaviour) {
        self.set(|settings| settings.behave(behaviour));
    }

    /// The same for one connection, which may be still to come; the first accepted is 1.
    pub fn behave_on(&self, connection: usize, behaviour: Behaviour) {
        self.set(|settings| settings.behave_on(connection, behaviour));
    }

    /// From now on at most `most` links: those accepted while so many others are open behave like this, such as
    /// [`Behaviour::Refuse`], or [`Behaviour::CloseAt`] the first or the last step.
    pub fn limit_links(&self, most: usize, beyond: Behaviour) {
        self.set(|settings| settings.behave_beyond(Some((most, beyond))));
    }

    /// As many links as there come.
    pub fn unlimit_links(&self) {
        self.set(|settings| settings.behave_beyond(None));
    }

    /// How long requests take that are taken up from now on; at first no time.
    pub fn pace(&self, pace: Pace) {
        self.set(|settings| settings.pace = pace);
    }

    /// Whether and how it calls back before it answers `pong`; at first it does not, and answers as if it had.
    pub fn call_back(&self, how: Option<CallBack>) {
        self.set(|settings| settings.call_back = how);
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

    /// The largest number of links that were open at once.
    #[must_use]
    pub fn most_open_connections(&self) -> usize {
        self.shared.links.borrow().most
    }

    /// Resolves when `what` holds for the numbers of accepted and of open links.
    pub async fn wait_for_connections(&self, what: impl Fn(usize, usize) -> bool) {
        let mut links = self.shared.links.subscribe();
        // The sender is ours, so waiting cannot fail.
        let _ = links
            .wait_for(|links| what(links.accepted, links.open.len()))
            .await;
    }

    /// Resolves when the first `accepted` links have ended, as those do that were told to.
    pub async fn wait_for_end(&self, accepted: usize) {
        let mut links = self.shared.links.subscribe();
        let _ = links
            .wait_for(|links| links.open.keys().all(|number| *number > accepted))
            .await;
    }

    /// Every line received so far, in order.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.journal.entries()
    }

    /// The requests received so far on each connection that had any, in order: the lines behind its `ekey`.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<usize, Vec<Received>> {
        self.shared.journal.requests()
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
        self.shared.drop_links();
    }

    /// Writes these bytes on all open links at once, whatever they are doing; what does not fit into a socket's buffer
    /// is lost.
    pub fn inject(&self, bytes: &[u8]) {
        for open in self.shared.links.borrow().open.values() {
            // A link that is gone or full gets nothing.
            let _ = open.stream.try_write(bytes);
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
