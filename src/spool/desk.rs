//! The operator's desk: what is in the spool, and where a message is to go.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc;
use std::time::SystemTime;

use lonc_proto::session::MessageId;
use tokio::sync::oneshot;

use super::Job;

/// Where a message lies; the directories are beside each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shelf {
    /// `spool_dir`: it is sent when the link is up.
    Queue,
    /// `held/`: it waits until an operator has it sent.
    Held,
    /// `failed/`: it was set aside.
    Failed,
}

/// What an operator asks of the spool.
pub(super) enum Errand {
    Summary(oneshot::Sender<Summary>),
    List {
        most: usize,
        failing: Option<(MessageId, u32)>,
        answer: oneshot::Sender<io::Result<Listing>>,
    },
    Find(OsString, oneshot::Sender<Option<Found>>),
    Move {
        name: OsString,
        to: Shelf,
        /// The session has given it back.
        withdrawn: Option<MessageId>,
        answer: oneshot::Sender<Result<PathBuf, MoveError>>,
    },
}

/// How much there is, over all the peer's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Messages that are to be sent.
    pub(crate) queued: usize,
    /// When the first of them was written.
    pub(crate) oldest: Option<SystemTime>,
    pub(crate) held: usize,
    pub(crate) failed: usize,
}

/// The first messages of each shelf, in their order, and how many there are.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) messages: Vec<Message>,
    pub(crate) total: usize,
}

/// A message, as far as it can be told without its body.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) name: OsString,
    pub(crate) state: MessageState,
    /// Bytes of its file.
    pub(crate) size: u64,
    pub(crate) written: SystemTime,
    /// How often in a row it broke the link, alone on it.
    pub(crate) attempts: u32,
}

/// What a message is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageState {
    /// On disk; its turn comes.
    Waiting,
    /// Handed over to the link.
    Sending,
    /// Answered, and cannot be removed.
    Answered,
    /// Without the newline at its end.
    Unfinished,
    /// Left alone: no message, unreadable, or it cannot be set aside.
    Unusable,
    Held,
    Failed,
}

/// Where a message was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) shelf: Shelf,
    /// By this name the session has it.
    pub(crate) given: Option<MessageId>,
}

/// Why a message stays where it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MoveError {
    /// There is none of that name.
    #[error("no such message")]
    NoSuchMessage,
    /// It is on the link, or was answered just now.
    #[error("it is being sent")]
    Busy,
    /// The system refuses.
    #[error(transparent)]
    System(#[from] io::Error),
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
        self.ask(Errand::Summary).await
    }

    /// The first `most` messages; `failing` is what the session knows of their failures.
    pub(crate) async fn list(
        &self,
        most: usize,
        failing: Option<(MessageId, u32)>,
    ) -> Result<io::Result<Listing>, Closed> {
        self.ask(|answer| Errand::List {
            most,
            failing,
            answer,
        })
        .await
    }

    pub(crate) async fn find(&self, name: &OsStr) -> Result<Option<Found>, Closed> {
        self.ask(|answer| Errand::Find(name.to_owned(), answer)).await
    }

    /// Puts a message onto another shelf; where it is then. One that is there already stays.
    pub(crate) async fn put(
        &self,
        name: &OsStr,
        to: Shelf,
        withdrawn: Option<MessageId>,
    ) -> Result<Result<PathBuf, MoveError>, Closed> {
        self.ask(|answer| Errand::Move {
            name: name.to_owned(),
            to,
            withdrawn,
            answer,
        })
        .await
    }

    /// Has the whole directory looked at anew.
    pub(crate) fn look(&self) {
        // A thread that has ended looks at nothing.
        let _ = self.jobs.send(Job::Look);
    }

    async fn ask<T>(&self, errand: impl FnOnce(oneshot::Sender<T>) -> Errand) -> Result<T, Closed> {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job::Errand(errand(answer))).map_err(|_| Closed)?;
        answered.await.map_err(|_| Closed)
    }
}
