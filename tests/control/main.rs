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

#[allow(
    dead_code,
    unused_imports,
    reason = "it serves the tests of the daemon as well"
)]
#[path = "../harness/src/lib.rs"]
mod harness;
mod operator;
#[allow(dead_code, reason = "it serves the tests of the spool as well")]
#[path = "../harness/src/spool.rs"]
mod post;
#[path = "../harness/src/unprivileged.rs"]
mod unprivileged;

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
