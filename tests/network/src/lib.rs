//! Two hosts with a cable between them, for tests of what lonc does when a network fails; or with a [`Bridge`], for what
//! it does when a network is bad.
//!
//! Each host is a network namespace and a mount namespace, which have no names and go with the last that uses them: with
//! the [`Network`], or with a process that was started in there. Only root can make them. Sockets of the file system are
//! outside of all that: a lonc that was started on one host is reached at its socket from anywhere.
//!
//! ```no_run
//! # use test_network::Network;
//! let Some(network) = Network::lay() else { return };
//! let listener = network.far.enter(|| std::net::TcpListener::bind((network.far.v4, 5663)));
//! let near = network.near.enter(|| std::process::Command::new("lonc").arg("msul1").spawn());
//! network.vanish();
//! ```
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "what tests stand on fails as a test does"
)]

mod bridge;
mod host;

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::process::Command;

use nix::unistd::geteuid;

pub use bridge::{Bridge, Toward};
pub use host::Host;

/// How each end of the cable is called on its host.
const CABLE: &str = "cable";
/// The hardware of no host.
const NO_HARDWARE: &str = "02:00:00:00:00:ff";

/// Two hosts that reach each other and nobody else.
pub struct Network {
    /// Where lonc is.
    pub near: Host,
    /// Where its peer is.
    pub far: Host,
}

impl Network {
    /// Nobody's addresses, of either kind. Nothing answers there, so that after some seconds the near host takes them
    /// for unreachable; see [`Network::blackhole`].
    pub const NOBODY: [IpAddr; 2] = [
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0xffff)),
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 254)),
    ];

    /// Makes both and connects them; says why a test is skipped where that is not possible.
    pub fn lay() -> Option<Self> {
        Self::try_to_lay()
            .inspect_err(|why| eprintln!("SKIPPED: {why}"))
            .ok()
    }

    /// The same with a bridge between them; says so, too, where the kernel has no netem.
    pub fn lay_across_bridge() -> Option<(Self, Bridge)> {
        Self::try_to_lay_across_bridge()
            .inspect_err(|why| eprintln!("SKIPPED: {why}"))
            .ok()
    }

    fn try_to_lay() -> Result<Self, String> {
        let network = Self::make_hosts()?;
        let Self { near, far } = &network;
        near.lay_cable(CABLE, &format!(" address {}", far.hardware), far)
            .map_err(|error| no_cable(&error))?;
        network.connect();
        Ok(network)
    }

    fn try_to_lay_across_bridge() -> Result<(Self, Bridge), String> {
        let network = Self::make_hosts()?;
        let bridge = Bridge::make().map_err(|error| format!("no bridges here: {error}"))?;
        for (toward, host) in [(Toward::Near, &network.near), (Toward::Far, &network.far)] {
            bridge.connect(toward, host).map_err(|error| no_cable(&error))?;
            let tried = bridge.try_to_treat(toward, "");
            tried.map_err(|error| format!("the kernel has no netem: {error}"))?;
        }
        network.connect();
        Ok((network, bridge))
    }

    fn make_hosts() -> Result<Self, String> {
        if !geteuid().is_root() {
            return Err("only root can make network namespaces".to_owned());
        }
        if Command::new("ip").arg("-V").output().is_err() {
            return Err("ip is not installed".to_owned());
        }
        if !Path::new("/proc/sys/net/ipv6").exists() {
            return Err("there is no IPv6 here".to_owned());
        }
        let host =
            |number| Host::make(number).map_err(|error| format!("no network namespaces here: {error}"));
        let (near, far) = (host(1)?, host(2)?);
        Ok(Self { near, far })
    }

    fn connect(&self) {
        self.near.connect(&self.far);
        self.far.connect(&self.near);
    }

    /// The far host is gone without a word, as after a failure of its power behind a router: whatever is sent to it is
    /// lost, and nothing comes back.
    pub fn vanish(&self) {
        self.far.ip(&[&format!("address flush dev {CABLE}")]);
    }

    /// It is there again after it had vanished, with its connections as they were.
    pub fn come_back(&self) {
        self.far.ip(&self.far.addressing());
    }

    /// Its interface is taken down, which the near host can see at its own.
    pub fn unplug(&self) {
        self.far.ip(&[&format!("link set {CABLE} down")]);
    }

    /// Its interface is up again.
    pub fn plug_in(&self) {
        self.far.connect(&self.near);
    }

    /// What the near host sends to this address is lost from now on, without a word. The address may be the far host's
    /// or nobody's, as those of [`Network::NOBODY`].
    pub fn blackhole(&self, address: IpAddr) {
        self.near.neighbour(address, NO_HARDWARE);
    }
}

fn no_cable(error: &io::Error) -> String {
    format!("no veth devices here: {error}")
}
