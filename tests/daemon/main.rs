//! The whole daemon: the real program as a process, over real sockets, against a stand-in lond.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests are tests too"
)]

mod activation;
mod addresses;
mod budget;
mod busy_manager;
mod bytes;
mod chaos;
mod config_faults;
mod dead_path;
mod dead_peer;
mod demand;
mod departures;
mod displaced;
mod doubtful;
mod fairness;
mod faulty_start;
mod handshake;
mod hosts;
mod idle_exit;
mod journald;
mod limits;
mod load;
mod log_stands_still;
mod loncron_log;
mod memory;
mod misbehaviour;
mod names;
mod openings;
mod own_socket;
mod places;
mod process_name;
mod ready;
mod reload;
mod repeats;
mod secrets;
mod signals;
mod stop;
mod stop_word;
mod stopped;
mod timeouts;
mod watchdog;
mod wiped;
mod words_of_others;

use test_harness::{Lonc, Peer};

/// An instance for `peer`, whose links are plain.
fn start(peer: &Peer, toml: &str) -> Lonc {
    Lonc::start(peer, toml)
}

/// The same, once its link is up.
fn start_linked(peer: &Peer, toml: &str) -> Lonc {
    Lonc::start_linked(peer, toml)
}
