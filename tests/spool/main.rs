//! Delayed and critical messages: the real program, over real sockets and real directories.

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
#[path = "../harness/src/spool.rs"]
mod post;

mod critical;
mod disk;
mod dropped;
mod entries;
mod killed;
mod many;
mod order;
mod permanent_log;
mod strace;
mod syscalls;
#[path = "../harness/src/unprivileged.rs"]
mod unprivileged;
mod unwatched;
