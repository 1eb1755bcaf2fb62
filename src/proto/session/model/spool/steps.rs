//! What may happen to a session with a spool.

use std::prelude::v1::*;

use core::time::Duration;
use proptest::prelude::*;
use proptest::sample::Index;

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
    Leave(Index),
    Say(Index, Vec<(Ask, bool)>),
    /// So many messages appear on disk.
    Appear(usize),
    /// The disk hands in up to so many, or says that there are none.
    HandIn(usize),
    Store(Stored),
    /// An operator takes a message away that was handed in.
    Withdraw(Index),
    Removed,
    RemovalsSafe,
    Connect(Index),
    Open(Index),
    Fail(Index),
    Write(Index, usize),
    /// lond answers so many, with nothing in them where it says so.
    Answer(Index, Vec<bool>),
    Pass(Duration),
    PassToTimeout,
    Reconnect,
    Reopen,
    Stop,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let one = any::<Index>;
    let ask = prop_oneof![2 => Just(Ask::Plain), 3 => Just(Ask::Critical), 1 => Just(Ask::Nothing)];
    let asks = proptest::collection::vec((ask, any::<bool>()), 1..6);
    let empty = proptest::collection::vec(prop::bool::weighted(0.1), 1..8);
    let stored = prop_oneof![4 => Just(Stored::Safe), 1 => Just(Stored::Failed)];
    prop_oneof![
        3 => Just(Step::Join),
        1 => one().prop_map(Step::Leave),
        9 => (one(), asks).prop_map(|(one, asks)| Step::Say(one, asks)),
        5 => (1..8usize).prop_map(Step::Appear),
        10 => (0..8usize).prop_map(Step::HandIn),
        8 => stored.prop_map(Step::Store),
        2 => one().prop_map(Step::Withdraw),
        10 => Just(Step::Removed),
        6 => Just(Step::RemovalsSafe),
        1 => one().prop_map(Step::Connect),
        6 => one().prop_map(Step::Open),
        3 => one().prop_map(Step::Fail),
        10 => (one(), prop_oneof![Just(usize::MAX), 1..40usize]).prop_map(|(one, most)| Step::Write(one, most)),
        12 => (one(), empty).prop_map(|(one, empty)| Step::Answer(one, empty)),
        2 => (0..400_000u64).prop_map(|millis| Step::Pass(Duration::from_millis(millis))),
        2 => Just(Step::PassToTimeout),
        1 => Just(Step::Reconnect),
        1 => Just(Step::Reopen),
        1 => prop::bool::weighted(0.1).prop_map(|stop| if stop { Step::Stop } else { Step::Removed }),
    ]
}
