//! Waiting for a condition.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// After this a condition is taken never to come true.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `probe` gives something.
pub fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(5));
    }
}

/// Waits until `holds`.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}

/// Tells threads to end, also where the test that began them fails: it would wait for them forever.
#[derive(Default)]
pub struct Stop(AtomicBool);

impl Stop {
    /// Whether they are to end.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// They are when this is dropped.
    pub fn at_last(&self) -> impl Drop + '_ {
        struct AtLast<'a>(&'a AtomicBool);
        impl Drop for AtLast<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::SeqCst);
            }
        }
        AtLast(&self.0)
    }
}
