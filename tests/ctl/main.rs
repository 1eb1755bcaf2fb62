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

mod displaced;
mod field;
mod tool;

mod check;
mod config;
mod disable;
mod loncron;
mod metrics;
mod outside_data;
mod send;
mod spool;
mod spool_owner;
mod status;
mod steering;
mod taken_back;
mod takeover;
mod usage;
mod why;
