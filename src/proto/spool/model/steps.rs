//! What may happen.

use std::prelude::v1::*;
use std::vec::Vec;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::spool::{Limits, Shelf};

/// What a machine goes by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) limits: Limits,
    /// For what a crash leaves, and the like.
    pub(super) seed: u64,
}

impl Setting {
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let limits = (1..6usize, 1..40usize, 1..5usize, 1..5usize);
        let limits = limits.prop_map(|(window, batch_bytes, stores, removals)| Limits {
            window,
            batch_bytes,
            stores,
            removals,
        });
        (limits, any::<u64>()).prop_map(|(limits, seed)| Self { limits, seed })
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
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            12 => Just(Self::Whole),
            4 => Just(Self::Piecemeal),
            1 => Just(Self::TwoLines),
            1 => Just(Self::TooLarge),
            1 => Just(Self::NoFile),
            1 => Just(Self::Others),
        ]
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
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            16 => Just(Self::Fine),
            1 => Just(Self::Fails),
            2 => proptest::collection::vec(-2..3i8, 1..5).prop_map(Self::While),
            1 => Just(Self::Taken),
        ]
    }
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A worker puts a file there, by a name so many seconds from now.
    Appear(Kind, i8),
    /// A worker uses a name again that is on another shelf.
    AppearAgain(Index),
    /// A worker goes on writing; how much of the rest, in percent.
    Write(Index, u8),
    /// So many events reach the machine.
    Notice(usize),
    /// A client's critical requests are to be stored: what stands before the command.
    Store(Vec<&'static str>),
    /// The driver asks for so many messages, if it may.
    Ask(usize),
    /// The driver is through with a message.
    Deliver(Index),
    /// A message breaks the link.
    SetAside(Index),
    /// A link came up, or someone wants everything looked at.
    Look,
    /// An operator wants a message elsewhere; it may be on the link.
    Move(Index, Shelf, bool),
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
    pub(super) fn any() -> impl Strategy<Value = Self> {
        let one = any::<Index>;
        let front = prop_oneof![
            Just("critical:"),
            Just("critical:encrypt:"),
            Just("critical:critical:"),
            Just("critical:encrypt:critical:"),
        ];
        let shelf = prop_oneof![Just(Shelf::Queue), Just(Shelf::Held), Just(Shelf::Failed)];
        prop_oneof![
            12 => (Kind::any(), -2..3i8).prop_map(|(kind, offset)| Self::Appear(kind, offset)),
            2 => one().prop_map(Self::AppearAgain),
            4 => (one(), 0..101u8).prop_map(|(file, part)| Self::Write(file, part)),
            10 => (1..5usize).prop_map(Self::Notice),
            8 => proptest::collection::vec(front, 1..5).prop_map(Self::Store),
            14 => (1..5usize).prop_map(Self::Ask),
            12 => one().prop_map(Self::Deliver),
            3 => one().prop_map(Self::SetAside),
            5 => Just(Self::Look),
            6 => (one(), shelf, any::<bool>()).prop_map(|(file, to, busy)| Self::Move(file, to, busy)),
            2 => (0..9usize).prop_map(Self::List),
            1 => Just(Self::Summary),
            1 => Just(Self::Reconfigure),
            1 => Just(Self::Finish),
            25 => proptest::collection::vec(Luck::any(), 1..9).prop_map(Self::Work),
            10 => Just(Self::Rest),
            4 => (0..90u32).prop_map(Self::Pass),
            1 => (-9..10i8).prop_map(Self::SetClock),
            3 => Just(Self::Crash),
            1 => Just(Self::Restart),
        ]
    }
}
