//! Signals, as orders.
//!
//! They are held from the first moment on, so that none that comes while the configuration is read does what it would do
//! to any process; and taken by a thread of its own, which a loop that hangs cannot keep from ending the process.

use std::io;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use tokio::sync::Notify;
use tracing::info;

use crate::daemon::order::Order;

/// How long the end may take that was asked for a second time: all that is left is answered in it, if nothing hangs.
const LAST: Duration = Duration::from_secs(2);

/// Those of this process.
static ARRIVED: OnceLock<Arc<Arrived>> = OnceLock::new();

/// What came and is not obeyed yet. Those of a kind that come meanwhile are one.
#[derive(Default)]
struct Arrived {
    /// Somebody obeys; before that, to stop is to end.
    is_serving: AtomicBool,
    stops: AtomicUsize,
    reload: AtomicBool,
    retry: AtomicBool,
    bell: Notify,
}

impl Arrived {
    /// True if this is to be obeyed by ending here and now.
    fn take(&self, signal: Signal) -> bool {
        if matches!(signal, Signal::SIGTERM | Signal::SIGINT) {
            return self.stop();
        }
        let flag = if signal == Signal::SIGHUP {
            &self.reload
        } else {
            &self.retry
        };
        flag.store(true, Ordering::SeqCst);
        self.bell.notify_one();
        false
    }

    fn stop(&self) -> bool {
        if !self.is_serving.load(Ordering::SeqCst) {
            return true;
        }
        let is_first = self.stops.fetch_add(1, Ordering::SeqCst) == 0;
        self.bell.notify_one();
        if !is_first {
            info!(
                "told to stop once more: this ends within {} s, whatever hangs",
                LAST.as_secs()
            );
            thread::sleep(LAST);
        }
        !is_first
    }
}

/// Takes signals from now on; to be called before any other thread starts. What comes is obeyed once somebody does, but
/// a stop at once: nothing has begun.
pub(super) fn catch() -> io::Result<()> {
    let mut all = SigSet::empty();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGUSR1] {
        all.add(signal);
    }
    all.thread_block()?;
    let arrived = Arc::clone(ARRIVED.get_or_init(Arc::default));
    let take = move || {
        loop {
            // It fails only for signals that are none.
            if let Ok(signal) = all.wait()
                && arrived.take(signal)
            {
                process::exit(0);
            }
        }
    };
    thread::Builder::new().name("signals".to_owned()).spawn(take)?;
    Ok(())
}

/// Has them obeyed.
pub(super) struct Signals {
    arrived: Arc<Arrived>,
    num_stops: usize,
}

impl Signals {
    /// From now on a stop waits for whoever asks for the next order. Where nobody caught any, none ever comes.
    pub(super) fn serve() -> Self {
        let arrived = Arc::clone(ARRIVED.get_or_init(Arc::default));
        arrived.is_serving.store(true, Ordering::SeqCst);
        Self {
            arrived,
            num_stops: 0,
        }
    }

    pub(super) async fn next(&mut self) -> Order {
        loop {
            if self.arrived.stops.load(Ordering::SeqCst) > self.num_stops {
                self.num_stops += 1;
                return Order::Stop;
            }
            if self.arrived.reload.swap(false, Ordering::SeqCst) {
                return Order::Reload(None);
            }
            if self.arrived.retry.swap(false, Ordering::SeqCst) {
                return Order::Reconnect {
                    cycle: false,
                    answer: None,
                };
            }
            self.arrived.bell.notified().await;
        }
    }
}

/// Nobody obeys any more: to stop is to end again.
impl Drop for Signals {
    fn drop(&mut self) {
        self.arrived.is_serving.store(false, Ordering::SeqCst);
    }
}
