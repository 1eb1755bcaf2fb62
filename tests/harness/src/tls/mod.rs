//! Links over TLS: authorities that sign what a test needs, and a terminator in front of a peer.

mod authority;
mod terminator;

pub use authority::{Authority, Pair, Wish};
pub use terminator::{Demands, Terminator, server_config};
