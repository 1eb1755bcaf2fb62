//! What the tests stand on.
//!
//! Everything that a test waits for is waited for as a condition, with a deadline far beyond what a busy machine needs.

mod client;
mod lonc;
mod manager;
mod peer;
mod site;

use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) use client::Client;
pub(crate) use lonc::Lonc;
pub(crate) use manager::Manager;
pub(crate) use peer::Peer;
pub(crate) use site::Site;

/// After this a condition is taken never to come true.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Tries again soon and often.
pub(crate) const QUICK: &str = "[link]\nbackoff_min = '10ms'\nbackoff_max = '40ms'\n";

/// Waits until `probe` gives something.
pub(crate) fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(5));
    }
}

/// Waits until `holds`.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}

/// Where a program is, if it is installed; if not, says that a test is skipped for want of it.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|dir| dir.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: {name} is not installed");
    }
    found
}
