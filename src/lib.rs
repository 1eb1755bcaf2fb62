//! lonc carries the requests of the web workers of one host to the lond of one other host.
//!
//! ```text
//!   worker ─┐                 ┌────────────── driver ──────────────┐
//!   worker ─┼─ UNIX socket ─ client ─ lines ─► session ─► bytes ─ link ═ TCP ═ lond
//!   worker ─┘                 ▲                (lonc-proto)         │
//!                             └──────────── answers ◄───────────────┘
//! ```
//!
//! | room | what is in it | imports; … is `cli`, `units`, `reader`, `process` and `steps` |
//! |---|---|---|
//! | `daemon` | `lonc`: serves the workers; its own rooms are listed there | `control`, `socket`, `spool`, `journal`, `systemd`, `config`, `tls`, … |
//! | `ctl` | `loncctl`: the operator's tool | `generator`, `metrics`, `usr1`, `standing`, `control`, `socket`, `spool`, `config`, … |
//! | `metrics` | `lonc-metrics`: metrics of all instances as text, and over HTTP | `control`, `config`, … |
//! | `usr1` | `lonc-usr1`: stands in for the lonc of old, whom lond signals to try links again | `control`, `journal`, `systemd`, `config`, … |
//! | `generator` | `lonc-generator`: the peers of the configuration become systemd's units | `config`, … |
//! | `standing` | how a peer stands: in a word, and all that is known of it with what to do | `control`, `socket`, `systemd`, `config`, … |
//! | `socket` | the file of a socket: whose it is, and its second name; `lonc-socket`, which looks after those of systemd's | `config`, … |
//! | `control` | the control socket: what is said there, and the operators' end of it | `config`, `tls`, … |
//! | `spool` | delayed messages on disk: read, stored, removed | `journal`, `config` |
//! | `journal` | log records to journald or stderr, and the message ids | `config` |
//! | `config` | `lonc.toml`, `PerlSetVar` files and `hosts.tab` → validated settings | `tls`, … |
//! | `tls` | what secures a link: the files, whom we trust, the words for what goes wrong | `reader` |
//! | `reader` | files that others can write: regular ones only, so much of them, without a wait | `units` |
//! | `steps` | the way to a file, with the links on it | |
//! | `systemd` | the words for systemd: sockets in; READY, STATUS, WATCHDOG, STOPPING, RELOADING out | `config` |
//! | `cli` | what all programs do about their command lines | `config` |
//! | `process` | whose a process is: the Perl lonc's, one of ours | |
//! | `units` | spans, dates, sizes and counts, as numbers and in words | |
//! | [`lonc_proto`] | the protocol, pure: no clock, no socket, no runtime | |
//!
//! `docs/structure.md` walks through it. All that serves runs on one thread, and each piece of state has one owner; the others get messages or snapshots.
//! Only the disk may make one wait, so the spool has two threads of its own: one that reads and writes, one that
//! watches for what appears. One more looks whether the file of our socket is still ours, one takes the signals, one
//! writes the log, and one loncron's, where that is asked for.
#![forbid(unsafe_code)]

mod cli;
mod config;
mod control;
mod ctl;
mod daemon;
#[cfg(fuzzing)]
pub mod fuzzing;
mod generator;
mod journal;
mod metrics;
mod process;
mod reader;
mod socket;
mod spool;
mod standing;
mod steps;
mod systemd;
mod tls;
mod units;
mod usr1;

pub use self::ctl::run as ctl_main;
pub use self::daemon::command::run as daemon_main;
pub use self::generator::run as generator_main;
pub use self::metrics::command::run as metrics_main;
pub use self::socket::command::run as socket_main;
pub use self::usr1::command::run as usr1_main;

/// What tests and the demo reach for, which are programs of their own. Nobody else should.
pub mod internals {
    /// The configuration.
    pub mod config {
        pub use crate::config::{
            Alias, ConfigError, Disabled, HostId, Loaded, LogLevel, Peer, Peers, Settings, Start, check,
            load, peers,
        };
    }
    /// The control socket, from the operators' end.
    pub mod control {
        pub use crate::control::client::{CallError, Connection, RemoteError, ask, ask_all};
        pub use crate::control::interface::{MetricsReply, State, StatusReply};
    }
    /// An instance within this process.
    pub mod daemon {
        pub use crate::daemon::listen::{ListenError, ListenSocket, bind};
        pub use crate::daemon::{Daemon, StartError};
        pub use crate::journal::{LogHandle, init as init_log};
    }
    pub use crate::generator::generate;
    pub use crate::journal::message;
    /// How long a scrape waits for an instance.
    pub use crate::metrics::PATIENCE as METRICS_PATIENCE;
}
