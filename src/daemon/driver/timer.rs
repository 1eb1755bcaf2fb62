//! The driver's clock and its one alarm.

use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use lonc_proto::time::Instant;

use crate::daemon::alarm::Alarm;

/// When the alarm rings while nothing is due.
const FAR: Duration = Duration::from_secs(24 * 3600);

/// An alarm that is set later than it rings is left to ring: under load the deadline moves with each reply, and moving
/// the alarm along would cost more than one ring too many every few minutes.
pub(super) struct Timer {
    origin: tokio::time::Instant,
    alarm: Alarm,
    rings: Instant,
}

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            origin: tokio::time::Instant::now(),
            alarm: Alarm::new()?,
            rings: Instant::after_origin(FAR),
        })
    }

    /// The time, by this timer's origin.
    pub(super) fn now(&self) -> Instant {
        Instant::after_origin(self.origin.elapsed())
    }

    /// Whether it is time for the alarm, heard or not.
    pub(super) fn is_past(&self, now: Instant) -> bool {
        self.rings <= now
    }

    /// Ready once when the alarm rang.
    pub(super) fn poll_due(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        if !self.is_past(now) {
            return Poll::Pending;
        }
        if self.alarm.poll_ring(cx).is_pending() {
            return Poll::Pending;
        }
        self.set(now + FAR, now);
        Poll::Ready(())
    }

    /// Has the alarm ring at `deadline` at the latest.
    pub(super) fn arm(&mut self, cx: &mut Context<'_>, deadline: Option<Instant>, now: Instant) {
        if let Some(deadline) = deadline.filter(|deadline| *deadline < self.rings) {
            self.set(deadline, now);
        }
        if self.alarm.poll_ring(cx).is_ready() {
            // The deadline has passed by now, and the ring was used up by looking.
            self.set(now, now);
            cx.waker().wake_by_ref();
        }
    }

    fn set(&mut self, rings: Instant, now: Instant) {
        self.rings = rings;
        self.alarm.set(rings.since(now));
    }
}
