//! What the driver can be asked. Nothing changes by it.

use std::time::{Duration, SystemTime};

use lonc_proto::time::Instant;
use tokio::sync::{mpsc, oneshot};

use super::clients::ClientReport;
use super::{Driver, ToDriver};
use crate::daemon::status::Snapshot;
use crate::spool::Desk;

/// A deadline this far past means that the work is not done in time.
const OVERDUE: Duration = Duration::from_secs(5);

/// Each is answered at once; who asked may have stopped waiting.
pub(crate) enum Question {
    /// How do things stand?
    Status(oneshot::Sender<Snapshot>),
    /// Who is connected? With the time it is now.
    Clients(oneshot::Sender<(Vec<ClientReport>, Instant)>),
    /// Is the work done in time?
    ProveAlive(oneshot::Sender<bool>),
}

/// The door for whoever asks.
#[derive(Clone)]
pub(crate) struct Questions(mpsc::Sender<ToDriver>);

impl Questions {
    /// Asks the driver that `words` lead to.
    pub(crate) fn new(words: mpsc::Sender<ToDriver>) -> Self {
        Self(words)
    }

    /// The driver's answer, unless it has ended.
    pub(crate) async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.0.send(ToDriver::Ask(question(answer))).await.ok()?;
        answered.await.ok()
    }
}

impl Driver {
    pub(super) fn answer(&mut self, question: Question, now: Instant) {
        match question {
            Question::Status(answer) => drop(answer.send(self.snapshot(now))),
            Question::Clients(answer) => {
                let clients = self.clients.report(self.session.client_statuses());
                drop(answer.send((clients, now)));
            }
            Question::ProveAlive(answer) => drop(answer.send(!self.is_late(now))),
        }
    }

    fn is_late(&self, now: Instant) -> bool {
        let due = self.session.poll_timeout();
        due.is_some_and(|due| now.since(due) > OVERDUE)
    }

    /// Where operators ask about delayed messages.
    pub(crate) fn desk(&self) -> Desk {
        self.spool.desk()
    }

    pub(super) fn snapshot(&self, now: Instant) -> Snapshot {
        let mut snapshot = Snapshot::new(&self.settings, self.session.status(), now, SystemTime::now());
        snapshot.draining = self.drain.is_on();
        snapshot.recent_requests = self.session.recent_requests(now);
        snapshot.remotes = self.links.remotes();
        snapshot
    }
}
