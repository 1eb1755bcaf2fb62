//! What the service manager is told while an instance runs: how things stand, and that the work is done in time.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use lonc_proto::session::State;
use tokio::sync::watch;

use crate::daemon::alarm::Alarm;
use crate::daemon::configuration::Configuration;
use crate::daemon::driver::{Question, Questions};
use crate::daemon::socket_watch::Reach;
use crate::daemon::status::Snapshot;
use crate::systemd;

/// What there is to be told: how things stand, whether clients find us, and what we go by.
type Told = (
    watch::Receiver<Snapshot>,
    watch::Receiver<Reach>,
    watch::Receiver<Configuration>,
);

/// All of it, beside what serves.
pub(super) fn begin((status, reach, configuration): Told, alarm: Alarm, driver: Questions) {
    tokio::spawn(systemd::notify_again());
    tokio::spawn(pass_on(status, reach, configuration));
    tokio::spawn(ping_watchdog(alarm, driver));
}

/// Passes each new status on, and with the first that is no longer waiting for its first try, that we are ready.
async fn pass_on(
    mut status: watch::Receiver<Snapshot>,
    mut reach: watch::Receiver<Reach>,
    mut configuration: watch::Receiver<Configuration>,
) {
    let mut ready = false;
    loop {
        {
            let snapshot = status.borrow_and_update();
            let beside = configuration.borrow_and_update().beside();
            let text = reach.borrow_and_update().with(&snapshot) + &beside;
            if ready || snapshot.status.state == State::Connecting {
                systemd::status(&text);
            } else {
                systemd::ready(&text);
                ready = true;
            }
        }
        tokio::select! {
            changed = status.changed() => if changed.is_err() { return },
            Ok(()) = reach.changed() => {}
            Ok(()) = configuration.changed() => {}
        }
    }
}

/// Pings the watchdog twice in each of its intervals, as long as the driver proves that its loop turns and its work is
/// done in time. Without a watchdog this ends at once.
async fn ping_watchdog(alarm: Alarm, driver: Questions) {
    if let Some(limit) = systemd::watchdog_limit() {
        let period = (limit / 2).max(Duration::from_millis(1));
        let alarm = Arc::new(alarm);
        let pause = || {
            let alarm = alarm.clone();
            async move { alarm.after(period).await }
        };
        let works = || async { driver.ask(Question::ProveAlive).await.unwrap_or(false) };
        ping_between(pause, works, systemd::ping_watchdog).await;
    }
}

async fn ping_between<P: Future<Output = ()>, F: Future<Output = bool>>(
    pause: impl Fn() -> P,
    mut works: impl FnMut() -> F,
    mut ping: impl FnMut(),
) {
    loop {
        if works().await {
            ping();
        }
        pause().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use std::future::pending;

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_is_pinged_while_the_work_is_done_in_time() {
        let (healthy, pings) = (Cell::new(true), Cell::new(0));
        let work = || async { healthy.get() };
        let pinging = ping_between(every_ten_seconds, work, || pings.set(pings.get() + 1));
        let watch = async {
            tokio::time::sleep(Duration::from_secs(35)).await;
            assert_eq!(pings.get(), 4);
            healthy.set(false);
            tokio::time::sleep(Duration::from_secs(100)).await;
            assert_eq!(pings.get(), 4);
            healthy.set(true);
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert_eq!(pings.get(), 5);
        };
        tokio::select! { () = pinging => unreachable!("pings never end"), () = watch => {} }
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_does_not_answer_is_not_vouched_for() {
        let pings = Cell::new(0);
        let pinging = ping_between(every_ten_seconds, pending::<bool>, || {
            pings.set(pings.get() + 1);
        });
        let _ = tokio::time::timeout(Duration::from_secs(1000), pinging).await;
        assert_eq!(pings.get(), 0);
    }

    async fn every_ten_seconds() {
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
}
