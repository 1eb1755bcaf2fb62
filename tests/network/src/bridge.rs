//! What is between two hosts where the cable is in two pieces: a bridge, which can treat badly what passes.
//!
//! Neither host can see it: no packet is answered or returned by it, nor is one lost where the sender would be told.

use std::io;

use crate::host::Host;

/// Packets that a port keeps waiting at most: more than all connections of a test have on their way.
const LIMIT: u32 = 100_000;

/// A way through the bridge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toward {
    /// From the near host to the far one.
    Far,
    /// And back.
    Near,
}

impl Toward {
    /// The port at which packets leave.
    fn port(self) -> &'static str {
        match self {
            Self::Far => "far",
            Self::Near => "near",
        }
    }
}

/// A bridge, on a host of its own.
pub struct Bridge(Host);

impl Bridge {
    /// One without a cable.
    pub(crate) fn make() -> io::Result<Self> {
        let host = Host::make(3)?;
        host.try_run("ip", "link add name bridge type bridge mcast_snooping 0")?;
        host.try_run("ip", "link set bridge up")?;
        Ok(Self(host))
    }

    /// Lays a cable from a host to the port at which leaves what is for it.
    pub(crate) fn connect(&self, toward: Toward, host: &Host) -> io::Result<()> {
        let port = toward.port();
        host.lay_cable(port, "", &self.0)?;
        self.0
            .try_run("ip", &format!("link set {port} master bridge up"))?;
        // A packet is what a wire takes at once, not what the kernel may hand over in one piece.
        host.try_run("ip", &format!("link set {} gso_max_segs 1", crate::CABLE))
    }

    /// Treats from now on what passes this way so, in the words of tc-netem(8); "" : passes it on at once.
    pub fn treat(&self, toward: Toward, netem: &str) {
        self.try_to_treat(toward, netem)
            .unwrap_or_else(|error| panic!("netem {netem}: {error}"));
    }

    pub(crate) fn try_to_treat(&self, toward: Toward, netem: &str) -> io::Result<()> {
        let words = format!(
            "qdisc replace dev {} root netem limit {LIMIT} {netem}",
            toward.port()
        );
        self.0.try_run("tc", words.trim())
    }

    /// Loses from now on whatever packet is larger than so many bytes, those of the network layer.
    pub fn pass_at_most(&self, bytes: u32) {
        // A device takes four bytes more, for the tag of a virtual network.
        let mtu = bytes - 4;
        self.0
            .ip(&["near", "far"].map(|port| format!("link set {port} mtu {mtu}")));
    }
}
