//! What may happen.

use std::prelude::v1::*;

use core::time::Duration;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::session::Config;
use crate::session::tests::lond::{Fault, OTHER, PEER, Style};
use crate::session::tests::rig::{SECOND, config};

/// What a client asks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    Forward {
        encrypted: bool,
        critical: bool,
        host: Host,
        /// Bytes beyond those that name the request.
        filler: usize,
    },
    Nothing,
    CriticalNothing,
    Stop,
    Retry,
    /// This line, which is not done.
    Refused(&'static str),
}

/// For which id of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// The line says none.
    Unsaid,
    Own,
    Other,
}

impl Host {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![2 => Just(Self::Unsaid), 1 => Just(Self::Own), 2 => Just(Self::Other)]
    }

    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Unsaid | Self::Own => PEER,
            Self::Other => OTHER,
        }
    }
}

impl Ask {
    fn any() -> impl Strategy<Value = Self> {
        let filler = prop_oneof![99 => 0..40usize, 1 => 20_000..90_000usize];
        let forward = (any::<bool>(), prop::bool::weighted(0.3), Host::any(), filler);
        prop_oneof![
            12 => forward.prop_map(|(encrypted, critical, host, filler)| Self::Forward {
                encrypted,
                critical,
                host,
                filler,
            }),
            1 => Just(Self::Refused("x:encrypt:secret\n")),
            1 => Just(Self::Refused("critical:sethost:msul1b:ekey\n")),
            1 => Just(Self::Retry),
            2 => Just(Self::Nothing),
            1 => Just(Self::CriticalNothing),
            1 => Just(Self::Stop),
        ]
    }
}

/// How lond answers one command.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reply {
    pub(super) style: Style,
    /// Bytes beyond those that name the request.
    pub(super) filler: usize,
}

impl Reply {
    fn any() -> impl Strategy<Value = Self> {
        let style = prop_oneof![
            6 => Just(Style::Plain),
            4 => Just(Style::Encrypted),
            1 => Just(Style::Malformed(Fault::NotHex)),
            1 => Just(Style::Malformed(Fault::NotWholeBlocks)),
            1 => Just(Style::Malformed(Fault::TooShort)),
            1 => Just(Style::Malformed(Fault::Newline)),
        ];
        let filler = prop_oneof![9 => 0..30usize, 1 => 100..400usize];
        (style, filler).prop_map(|(style, filler)| Self { style, filler })
    }
}

/// One event, or a few that belong together. Each [`Index`] picks among what there is at that moment.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Join {
        may_stop: bool,
    },
    Leave(Index),
    Say(Index, Vec<Ask>),
    /// A client takes some, or all, of its answers.
    Take(Index, Option<usize>),
    Connect(Index),
    /// The try or the connection breaks.
    Fail(Index),
    /// Up to so many bytes are written.
    Write(Index, usize),
    /// lond answers its oldest commands.
    Answer(Index, Vec<Reply>),
    /// Up to so many bytes of lond's arrive.
    Deliver(Index, usize),
    /// A link is connected if need be, and moves on by so many steps of the handshake, or rounds of replies.
    Serve(Index, usize),
    /// Bytes arrive out of turn.
    Unasked(Index, Vec<u8>),
    Pass(Duration),
    /// The driver comes late: so much time passes before it does what is due.
    Late(Duration),
    /// The same, and meanwhile bytes arrive on a link.
    LateToRead(Index, Duration),
    /// Time passes to just when something is due.
    PassToTimeout,
    /// The driver asks although nothing need be due.
    SpuriousTimeout,
    /// The host has left the address of a link.
    Moved(Index),
    Reconnect,
    Reconfigure(Setting, bool),
    Stop,
}

impl Step {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let one = any::<Index>;
        let bytes = || prop_oneof![Just(0), 1..30usize, 1..200_000usize];
        let amount = prop_oneof![2 => Just(None), 3 => (0..60usize).prop_map(Some)];
        let asks = prop::collection::vec(Ask::any(), 1..8);
        let replies = prop::collection::vec(Reply::any(), 1..6);
        let unasked = prop_oneof![
            Just(b"x".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"late\nword".to_vec())
        ];
        let span = || prop_oneof![0..3_000u64, 0..60_000u64, 0..700_000u64].prop_map(Duration::from_millis);
        let rarely_stop = prop::bool::weighted(0.1);
        prop_oneof![
            6 => any::<bool>().prop_map(|may_stop| Self::Join { may_stop }),
            2 => one().prop_map(Self::Leave),
            24 => (one(), asks).prop_map(|(client, asks)| Self::Say(client, asks)),
            10 => (one(), amount).prop_map(|(client, bytes)| Self::Take(client, bytes)),
            4 => one().prop_map(Self::Connect),
            2 => one().prop_map(Self::Fail),
            14 => (one(), bytes()).prop_map(|(link, most)| Self::Write(link, most)),
            14 => (one(), replies).prop_map(|(link, replies)| Self::Answer(link, replies)),
            14 => (one(), bytes()).prop_map(|(link, most)| Self::Deliver(link, most)),
            16 => (one(), 1..9usize).prop_map(|(link, rounds)| Self::Serve(link, rounds)),
            1 => (one(), unasked).prop_map(|(link, bytes)| Self::Unasked(link, bytes)),
            4 => span().prop_map(Self::Pass),
            1 => span().prop_map(Self::Late),
            1 => (one(), span()).prop_map(|(link, span)| Self::LateToRead(link, span)),
            5 => Just(Self::PassToTimeout),
            2 => one().prop_map(Self::Moved),
            2 => Just(Self::Reconnect),
            2 => (Setting::any(), any::<bool>()).prop_map(|(setting, reopen)| Self::Reconfigure(setting, reopen)),
            2 => rarely_stop.prop_map(|stop| if stop { Self::Stop } else { Self::SpuriousTimeout }),
        ]
    }
}

/// What varies of a [`Config`].
#[derive(Clone, Debug)]
pub(super) struct Setting {
    connections: usize,
    /// Links beyond those that are kept.
    more: usize,
    /// In seconds.
    idle_timeout: u32,
    pong: bool,
    pipeline: usize,
    max_reply_bytes: usize,
    /// In seconds.
    probe_interval: u32,
}

impl Setting {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let max_reply_bytes = prop_oneof![3 => Just(1 << 20), 1 => Just(120usize)];
        let probe_interval = prop_oneof![Just(0), 5..100u32];
        let links = (0..4usize, 0..5usize, 1..400u32);
        (links, any::<bool>(), 1..9usize, max_reply_bytes, probe_interval).prop_map(
            |((connections, more, idle_timeout), pong, pipeline, max_reply_bytes, probe_interval)| Self {
                connections,
                more,
                idle_timeout,
                pong,
                pipeline,
                max_reply_bytes,
                probe_interval,
            },
        )
    }

    pub(super) fn config(&self) -> Config {
        Config {
            pong: self.pong,
            connections: self.connections,
            max_connections: (self.connections + self.more).max(1),
            idle_timeout: self.idle_timeout * SECOND,
            pipeline: self.pipeline,
            max_reply_bytes: self.max_reply_bytes,
            max_client_bytes: 150,
            probe_interval: self.probe_interval * SECOND,
            ..config()
        }
    }
}

/// What lond is like from some moment on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It serves.
    Served,
    /// Nobody can connect to it.
    Refused,
    /// It accepts, and says nothing.
    Silent,
    /// This instance is stopped.
    Stopped,
}

impl Ending {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            3 => Just(Self::Served),
            1 => Just(Self::Refused),
            1 => Just(Self::Silent),
            1 => Just(Self::Stopped),
        ]
    }
}
