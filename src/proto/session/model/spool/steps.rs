//! What may happen to a session with a spool.

use std::prelude::v1::*;

use core::time::Duration;

use crate::script::{Pick, Script};
use crate::session::Stored;

#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    Plain,
    Critical,
    Nothing,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Join,
    Leave(Pick),
    Say(Pick, Vec<(Ask, bool)>),
    /// So many messages appear on disk.
    Appear(usize),
    /// The disk hands in up to so many, or says that there are none.
    HandIn(usize),
    Store(Stored),
    /// An operator takes a message away that was handed in.
    Withdraw(Pick),
    Removed,
    RemovalsSafe,
    Connect(Pick),
    Open(Pick),
    Fail(Pick),
    Write(Pick, usize),
    /// lond answers so many, with nothing in them where it says so.
    Answer(Pick, Vec<bool>),
    Pass(Duration),
    PassToTimeout,
    Reconnect,
    Reopen,
    Stop,
}

impl Step {
    pub(super) fn read(script: &mut Script<'_>) -> Self {
        match script.weighted([3, 1, 9, 5, 10, 8, 2, 10, 6, 1, 6, 3, 10, 12, 2, 2, 1, 1, 1]) {
            0 => Self::Join,
            1 => Self::Leave(script.pick()),
            2 => Self::Say(script.pick(), script.list(1..6, ask)),
            3 => Self::Appear(script.within(1..8)),
            4 => Self::HandIn(script.within(0..8)),
            5 if script.chance(20) => Self::Store(Stored::Failed),
            5 => Self::Store(Stored::Safe),
            6 => Self::Withdraw(script.pick()),
            7 => Self::Removed,
            8 => Self::RemovalsSafe,
            9 => Self::Connect(script.pick()),
            10 => Self::Open(script.pick()),
            11 => Self::Fail(script.pick()),
            12 if script.chance(50) => Self::Write(script.pick(), script.within(1..40)),
            12 => Self::Write(script.pick(), usize::MAX),
            13 => Self::Answer(script.pick(), script.list(1..8, |script| script.chance(10))),
            14 => Self::Pass(script.millis(0..400_000)),
            15 => Self::PassToTimeout,
            16 => Self::Reconnect,
            17 => Self::Reopen,
            _ if script.chance(10) => Self::Stop,
            _ => Self::Removed,
        }
    }
}

fn ask(script: &mut Script<'_>) -> (Ask, bool) {
    let ask = match script.weighted([2, 3, 1]) {
        0 => Ask::Plain,
        1 => Ask::Critical,
        _ => Ask::Nothing,
    };
    (ask, script.chance(50))
}
