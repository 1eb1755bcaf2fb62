//! Whatever happens, in whatever order, whatever the disk refuses and whenever the power fails: the machine keeps its
//! promises.
//!
//! `steps.rs` says what may happen, `world.rs`, `workers.rs` and `operators.rs` let it happen, `obeying.rs` does what
//! the machine says, on the disk of `disk.rs` that forgets what was not synced; `checks.rs` compares with what was
//! promised.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is fuzzed is a test too"
)]

mod checks;
mod disk;
mod messages;
mod obeying;
mod operators;
mod steps;
mod workers;
mod world;

#[cfg(test)]
use proptest::prelude::*;

use self::steps::{Setting, Step};
use self::world::World;
#[cfg(fuzzing)]
use crate::script::Script;
#[cfg(test)]
use crate::script::scripted;

/// Lets happen what the script says.
#[cfg(fuzzing)]
pub(crate) fn play(script: &mut Script<'_>) {
    let mut world = World::new(&Setting::read(script));
    let restart = script.chance(50);
    script.each(Step::read, |step| world.take(&step));
    world.come_to_rest(restart);
}

#[cfg(test)]
proptest! {
    // `PROPTEST_CASES` asks for more.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_promise_is_kept(
        setting in scripted(16, Setting::read),
        steps in proptest::collection::vec(scripted(64, Step::read), 1..150),
        restart in any::<bool>(),
    ) {
        let mut world = World::new(&setting);
        for step in &steps {
            world.take(step);
        }
        world.come_to_rest(restart);
    }
}
