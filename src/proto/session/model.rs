//! Whatever happens, in whatever order: the session keeps its promises.
//!
//! `steps.rs` says what may happen, `world.rs` lets it happen, `checks.rs` compares with what was promised, and
//! `accounts.rs` counts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is fuzzed is a test too"
)]

mod accounts;
mod checks;
mod spool;
mod steps;
mod world;

#[cfg(test)]
use proptest::prelude::*;

use self::steps::{Ending, Setting, Step};
use self::world::World;
#[cfg(fuzzing)]
use crate::script::Script;
#[cfg(test)]
use crate::script::scripted;

#[cfg(fuzzing)]
pub(crate) use self::spool::play as play_with_spool;

/// Lets happen what the script says.
#[cfg(fuzzing)]
pub(crate) fn play(script: &mut Script<'_>) {
    let mut world = World::new(&Setting::read(script));
    let ending = Ending::read(script);
    script.each(Step::read, |step| world.take(&step));
    world.come_to_rest(ending);
}

#[cfg(test)]
proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_promise_is_kept(
        setting in scripted(16, Setting::read),
        steps in proptest::collection::vec(scripted(64, Step::read), 1..150),
        ending in scripted(1, Ending::read),
    ) {
        let mut world = World::new(&setting);
        for step in &steps {
            world.take(step);
        }
        world.come_to_rest(ending);
    }
}

/// Many enough to find most faults at once; `PROPTEST_CASES` asks for more.
#[cfg(test)]
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(300)
}
