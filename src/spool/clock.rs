//! The clocks that the machine goes by.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use lonc_proto::spool::Now;
use lonc_proto::time;

pub(super) struct Clock {
    origin: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        Self {
            origin: Instant::now(),
        }
    }

    pub(super) fn now(&self) -> Now {
        let today = SystemTime::now().duration_since(UNIX_EPOCH);
        Now {
            instant: time::Instant::after_origin(self.origin.elapsed()),
            epoch: today.unwrap_or_default().as_secs(),
        }
    }
}
