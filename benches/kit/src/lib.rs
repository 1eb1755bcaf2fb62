//! What lonc is measured with. Nothing in here is part of the daemon, and it shares no code with it.
//!
//! | module | what it is |
//! |---|---|
//! | [`load`] | clients in a closed loop, each of whose replies must be its own |
//! | [`dialogue`] | what such a client says, and what it must hear |
//! | [`lond`] | a lond that echoes, fast enough not to be the limit |
//! | [`serial`] | a lond that takes time for each request, one after the other on each link |
//! | [`lock_step`] | several links to it with one request at a time on each |
//! | [`counts`] | how many links such a lond has had |
//! | [`relay`] | a road to it that takes time, and carries all it is given |
//! | [`proxies`] | others that do the same work: a Perl proxy in lock-step, nutcracker before redis |
//! | [`lonc`] | the daemon as a process, with a configuration of its own |
//! | [`process`] | processor time, memory and wake-ups of a process, as the kernel counts them |
//! | [`report`] | figures side by side, and whether they meet what is asked |
//!
//! The load and the lond each run on one thread and wait with epoll: they are to cost as little as they can, for
//! on two cores what they take is missing to what is measured.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "what measures fails at once and loudly, as a test does"
)]

pub mod counts;
pub mod dialogue;
pub mod load;
pub mod lock_step;
pub mod lonc;
pub mod lond;
mod opening;
pub mod process;
pub mod proxies;
pub mod relay;
pub mod report;
pub mod serial;
mod stream;
