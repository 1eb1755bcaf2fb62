//! The file of a socket for clients: whose it is, who listens there, and its second name.
//!
//! Clients find an instance by the path of its socket alone, and in LON-CAPA's own directory others make sockets, too.
//! So nothing of ours removes what is not ours, or stands in its way, and what took our place is told.
//!
//! | module | what it does |
//! |---|---|
//! | [`place`] | what stands at a path, and who listens there |
//! | [`alias`] | the second name: a symbolic link, made and removed |
//! | [`record`] | which file is that of a socket of systemd's: what `lonc-socket` wrote down |
//! | [`wake`] | has systemd start the instances of peers for which messages wait |
//! | [`listening`] | whether anybody listens, told without a connection |
//! | [`units`] | where systemd is to listen |
//! | [`command`] | `lonc-socket`, which looks after the sockets of systemd's |

pub(crate) mod alias;
pub(crate) mod command;
pub(crate) mod listening;
pub(crate) mod place;
pub(crate) mod record;
pub(crate) mod units;
mod wake;
