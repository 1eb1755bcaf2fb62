//! lonc
#![forbid(unsafe_code)]

mod client;
pub mod config;
pub mod daemon;
mod driver;
pub mod journal;
mod link;
pub mod listen;
mod status;
pub mod systemd;
