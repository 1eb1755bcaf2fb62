//! What the control socket asks of the driver.

use std::time::SystemTime;

use lonc_proto::session::MessageId;
use lonc_proto::time::Instant;
use tokio::sync::oneshot;

use super::Driver;
use super::clients::ClientReport;
use crate::daemon::link::Link;
use crate::daemon::status::Snapshot;
use crate::spool::Desk;

/// Each is answered at once; who asked may have stopped waiting.
pub(crate) enum Question {
    /// How do things stand?
    Status(oneshot::Sender<Snapshot>),
    /// Who is connected? With the time it is now.
    Clients(oneshot::Sender<(Vec<ClientReport>, Instant)>),
    /// Take this delayed message back from the link's queue; false if it is too late for that.
    Withdraw(MessageId, oneshot::Sender<bool>),
}

impl Driver {
    pub(super) fn answer(&mut self, question: Question, now: Instant) {
        match question {
            Question::Status(answer) => drop(answer.send(self.snapshot(now))),
            Question::Clients(answer) => {
                let clients = self.clients.report(self.session.client_statuses());
                drop(answer.send((clients, now)));
            }
            Question::Withdraw(id, answer) => drop(answer.send(self.session.withdraw(id, now))),
        }
    }

    /// Where operators ask about delayed messages.
    pub(crate) fn desk(&self) -> Desk {
        self.spool.desk()
    }

    pub(super) fn snapshot(&self, now: Instant) -> Snapshot {
        let mut snapshot = Snapshot::new(&self.settings, self.session.status(), now, SystemTime::now());
        snapshot.draining = self.drain.is_on();
        snapshot.recent_requests = self.session.recent_requests(now);
        snapshot.ends = self.links.iter().map(Link::end).collect();
        snapshot
    }
}
