//! Whatever happens, in whatever order, whatever the disk refuses and whenever the power fails: the machine keeps its
//! promises.
//!
//! `steps.rs` says what may happen, `world.rs`, `workers.rs` and `operators.rs` let it happen, `obeying.rs` does what
//! the machine says, on the disk of `disk.rs` that forgets what was not synced; `checks.rs` compares with what was
//! promised.

mod checks;
mod disk;
mod messages;
mod obeying;
mod operators;
mod steps;
mod workers;
mod world;

use proptest::prelude::*;

use self::steps::{Setting, Step};
use self::world::World;

proptest! {
    // `PROPTEST_CASES` asks for more.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_promise_is_kept(
        setting in Setting::any(),
        steps in proptest::collection::vec(Step::any(), 1..150),
        restart in any::<bool>(),
    ) {
        let mut world = World::new(&setting);
        for step in &steps {
            world.take(step);
        }
        world.come_to_rest(restart);
    }
}
