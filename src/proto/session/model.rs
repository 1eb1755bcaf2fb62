//! Whatever happens, in whatever order: the session keeps its promises.
//!
//! `steps.rs` says what may happen, `world.rs` lets it happen and `checks.rs` compares with what was promised.

mod checks;
mod spool;
mod steps;
mod world;

use proptest::prelude::*;

use self::steps::{Ending, Setting, Step};
use self::world::World;

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_promise_is_kept(
        setting in Setting::any(),
        steps in proptest::collection::vec(Step::any(), 1..150),
        ending in Ending::any(),
    ) {
        let mut world = World::new(&setting);
        for step in &steps {
            world.take(step);
        }
        world.come_to_rest(ending);
    }
}

/// Many enough to find most faults at once; `PROPTEST_CASES` asks for more.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|cases| cases.parse().ok()).unwrap_or(300)
}
