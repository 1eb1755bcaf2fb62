//! The control socket: the real program, asked and steered over real sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests are tests too"
)]

mod operator;

mod clients;
mod delayed;
mod hostile;
mod introspection;
mod library;
mod metrics;
mod monitor;
mod rights;
mod sockets;
mod status;
mod steering;
