//! `loncctl`: the real program, against real daemons.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests are tests too"
)]

mod field;
#[allow(
    dead_code,
    unused_imports,
    reason = "it serves the tests of the daemon as well"
)]
#[path = "../harness/src/lib.rs"]
mod harness;
#[allow(dead_code, reason = "it serves the tests of the spool as well")]
#[path = "../harness/src/spool.rs"]
mod post;
mod tool;

mod check;
mod metrics;
mod send;
mod spool;
mod status;
mod steering;
mod usage;
mod why;
