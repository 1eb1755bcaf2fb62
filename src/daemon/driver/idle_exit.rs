//! The end of an instance that nobody needs, where the next client starts another.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lonc_proto::time::Instant;
use tracing::{info, warn};

use super::Driver;
use crate::journal::message;
use crate::spool::{Closed, Desk, Summary};

/// A question to the spool's thread.
type Asked = Pin<Box<dyn Future<Output = Result<Summary, Closed>> + Send>>;

/// Waits until nothing was to be done for long enough, then asks the disk for the last word: whether something lies
/// there that is to be sent.
#[derive(Default)]
pub(super) struct IdleExit {
    /// The socket stays when we go, and whoever holds it starts the next instance.
    is_restarted: bool,
    /// Since when nothing is to be done.
    since: Option<Instant>,
    asked: Option<Asked>,
}

impl IdleExit {
    pub(super) fn new(is_restarted: bool) -> Self {
        Self {
            is_restarted,
            ..Self::default()
        }
    }

    /// Warns where `daemon.idle_exit` is `after` and cannot be heeded.
    pub(super) fn check(&self, after: Duration) {
        if !self.is_restarted && !after.is_zero() {
            warn!(
                MESSAGE_ID = message::CONFIG_WARNING,
                "daemon.idle_exit is not heeded: the socket is our own, so nobody would start the next instance"
            );
        }
    }

    /// Ready when it is to end.
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        at_rest: bool,
        after: Duration,
        desk: &Desk,
        now: Instant,
    ) -> Poll<()> {
        if !self.is_restarted || !at_rest || after.is_zero() {
            (self.since, self.asked) = (None, None);
            return Poll::Pending;
        }
        let since = *self.since.get_or_insert(now);
        if now < since + after {
            return Poll::Pending;
        }
        let asked = self.asked.get_or_insert_with(|| {
            let desk = desk.clone();
            Box::pin(async move { desk.summary().await })
        });
        let summary = ready!(asked.as_mut().poll(cx));
        self.asked = None;
        if summary.is_ok_and(|summary| summary.queued == 0) {
            return Poll::Ready(());
        }
        self.since = Some(now);
        Poll::Pending
    }

    /// When to look again. An answer of the disk wakes us by itself.
    pub(super) fn deadline(&self, after: Duration) -> Option<Instant> {
        let since = self.since.filter(|_| self.asked.is_none())?;
        Some(since + after)
    }
}

impl Driver {
    /// Begins to drain where nobody has needed this instance for long. Whoever was accepted is seen here, and from the
    /// drain on nobody is.
    pub(super) fn poll_idle_exit(&mut self, cx: &mut Context<'_>, now: Instant) {
        let after = self.settings.daemon.idle_exit;
        let at_rest = !self.drain.is_on() && self.session.is_at_rest();
        let desk = self.spool.desk();
        if self.idle_exit.poll(cx, at_rest, after, &desk, now).is_ready() {
            let after = humantime::format_duration(after);
            info!(
                MESSAGE_ID = message::STOPPING,
                "nobody came and nothing was to be sent for {after}: this instance ends, the next client starts another"
            );
            self.drain(now);
        }
    }
}
