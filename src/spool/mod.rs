//! The spool: messages that must not be lost, on disk until the peer has answered them.
//!
//! What is done, and when, the machine in [`lonc_proto::spool`] decides. A thread of its own does it, so that neither
//! a slow disk nor a directory of a hundred thousand files holds up a reply. The driver gives it jobs and gets messages
//! to send. `loncctl` asks the same machine where there is no daemon.
//!
//! ```text
//!   watch (inotify) ─ Appeared, Look ────────────┐             ┌─ Messages ─► session ─► link
//!   driver ─ More, Delivered, SetAside, Store ───┼─► thread ───┤
//!   operators ─ desk ─ Errand ───────────────────┘    ▲ │      └─ Stored, Removed, RemovalsSafe, CaughtUp, Fresh
//!                                            outcomes │ ▼ operations
//!                                                     disk
//! ```

mod census;
mod clock;
mod desk;
mod disk;
mod lock;
mod log;
mod offline;
mod paths;
mod permanent_log;
mod place;
mod thread;
mod watch;
mod way;

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc;
use std::thread::Builder;
use std::time::Duration;

use lonc_proto::request::Request;
use lonc_proto::session::{MessageId, Ticket};
use lonc_proto::spool::{Asking, Config, Errand, Limits, Name};
use tokio::sync::{mpsc as channel, oneshot};
use tokio::task;
use tokio::time::timeout;

pub(crate) use lonc_proto::spool::{FromSpool, MoveError, Shelf, Summary};

pub(crate) use self::census::{census, host_of};
pub(crate) use self::desk::{Closed, Desk};
pub(crate) use self::lock::{Lock, Taken};
pub(crate) use self::offline::Offline;
use self::paths::Paths;
use self::permanent_log::PermanentLog;
use self::thread::SpoolThread;
use crate::config::Settings;

/// How long a start waits for a disk that is silent.
const SILENCE: Duration = Duration::from_secs(5);

/// What the spool is asked to do, in order.
enum Job {
    /// Look at the whole directory again.
    Look,
    /// Look whether this is a message.
    Appeared(Name),
    /// Give the next messages, up to so many.
    More(usize),
    /// It was answered.
    Delivered(MessageId),
    /// It breaks the link whenever it is sent.
    SetAside(MessageId),
    /// It is critical and cannot be sent now.
    Store(Ticket, Request),
    /// What an operator wants.
    Errand(Errand, oneshot::Sender<desk::Answer>),
    /// Go by other settings.
    Reconfigure(Box<Setup>),
    /// Say when all before this is done.
    Finish(oneshot::Sender<()>),
}

/// What the thread goes by.
struct Setup {
    config: Config,
    paths: Paths,
    log: PermanentLog,
}

impl Setup {
    fn of(settings: &Settings) -> Self {
        Self {
            config: Config {
                peer: settings.peer.to_string(),
                alike: settings.alike.iter().map(ToString::to_string).collect(),
                max_request_bytes: settings.client.max_request_bytes,
                settle: settings.spool.settle,
                pid: process::id(),
                limits: Limits::default(),
            },
            paths: Paths::new(&settings.spool_dir),
            log: PermanentLog::new(&settings.permanent_log, &settings.peer),
        }
    }
}

/// The lock of the peer's spool, unless another holds it. A disk that is silent is waited for as long as one who ends; the
/// thread of the spool takes the lock then, before it does anything else.
pub(crate) async fn claim(settings: &Settings) -> Result<Lock, Taken> {
    let (peer, queue) = (settings.peer.to_string(), settings.spool_dir.clone());
    let mut lock = Lock::new(&peer);
    let claiming = task::spawn_blocking(move || lock.await_hold(&queue).map(|()| lock));
    match timeout(SILENCE, claiming).await {
        Ok(Ok(outcome)) => outcome,
        // The disk says nothing, or the system has no thread to spare.
        Ok(Err(_)) | Err(_) => Ok(Lock::new(&peer)),
    }
}

/// The driver's end.
pub(crate) struct Spool {
    jobs: mpsc::Sender<Job>,
    desk: Desk,
    asking: Asking,
    /// Held for its end.
    _watch: watch::Control,
}

impl Spool {
    /// Starts the thread, which holds the lock, and the watch.
    pub(crate) fn start(
        settings: &Settings,
        lock: Lock,
    ) -> io::Result<(Self, channel::UnboundedReceiver<FromSpool>)> {
        let (jobs, to_do) = mpsc::channel();
        let (say, said) = channel::unbounded_channel();
        let set_aside = Arc::new(AtomicU64::new(0));
        let desk = Desk::new(jobs.clone(), set_aside.clone());
        let mut thread = SpoolThread::new(Setup::of(settings), lock, say, set_aside);
        Builder::new()
            .name("spool".to_owned())
            .spawn(move || thread.run(&to_do))?;
        let watch = watch::start(&settings.spool_dir, jobs.clone())?;
        Ok((
            Self {
                jobs,
                desk,
                asking: Asking::default(),
                _watch: watch,
            },
            said,
        ))
    }

    /// Where operators ask.
    pub(crate) fn desk(&self) -> Desk {
        self.desk.clone()
    }

    /// Has the directory looked at anew.
    pub(crate) fn look(&mut self) {
        self.asking.look();
        self.give(Job::Look);
    }

    /// Asks for more messages, unless that is under way.
    pub(crate) fn ask(&mut self, most: usize) {
        if self.asking.ask() {
            self.give(Job::More(most));
        }
    }

    /// To be called with each answer to [`Spool::ask`]; false if it was overtaken by a look.
    pub(crate) fn answered(&mut self) -> bool {
        self.asking.answered()
    }

    pub(crate) fn delivered(&self, id: MessageId) {
        self.give(Job::Delivered(id));
    }

    pub(crate) fn set_aside(&self, id: MessageId) {
        self.give(Job::SetAside(id));
    }

    pub(crate) fn store(&self, ticket: Ticket, request: Request) {
        self.give(Job::Store(ticket, request));
    }

    pub(crate) fn reconfigure(&self, settings: &Settings) {
        self.give(Job::Reconfigure(Box::new(Setup::of(settings))));
    }

    /// Ends when all that was asked for is done.
    pub(crate) async fn finish(self) {
        let (done, is_done) = oneshot::channel();
        self.give(Job::Finish(done));
        // The thread ends only after its last job.
        let _ = is_done.await;
    }

    fn give(&self, job: Job) {
        // The thread lives as long as this end does.
        let _ = self.jobs.send(job);
    }
}
