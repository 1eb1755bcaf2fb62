//! The way back for hosts of the old world: lond and lonnet send SIGUSR1 to the process in `logs/lonc.pid`, and have
//! all links that are down tried again. Here each peer has a process of its own, so one stands in for all of them.
//!
//! ```text
//!   lond (www) ─ SIGUSR1 ─► lonc-usr1 (www) ─ lonc-reconnect.socket ─► lonc-usr1 --reconnect (lonc)
//!                             writes lonc.pid                              └═ control sockets ═ each instance
//! ```
//!
//! They are two, for no single process could do it without rights that it should not have: only its own user and root
//! may signal it, and that is the web server's, while steering an instance is for root and that instance's user. So
//! the one that is signalled has nothing but the signal to pass on, and the other does one thing and ends.

mod bridge;
pub(crate) mod command;
mod pid_file;
mod reconnect;

use self::pid_file::{PidFile, PidFileError};
pub(crate) use self::pid_file::{read as signalled, start_of};
