//! What the driver is told and asked by the rest of the daemon. Orders come by the steering, which alone has the bare
//! channel; whoever only wants to know has [`Questions`].

use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use lonc_proto::session::{LinkState, MessageId};
use lonc_proto::time::Instant;
use tokio::sync::{mpsc, oneshot};

use super::clients::ClientReport;
use super::{Driver, log};
use crate::config::Settings;
use crate::daemon::status::Snapshot;
use crate::spool::Desk;
use crate::tls::Tls;

/// A deadline this far past means that the work is not done in time.
const OVERDUE: Duration = Duration::from_secs(5);

/// What the driver is told, by the steering and through [`Questions`]. Who waits for an answer may have given up.
pub(crate) enum ToDriver {
    /// Try again now, and log how things stand.
    Reconnect {
        /// Have the links that are open replaced as well.
        cycle: bool,
        /// Who wants to is told when that is done.
        answer: Option<oneshot::Sender<()>>,
    },
    /// Go by these settings; the answer is that it does.
    Reconfigure(Box<Settings>, Tls, oneshot::Sender<()>),
    /// Take this delayed message back from the link's queue; false if it is too late for that.
    Withdraw(MessageId, oneshot::Sender<bool>),
    /// Take no more clients, finish what is under way, then end; told a second time: end now.
    Drain,
    /// Answer this.
    Ask(Question),
}

/// Each is answered at once, and changes nothing; who asked may have stopped waiting.
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
    /// Does what it is told; true if it was told anything.
    pub(super) fn poll_inbox(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let Poll::Ready(word) = self.inbox.poll_recv(cx) else {
            return false;
        };
        match word {
            Some(ToDriver::Reconnect { cycle, answer }) => {
                log::status(&self.snapshot(now));
                self.retry(now);
                if cycle {
                    self.cycle(now);
                }
                let _ = answer.map(|answer| answer.send(()));
            }
            Some(ToDriver::Reconfigure(settings, tls, answer)) => {
                self.reconfigure(*settings, tls, now);
                let _ = answer.send(());
            }
            Some(ToDriver::Withdraw(id, answer)) => drop(answer.send(self.session.handle_withdraw(id, now))),
            Some(ToDriver::Ask(question)) => self.answer(question, now),
            Some(ToDriver::Drain) | None => {
                if self.drain.is_on() {
                    self.drain.hurry(now);
                }
                self.drain(now);
            }
        }
        true
    }

    /// Tries now, and looks where the peer is.
    pub(super) fn retry(&mut self, now: Instant) {
        self.session.handle_reconnect(now);
        self.moves.look_soon(now);
    }

    /// Has each open link replaced: it goes on until another is up, and what is in flight on it is finished.
    fn cycle(&mut self, now: Instant) {
        let links = self.session.status().links;
        for link in links.iter().filter(|link| link.state == LinkState::Up) {
            self.session.handle_moved(link.link, now);
        }
    }

    fn answer(&mut self, question: Question, now: Instant) {
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
        snapshot.memory = self.memory.report();
        let warning = self.settings.link.tls.expiry_warning;
        snapshot.secured = self.links.tls().is_required().then_some(warning);
        snapshot.expiries = self.links.expiries();
        snapshot
    }
}
