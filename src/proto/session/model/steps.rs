//! What may happen.

use std::prelude::v1::*;

use core::time::Duration;

use crate::script::{Pick, Script};
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
    fn read(script: &mut Script<'_>) -> Self {
        script.one_of([Self::Unsaid, Self::Unsaid, Self::Own, Self::Other, Self::Other])
    }

    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Unsaid | Self::Own => PEER,
            Self::Other => OTHER,
        }
    }
}

impl Ask {
    fn read(script: &mut Script<'_>) -> Self {
        match script.weighted([12, 1, 1, 1, 2, 1, 1]) {
            0 => Self::Forward {
                encrypted: script.chance(50),
                critical: script.chance(30),
                host: Host::read(script),
                filler: if script.chance(1) {
                    script.within(20_000..90_000)
                } else {
                    script.within(0..40)
                },
            },
            1 => Self::Refused("x:encrypt:secret\n"),
            2 => Self::Refused("critical:sethost:msul1b:ekey\n"),
            3 => Self::Retry,
            4 => Self::Nothing,
            5 => Self::CriticalNothing,
            _ => Self::Stop,
        }
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
    fn read(script: &mut Script<'_>) -> Self {
        let style = match script.weighted([6, 4, 1, 1, 1, 1]) {
            0 => Style::Plain,
            1 => Style::Encrypted,
            2 => Style::Malformed(Fault::NotHex),
            3 => Style::Malformed(Fault::NotWholeBlocks),
            4 => Style::Malformed(Fault::TooShort),
            _ => Style::Malformed(Fault::Newline),
        };
        let filler = if script.chance(10) {
            script.within(100..400)
        } else {
            script.within(0..30)
        };
        Self { style, filler }
    }
}

/// One event, or a few that belong together. Each [`Pick`] is among what there is at that moment.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Join {
        may_stop: bool,
    },
    Leave(Pick),
    Say(Pick, Vec<Ask>),
    /// A client takes some, or all, of its answers.
    Take(Pick, Option<usize>),
    Connect(Pick),
    /// The try or the connection breaks.
    Fail(Pick),
    /// Up to so many bytes are written.
    Write(Pick, usize),
    /// lond answers its oldest commands.
    Answer(Pick, Vec<Reply>),
    /// Up to so many bytes of lond's arrive.
    Deliver(Pick, usize),
    /// A link is connected if need be, and moves on by so many steps of the handshake, or rounds of replies.
    Serve(Pick, usize),
    /// Bytes arrive out of turn.
    Unasked(Pick, &'static str),
    Pass(Duration),
    /// The driver comes late: so much time passes before it does what is due.
    Late(Duration),
    /// The same, and meanwhile bytes arrive on a link.
    LateToRead(Pick, Duration),
    /// Time passes to just when something is due.
    PassToTimeout,
    /// The driver asks although nothing need be due.
    SpuriousTimeout,
    /// The host has left the address of a link.
    Moved(Pick),
    Reconnect,
    Reconfigure(Setting, bool),
    Stop,
}

impl Step {
    pub(super) fn read(script: &mut Script<'_>) -> Self {
        match script.weighted([6, 2, 24, 10, 4, 2, 14, 14, 14, 16, 1, 4, 1, 1, 5, 2, 2, 2, 2]) {
            0 => Self::Join {
                may_stop: script.chance(50),
            },
            1 => Self::Leave(script.pick()),
            2 => Self::Say(script.pick(), script.list(1..8, Ask::read)),
            3 => Self::Take(script.pick(), script.chance(60).then(|| script.within(0..60))),
            4 => Self::Connect(script.pick()),
            5 => Self::Fail(script.pick()),
            6 => Self::Write(script.pick(), num_bytes(script)),
            7 => Self::Answer(script.pick(), script.list(1..6, Reply::read)),
            8 => Self::Deliver(script.pick(), num_bytes(script)),
            9 => Self::Serve(script.pick(), script.within(1..9)),
            10 => Self::Unasked(script.pick(), script.one_of(["x", "\n", "late\nword"])),
            11 => Self::Pass(span(script)),
            12 => Self::Late(span(script)),
            13 => Self::LateToRead(script.pick(), span(script)),
            14 => Self::PassToTimeout,
            15 => Self::Moved(script.pick()),
            16 => Self::Reconnect,
            17 => Self::Reconfigure(Setting::read(script), script.chance(50)),
            _ if script.chance(10) => Self::Stop,
            _ => Self::SpuriousTimeout,
        }
    }
}

fn num_bytes(script: &mut Script<'_>) -> usize {
    match script.within(0..3) {
        0 => 0,
        1 => script.within(1..30),
        _ => script.within(1..200_000),
    }
}

fn span(script: &mut Script<'_>) -> Duration {
    let most = script.one_of([3_000, 60_000, 700_000]);
    script.millis(0..most)
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
    pub(super) fn read(script: &mut Script<'_>) -> Self {
        Self {
            connections: script.within(0..4),
            more: script.within(0..5),
            idle_timeout: script.seconds(1..400),
            pong: script.chance(50),
            pipeline: script.within(1..9),
            max_reply_bytes: script.one_of([1 << 20, 1 << 20, 1 << 20, 120]),
            probe_interval: if script.chance(50) {
                script.seconds(5..100)
            } else {
                0
            },
        }
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
    pub(super) fn read(script: &mut Script<'_>) -> Self {
        match script.weighted([3, 1, 1, 1]) {
            0 => Self::Served,
            1 => Self::Refused,
            2 => Self::Silent,
            _ => Self::Stopped,
        }
    }
}
