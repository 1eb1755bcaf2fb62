//! The driver's clock and its one alarm.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use lonc_proto::time::Instant;
use tokio::time::{Sleep, sleep_until};

/// How far off the alarm is while nothing is due.
const FAR: Duration = Duration::from_secs(24 * 3600);

/// An alarm that is set later than it rings is left to ring: under load the deadline moves with each reply, and moving
/// the alarm along would cost more than one ring too many every few minutes.
pub(super) struct Timer {
    origin: tokio::time::Instant,
    alarm: Pin<Box<Sleep>>,
    rings: Instant,
}

impl Timer {
    pub(super) fn new() -> Self {
        let origin = tokio::time::Instant::now();
        let rings = Instant::after_origin(FAR);
        Self {
            origin,
            alarm: Box::pin(sleep_until(origin + FAR)),
            rings,
        }
    }

    /// The time, by this timer's origin.
    pub(super) fn now(&self) -> Instant {
        Instant::after_origin(self.origin.elapsed())
    }

    /// Ready once when the alarm rang.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if self.rings > now {
            return Poll::Pending;
        }
        if self.alarm.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        self.set(now + FAR);
        Poll::Ready(())
    }

    /// Has the alarm ring at `deadline` at the latest.
    pub(super) fn arm(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>) {
        if let Some(deadline) = deadline.filter(|deadline| *deadline < self.rings) {
            self.set(deadline);
        }
        if self.alarm.as_mut().poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }

    fn set(&mut self, rings: Instant) {
        self.rings = rings;
        self.alarm.as_mut().reset(self.origin + rings.since_origin());
    }
}
