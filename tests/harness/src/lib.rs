//! What lonc's tests stand on: real programs, over real sockets and real directories.
//!
//! | module | what it is |
//! |---|---|
//! | [`Site`] | a directory with a configuration, in which all of an instance is kept |
//! | [`Lonc`] | the daemon as a process |
//! | [`Peer`] | the lond at the other end, which misbehaves on demand |
//! | [`Client`] | one at the socket |
//! | [`Manager`] | the service manager's end of `NOTIFY_SOCKET` |
//! | [`journal`] | journald's end of its socket |
//! | [`exporter`] | `lonc-metrics` at a socket |
//! | [`tls`] | authorities, and what takes TLS in front of a peer |
//! | [`spool`] | the spool of a site, as those who write to it and look at it see it |
//! | [`another_user`] | programs that run as a user who is neither root nor the tests' own |
//! | [`chaos`] | clients, operators and a lond who do everything at once |
//! | [`programs`] | the programs under test, and those of others |
//!
//! Everything that a test waits for is waited for as a condition, with a deadline far beyond what a busy machine needs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    reason = "what tests stand on fails as a test does"
)]

pub mod another_user;
pub mod chaos;
mod client;
mod directory;
pub mod exporter;
pub mod journal;
mod lonc;
mod manager;
mod peer;
pub mod programs;
mod site;
pub mod spool;
pub mod tls;
mod wait;

pub use client::Client;
pub use directory::{Directory, source};
pub use lonc::Lonc;
pub use manager::Manager;
pub use peer::{Peer, free_address};
pub use site::Site;
pub use wait::{PATIENCE, Stop, wait_for, wait_until};

/// Tries again soon and often.
pub const QUICK: &str = "[link]\nbackoff_min = '10ms'\nbackoff_max = '40ms'\n";

/// Does not try again by itself while a test lasts.
pub const SLOW: &str = "[link]\nbackoff_min = '365d'\nbackoff_max = '365d'\n";

/// As many links as there may be where nothing is said of it.
pub const AS_MANY_AS_NEEDED: &str = "[link]\nmax_connections = 10\n";

/// A peer that nobody serves.
pub const ABSENT: &str = "[peer.absent]\naddress = '127.0.0.1'\n";
