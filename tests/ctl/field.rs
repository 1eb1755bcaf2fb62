//! A field of peers, with the daemons of some of them.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;

use test_harness::{Lonc, Site, wait_until};

use crate::tool::ctl;

/// The sections of these peers.
pub(crate) fn sections(peers: &[(&str, SocketAddr)]) -> String {
    let mut toml = String::new();
    for (id, at) in peers {
        write!(
            toml,
            "[peer.{id}]\naddress = '{}'\nport = {}\n",
            at.ip(),
            at.port()
        )
        .unwrap();
    }
    toml
}

/// Makes the directory of the sockets. Without it, and where nothing at all listens on the machine, loncctl cannot tell
/// whether somebody listens there, and says "not started".
pub(crate) fn make_sockets(site: &Site) {
    fs::create_dir_all(site.path("sockets")).unwrap();
}

/// Listens where the workers of `id` ask, as systemd does for a peer whose daemon is not started.
pub(crate) fn listen(site: &Site, id: &str) -> UnixListener {
    make_sockets(site);
    UnixListener::bind(site.path(format!("sockets/{id}"))).unwrap()
}

/// Starts the daemon of `id`, and waits until it is in `state` as `loncctl` has it.
pub(crate) fn start(site: &Site, id: &str, state: &str) -> Lonc {
    let lonc = Lonc::spawn(site.clone(), site.command_for(id));
    await_state(site, id, state);
    lonc
}

pub(crate) fn await_state(site: &Site, id: &str, state: &str) {
    wait_until(&format!("{id} {state}"), || {
        let json = ctl(site, &["status", "--json", "--timeout", "10s", id]).json();
        json[0]["state"] == state
    });
}
