//! What happened in runs, in numbers.

use std::fmt;
use std::ops::AddAssign;

use lonc_proto::session::Event as Told;

use crate::time::{HOUR, Micros};

macro_rules! stats {
    ($($name:ident: $words:literal),+ $(,)?) => {
        /// Counts, added up over runs.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub(crate) struct Stats {
            /// Time that was simulated.
            pub(crate) time: Micros,
            $(pub(crate) $name: u64),+
        }

        impl AddAssign for Stats {
            fn add_assign(&mut self, other: Self) {
                self.time += other.time;
                $(self.$name += other.$name;)+
            }
        }

        impl fmt::Display for Stats {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{}.{} hours", self.time / HOUR, self.time % HOUR * 10 / HOUR)?;
                $(write!(out, ", {} {}", self.$name, $words)?;)+
                Ok(())
            }
        }
    };
}

stats! {
    runs: "runs",
    steps: "steps",
    asked: "requests of workers",
    answers: "answers",
    files: "messages left on disk",
    carried: "carried out by lond",
    repeated: "of them again",
    delivered: "delivered from disk",
    held: "held back",
    set_aside: "set aside",
    faults: "faults",
    kills: "kills",
    power_cuts: "power cuts",
    links_up: "links opened",
    links_lost: "links lost",
    tries_failed: "tries failed",
}

impl Stats {
    pub(crate) fn count(&mut self, event: &Told) {
        self.links_up += u64::from(matches!(event, Told::LinkUp { .. }));
        self.links_lost += u64::from(matches!(event, Told::LinkLost { .. }));
        self.tries_failed += u64::from(matches!(event, Told::TryFailed { .. }));
    }
}
