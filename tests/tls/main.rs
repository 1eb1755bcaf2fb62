//! Links over TLS: the real daemon, a terminator, and a stand-in lond behind it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "helpers of tests are tests too"
)]

mod cuts;
mod hostile;
#[path = "../daemon/misbehaviour.rs"]
mod misbehaviour;
mod names;
mod opening;
mod refusals;
mod relay;
mod renewal;
mod resumption;
mod secured;
mod settings;
mod terminators;
mod told;

pub(crate) use secured::{start, start_linked};
