//! What may happen.

use std::prelude::v1::*;

use crate::script::{Pick, Script};
use crate::spool::{Limits, Shelf};

/// What a machine goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) limits: Limits,
    /// For what a crash leaves, and the like.
    pub(super) seed: u64,
}

impl Setting {
    pub(super) fn read(script: &mut Script<'_>) -> Self {
        Self {
            limits: Limits {
                window: script.within(1..6),
                batch_bytes: script.within(1..40),
                stores: script.within(1..5),
                removals: script.within(1..5),
            },
            seed: script.within(0..1 << 32) as u64,
        }
    }
}

/// What a worker puts there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A message, there at once.
    Whole,
    /// A message, written piece by piece.
    Piecemeal,
    /// Two lines.
    TwoLines,
    /// More than a request may have.
    TooLarge,
    /// A directory, a link.
    NoFile,
    /// A message of another peer.
    Others,
}

impl Kind {
    fn read(script: &mut Script<'_>) -> Self {
        match script.weighted([12, 4, 1, 1, 1, 1]) {
            0 => Self::Whole,
            1 => Self::Piecemeal,
            2 => Self::TwoLines,
            3 => Self::TooLarge,
            4 => Self::NoFile,
            _ => Self::Others,
        }
    }
}

/// How the next operation goes.
#[derive(Clone, Debug)]
pub(super) enum Luck {
    Fine,
    /// It does nothing, or a part, and says so.
    Fails,
    /// Files appear meanwhile; their names are so many seconds from now.
    While(Vec<i8>),
    /// A file appears just before where another is to be placed.
    Taken,
}

impl Luck {
    fn read(script: &mut Script<'_>) -> Self {
        match script.weighted([16, 1, 2, 1]) {
            0 => Self::Fine,
            1 => Self::Fails,
            2 => Self::While(script.list(1..5, offset)),
            _ => Self::Taken,
        }
    }
}

/// A few seconds before or after now.
fn offset(script: &mut Script<'_>) -> i8 {
    script.one_of([0, 1, 2, -1, -2])
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A worker puts a file there, by a name so many seconds from now.
    Appear(Kind, i8),
    /// A worker uses a name again that is on another shelf.
    AppearAgain(Pick),
    /// A worker goes on writing; how much of the rest, in percent.
    Write(Pick, u8),
    /// So many events reach the machine.
    Notice(usize),
    /// A client's critical requests are to be stored: what stands before the command.
    Store(Vec<&'static str>),
    /// The driver asks for so many messages, if it may.
    Ask(usize),
    /// The driver is through with a message.
    Deliver(Pick),
    /// A message breaks the link.
    SetAside(Pick),
    /// A link came up, or someone wants everything looked at.
    Look,
    /// An operator wants a message elsewhere; it may be on the link.
    Move(Pick, Shelf, bool),
    /// An operator looks.
    List(usize),
    Summary,
    Reconfigure,
    Finish,
    /// Operations are done.
    Work(Vec<Luck>),
    /// All there is to do is done, and well.
    Rest,
    /// In seconds.
    Pass(u32),
    /// The clock that may be set is.
    SetClock(i8),
    /// The power fails, and comes back.
    Crash,
    /// The process ends, and another begins.
    Restart,
}

impl Step {
    pub(super) fn read(script: &mut Script<'_>) -> Self {
        const FRONTS: [&str; 4] = [
            "critical:",
            "critical:encrypt:",
            "critical:critical:",
            "critical:encrypt:critical:",
        ];
        match script.weighted([12, 2, 4, 10, 8, 14, 12, 3, 5, 6, 2, 1, 1, 1, 25, 10, 4, 1, 3, 1]) {
            0 => Self::Appear(Kind::read(script), offset(script)),
            1 => Self::AppearAgain(script.pick()),
            2 => Self::Write(script.pick(), script.small(0..101)),
            3 => Self::Notice(script.within(1..5)),
            4 => Self::Store(script.list(1..5, |script| script.one_of(FRONTS))),
            5 => Self::Ask(script.within(1..5)),
            6 => Self::Deliver(script.pick()),
            7 => Self::SetAside(script.pick()),
            8 => Self::Look,
            9 => {
                let to = script.one_of([Shelf::Queue, Shelf::Held, Shelf::Failed]);
                Self::Move(script.pick(), to, script.chance(50))
            }
            10 => Self::List(script.within(0..9)),
            11 => Self::Summary,
            12 => Self::Reconfigure,
            13 => Self::Finish,
            14 => Self::Work(script.list(1..9, Luck::read)),
            15 => Self::Rest,
            16 => Self::Pass(script.seconds(0..90)),
            17 => Self::SetClock(script.small(0..19).cast_signed() - 9),
            18 => Self::Crash,
            _ => Self::Restart,
        }
    }
}
