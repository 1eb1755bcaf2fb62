//! What lonc and lond say to each other, as pure state machines.
//!
//! Input, the time and randomness go in; bytes, commands and the next deadline come out. The crate is
//! `no_std`, so there is no clock, socket, file, environment or runtime to reach for: the compiler refuses them.
//!
//! | module | what it knows |
//! |---|---|
//! | [`buffer`] | bytes on their way, wiped if they are to be kept from others |
//! | [`mod@line`] | where a client's lines end, and when one is too long |
//! | [`request`] | what a client's line asks for, and how it goes on the wire |
//! | [`reply`] | where lond's replies end, which are encrypted, and which are malformed |
//! | [`handshake`] | the six steps that open a link |
//! | [`cipher`] | the key of a link, and IDEA under it |
//! | [`backoff`] | how long to wait before the next try |
//! | [`drain`] | the end of an instance: what it still waits for, and until when |
//! | [`session`] | everything between one host's clients and its links: queues, order, deadlines |
//! | [`spool`] | what waits on disk: what is stored, promised, sent next, removed, set aside |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(test, fuzzing))]
extern crate std;

pub mod backoff;
pub mod buffer;
pub mod cipher;
pub mod drain;
mod excerpt;
#[cfg(fuzzing)]
pub mod fuzzing;
pub mod handshake;
pub mod line;
pub mod reply;
pub mod request;
#[cfg(any(test, fuzzing))]
mod script;
pub mod session;
pub mod spool;
pub mod time;
