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

mod critical;
mod disk;
mod dropped;
mod entries;
mod hostile;
mod killed;
mod last_value;
mod many;
mod order;
mod permanent_log;
mod senders;
mod settle;
mod stop;
mod strace;
mod syscalls;
mod unwatched;
mod way;
mod worker;
