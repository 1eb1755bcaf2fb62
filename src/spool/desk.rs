//! The operator's desk: what is in the spool, and where a message is to go.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;

use lonc_proto::session::MessageId;
use lonc_proto::spool::{Errand, Fault, Found, Listing, MoveError, Name, Reply, Shelf, Summary};
use tokio::sync::oneshot;

use super::Job;
use super::paths::Paths;

/// What the machine has to say to an operator.
pub(super) struct Answer {
    pub(super) reply: Reply,
    /// Where it was when it said so.
    pub(super) paths: Paths,
}

/// The spool's thread has ended.
#[derive(Debug)]
pub(crate) struct Closed;

/// Asks the spool's thread; a slow disk delays the answer and nothing else.
#[derive(Clone)]
pub(crate) struct Desk {
    jobs: mpsc::Sender<Job>,
    set_aside: Arc<AtomicU64>,
}

impl Desk {
    pub(super) fn new(jobs: mpsc::Sender<Job>, set_aside: Arc<AtomicU64>) -> Self {
        Self { jobs, set_aside }
    }

    /// Messages that this instance set aside since its start.
    pub(crate) fn set_aside(&self) -> u64 {
        self.set_aside.load(Relaxed)
    }

    pub(crate) async fn summary(&self) -> Result<Summary, Closed> {
        self.ask(Errand::Summary, Reply::summary).await.map(|(it, _)| it)
    }

    /// The first `most` messages; `failing` is what the session knows of their failures.
    pub(crate) async fn list(
        &self,
        most: usize,
        failing: Option<(MessageId, u32)>,
    ) -> Result<Result<Listing, Fault>, Closed> {
        let (mut listing, _) = self.ask(Errand::List { most, failing }, Reply::listing).await?;
        Ok(listing.fault.take().map_or(Ok(listing), Err))
    }

    pub(crate) async fn find(&self, name: &OsStr) -> Result<Option<Found>, Closed> {
        let errand = Errand::Find(Name::from(name.as_bytes()));
        self.ask(errand, Reply::found).await.map(|(it, _)| it)
    }

    /// Puts a message onto another shelf; where it is then. One that is there already stays.
    pub(crate) async fn put(
        &self,
        name: &OsStr,
        to: Shelf,
        withdrawn: Option<MessageId>,
    ) -> Result<Result<PathBuf, MoveError>, Closed> {
        let name = Name::from(name.as_bytes());
        let errand = Errand::Move { name, to, withdrawn };
        let (moved, paths) = self.ask(errand, Reply::moved).await?;
        Ok(moved.map(|place| paths.place(&place)))
    }

    /// Has the whole directory looked at anew.
    pub(crate) fn look(&self) {
        // A thread that has ended looks at nothing.
        let _ = self.jobs.send(Job::Look);
    }

    async fn ask<T>(
        &self,
        errand: Errand,
        of: impl FnOnce(Reply) -> Option<T>,
    ) -> Result<(T, Paths), Closed> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job::Errand(errand, answer)).map_err(|_| Closed)?;
        let Answer { reply, paths } = answered.await.map_err(|_| Closed)?;
        of(reply).map(|it| (it, paths)).ok_or(Closed)
    }
}
