//! The session by inputs and commands, told as stories.

pub(super) mod lond;
pub(super) mod rig;

mod clients;
mod critical;
mod delayed;
mod demand;
mod disabled;
mod links;
mod local;
mod opening;
mod replies;
mod status;
mod timeouts;
mod tries;
