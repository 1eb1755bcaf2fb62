//! What the control socket can reach of its instance: questions to the driver, orders to the steering, and the spool's
//! desk. Each has its time; the instance may be about to end.

use std::future::Future;
use std::time::{Duration, SystemTime};

use lonc_proto::session::MessageId;
use lonc_proto::time::Instant;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::census::Census;
use super::failure::Failure;
use crate::config::LogLevel;
use crate::daemon::configuration::Configuration;
use crate::daemon::driver::{ClientReport, Question, Questions};
use crate::daemon::order::Order;
use crate::daemon::socket_watch::SocketWatch;
use crate::daemon::status::Snapshot;
use crate::journal::LogHandle;
use crate::spool::{Closed, Desk, Summary};

/// How long whoever is asked may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a status waits for the disk.
const SUMMARY: Duration = Duration::from_millis(500);

/// The instance, seen from the control socket.
#[derive(Clone)]
pub(crate) struct Instance {
    /// Asks the driver.
    pub(crate) questions: Questions,
    /// Has something changed.
    pub(crate) orders: mpsc::Sender<Order>,
    /// Asks the spool.
    pub(crate) desk: Desk,
    /// Counts the messages of all hosts.
    pub(crate) census: Census,
    /// Looks whether clients find it.
    pub(crate) socket: SocketWatch,
    /// What the driver published last.
    pub(crate) published: watch::Receiver<Snapshot>,
    /// The log's level.
    pub(crate) level: watch::Receiver<LogLevel>,
    /// What it goes by.
    pub(crate) configuration: watch::Receiver<Configuration>,
    /// The log, which may have lost records.
    pub(crate) log: LogHandle,
    /// When it started.
    pub(crate) started: SystemTime,
}

impl Instance {
    /// How things stand now; while the instance ends, how they stood last.
    pub(super) async fn snapshot(&self) -> Snapshot {
        match self.ask(Question::Status).await {
            Ok(snapshot) => snapshot,
            Err(_) => self.published.borrow().clone(),
        }
    }

    pub(super) async fn summary(&self) -> Option<Summary> {
        timeout(SUMMARY, self.desk.summary()).await.ok()?.ok()
    }

    pub(super) async fn clients(&self) -> Result<(Vec<ClientReport>, Instant), Failure> {
        self.ask(Question::Clients).await
    }

    pub(super) async fn withdraw(&self, id: MessageId) -> Result<bool, Failure> {
        self.order(|answer| Order::Withdraw(id, answer)).await
    }

    /// Returns when the driver has begun; with `cycle` it has open links replaced as well.
    pub(super) async fn reconnect(&self, cycle: bool) -> Result<(), Failure> {
        let order = |answer| Order::Reconnect {
            cycle,
            answer: Some(answer),
        };
        self.order(order).await
    }

    /// Gives an order, and waits for what comes of it.
    pub(super) async fn order<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<T>) -> Order,
    ) -> Result<T, Failure> {
        let (answer, answered) = oneshot::channel();
        let asking = async {
            self.orders
                .send(order(answer))
                .await
                .map_err(|_| Failure::NoAnswer)?;
            answered.await.map_err(|_| Failure::NoAnswer)
        };
        in_time(asking).await
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Question) -> Result<T, Failure> {
        in_time(async { self.questions.ask(question).await.ok_or(Failure::NoAnswer) }).await
    }
}

/// The spool's answer, if it comes in time.
pub(super) async fn from_desk<T>(asking: impl Future<Output = Result<T, Closed>>) -> Result<T, Failure> {
    in_time(async { asking.await.map_err(|Closed| Failure::NoAnswer) }).await
}

async fn in_time<T>(asking: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    timeout(PATIENCE, asking).await.unwrap_or(Err(Failure::NoAnswer))
}
