//! The peer: a stand-in lond on a runtime of its own, so that tests can be plain functions.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Deref;

use stand_in_lond::{Behaviour, Lond, Received};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::PATIENCE;

/// An address of this machine at which nobody listens, for a program that is told where to.
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}

/// lond of `msul1` unless another is named, stopped when dropped.
pub struct Peer {
    lond: Lond,
    runtime: Runtime,
}

impl Peer {
    /// A healthy one.
    pub fn start() -> Self {
        Self::named("msul1")
    }

    /// A healthy one at this address.
    pub fn at(address: Ipv4Addr) -> Self {
        Self::on(SocketAddr::from((address, 0)))
    }

    /// A healthy one at this address and port.
    pub fn on(address: SocketAddr) -> Self {
        Self::bind("msul1", address)
    }

    /// A healthy one, of this host.
    pub fn named(id: &str) -> Self {
        // An address of its own: while a killed lond is away, nobody else gets its port.
        let address = Ipv4Addr::new(127, fastrand::u8(1..), fastrand::u8(..), fastrand::u8(1..255));
        Self::bind(id, SocketAddr::from((address, 0)))
    }

    fn bind(id: &str, address: SocketAddr) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let lond = runtime.block_on(Lond::bind(id, address)).unwrap();
        Self { lond, runtime }
    }

    /// One that behaves so.
    pub fn that(behaviour: Behaviour) -> Self {
        let peer = Self::start();
        peer.behave(behaviour);
        peer
    }

    /// One whose port refuses, until it is revived.
    pub fn dead() -> Self {
        let peer = Self::start();
        peer.kill();
        peer
    }

    /// Has it listen at its old address again.
    pub fn revive(&self) {
        self.runtime.block_on(self.lond.revive()).unwrap();
    }

    /// Closes the present links; when it returns none of them answers any more, and what is answered is answered on others.
    pub fn drop_links(&self) {
        let accepted = self.connections();
        self.lond.drop_links();
        self.await_end(accepted);
    }

    /// Has it listen no more, and resets its links; when it returns none can answer.
    pub fn kill(&self) {
        self.lond.kill();
        self.await_end(self.connections());
    }

    fn await_end(&self, accepted: usize) {
        let waiting = async { timeout(PATIENCE, self.lond.wait_for_end(accepted)).await };
        let is_done = self.runtime.block_on(waiting).is_ok();
        assert!(is_done, "lond has {} links open", self.open_connections());
    }

    /// Waits until what it received satisfies `what`.
    pub fn await_received(&self, what: impl Fn(&[Received]) -> bool) {
        let waiting = async { timeout(PATIENCE, self.lond.wait_for(what)).await };
        let done = self.runtime.block_on(waiting).is_ok();
        assert!(done, "lond received only {:?}", self.commands());
    }

    /// Waits until it received this command, plain or encrypted.
    pub fn await_command(&self, command: &str) {
        self.await_received(|lines| lines.iter().any(|line| line.command() == command.as_bytes()));
    }

    /// Waits until the numbers of accepted and of open links satisfy `what`.
    pub fn await_links(&self, what: impl Fn(usize, usize) -> bool) {
        let waiting = async { timeout(PATIENCE, self.lond.wait_for_connections(what)).await };
        let done = self.runtime.block_on(waiting).is_ok();
        let (accepted, open) = (self.connections(), self.open_connections());
        assert!(done, "lond has {accepted} links, {open} open");
    }

    /// The commands received so far, those of the handshake included.
    pub fn commands(&self) -> Vec<String> {
        let text = |line: &Received| String::from_utf8_lossy(line.command()).into_owned();
        self.received().iter().map(text).collect()
    }

    /// How often it received this command.
    pub fn count(&self, command: &str) -> usize {
        self.commands().iter().filter(|had| *had == command).count()
    }
}

impl Deref for Peer {
    type Target = Lond;

    fn deref(&self) -> &Lond {
        &self.lond
    }
}
