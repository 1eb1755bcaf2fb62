//! The control socket, where operators ask how an instance stands, and steer it. It speaks
//! [Varlink](https://varlink.org/), systemd's own IPC, so that `varlinkctl` works on it. Here are the [`interface`] and
//! the end of it that asks; the daemon's `operators` answer. [`roster`] is which peers there are to
//! be asked.

pub(crate) mod client;
pub(crate) mod interface;
pub(crate) mod roster;
