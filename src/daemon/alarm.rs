//! An alarm of the kernel's own.
//!
//! The runtime's timers go through a wheel: a far one wakes the process at each step of the wheel on its way, three
//! times for one of fifteen seconds. With hundreds of idle instances on a machine once is enough.

use std::future::poll_fn;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd, RawFd};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timer::{Expiration, TimerSetTimeFlags};
use nix::sys::timerfd::{ClockId, TimerFd, TimerFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Rings once for each time it is set. Needs a Tokio runtime.
pub(crate) struct Alarm(AsyncFd<Clock>);

struct Clock(TimerFd);

impl AsRawFd for Clock {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

impl Alarm {
    /// One that is not set.
    #[expect(
        deprecated,
        reason = "what came in its place is unsafe to call; a Clock keeps its descriptor as long as it lives"
    )]
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let clock = Clock(TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?);
        Ok(Self(AsyncFd::with_interest(clock, Interest::READABLE)?))
    }

    /// Has it ring after `span`, whatever was set before.
    pub(crate) fn set(&self, span: Duration) {
        // For the kernel nothing at all means never.
        let span = TimeSpec::from_duration(span.max(Duration::from_nanos(1)));
        // It refuses only what is no time.
        let _ = self
            .0
            .get_ref()
            .0
            .set(Expiration::OneShot(span), TimerSetTimeFlags::empty());
    }

    /// Ready once after it rang.
    pub(crate) fn poll_ring(&self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            // It fails only when the runtime ends, and with it all that could wait here.
            let Ok(mut ready) = ready!(self.0.poll_read_ready(cx)) else {
                return Poll::Pending;
            };
            let rang = ready.get_inner().0.wait();
            ready.clear_ready();
            if rang != Err(Errno::EAGAIN) {
                return Poll::Ready(());
            }
        }
    }

    /// Ends after `span`.
    pub(crate) async fn after(&self, span: Duration) {
        self.set(span);
        poll_fn(|cx| self.poll_ring(cx)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;
    use tokio::time::timeout;

    #[tokio::test]
    async fn rings_once_and_not_before_its_time() {
        let alarm = Alarm::new().unwrap();
        let begun = Instant::now();
        alarm.after(Duration::from_millis(30)).await;
        assert!(begun.elapsed() >= Duration::from_millis(30));
        let again = timeout(Duration::from_millis(60), poll_fn(|cx| alarm.poll_ring(cx)));
        assert!(again.await.is_err());
    }

    #[tokio::test]
    async fn what_is_set_last_counts() {
        let alarm = Alarm::new().unwrap();
        alarm.set(Duration::from_secs(3600));
        timeout(Duration::from_secs(60), alarm.after(Duration::ZERO))
            .await
            .unwrap();
        // One that rang unheard is forgotten when it is set anew.
        alarm.set(Duration::from_nanos(1));
        tokio::time::sleep(Duration::from_millis(20)).await;
        alarm.set(Duration::from_secs(3600));
        let rang = timeout(Duration::from_millis(50), poll_fn(|cx| alarm.poll_ring(cx)));
        assert!(rang.await.is_err());
    }
}
