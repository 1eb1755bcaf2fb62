//! The session by inputs and commands, told as stories.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is fuzzed is a test too"
)]

pub(super) mod lond;
#[cfg_attr(
    fuzzing,
    allow(dead_code, reason = "the stories use more of it than the model")
)]
pub(super) mod rig;

#[cfg(test)]
mod accounts;
#[cfg(test)]
mod clients;
#[cfg(test)]
mod critical;
#[cfg(test)]
mod delayed;
#[cfg(test)]
mod demand;
#[cfg(test)]
mod disabled;
#[cfg(test)]
mod drain;
#[cfg(test)]
mod links;
#[cfg(test)]
mod local;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod replies;
#[cfg(test)]
mod status;
#[cfg(test)]
mod timeouts;
#[cfg(test)]
mod tries;
