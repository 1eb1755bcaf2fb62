//! lonc carries the requests of the web workers of one host to the lond of one other host.
//!
//! ```text
//!   worker ─┐                 ┌────────────── driver ──────────────┐
//!   worker ─┼─ UNIX socket ─ client ─ lines ─► session ─► bytes ─ link ═ TCP ═ lond
//!   worker ─┘                 ▲                (lonc-proto)         │
//!                             └──────────── answers ◄───────────────┘
//! ```
//!
//! | module | what it does |
//! |---|---|
//! | [`config`] | `lonc.toml`, `PerlSetVar` files and `hosts.tab` → validated settings |
//! | [`command`] | the command line |
//! | [`daemon`] | the one place where everything is put together; signals |
//! | [`control`] | the control socket: operators ask how things stand, and steer; `control::client` is their end of it |
//! | [`metrics`] | metrics of all instances as text, and over HTTP: `lonc-metrics` |
//! | [`ctl`] | `loncctl`: the operator's tool, the other end of the control socket |
//! | `descriptors` | room for as many open files as there may be clients |
//! | `driver` | owns the session, the links and the list of clients; one loop |
//! | `alarm` | a timer of the kernel's, that wakes the process once |
//! | `client` | a task for each client: lines in, answers out in order, limits |
//! | `link` | one TCP connection: name lookup, connect, bytes |
//! | `give_way` | lets the other tasks have their turn |
//! | [`generator`] | `lonc-generator`: the peers of the configuration become systemd's units |
//! | [`listen`] | the listening sockets, where systemd passed none |
//! | `spool` | delayed messages on disk: read, stored, removed; a thread of its own |
//! | [`systemd`] | sockets in; READY, STATUS, WATCHDOG, STOPPING, RELOADING out |
//! | [`reload`] | `lonc --reload`, which waits until a reload is done |
//! | [`usr1`] | `lonc-usr1`: stands in for the lonc of old, which lond signals to have links tried again |
//! | [`journal`] | log records to journald or stderr, and the message ids |
//! | `usage` | what a program does about wrong arguments |
//! | `status` | the snapshot that readers get |
//! | [`lonc_proto`] | the protocol, pure: no clock, no socket, no runtime |
//!
//! Dependencies point one way: `main → daemon → {control, driver, client, link, systemd, …} → lonc-proto`. Everything runs on
//! one thread, and each piece of state has one owner.
#![forbid(unsafe_code)]

mod cli;
pub mod config;
pub mod control;
pub mod ctl;
pub mod daemon;
pub mod generator;
pub mod journal;
pub mod metrics;
mod spool;
pub mod systemd;
pub mod usr1;

pub use lonc_proto;
