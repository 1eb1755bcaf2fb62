//! The spool: messages that must not be lost, on disk until the peer has answered them.
//!
//! A thread of its own does the work, so that neither a slow disk nor a directory of a hundred thousand files holds
//! up a reply. The driver gives it jobs and gets messages to send.
//!
//! ```text
//!   workers' files ─┐                       ┌─ Messages ─► session ─► link
//!                   ├─── disk ────► thread ─┤
//!   critical: ─ Store ─┘   ▲                └─ Stored, Removed, CaughtUp, Fresh
//!                          └─ watch (inotify): what appears
//! ```

mod desk;
mod disk;
mod errands;
mod names;
mod permanent_log;
mod shelves;
mod storing;
mod thread;
mod watch;

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::mpsc;
use std::thread::Builder;

use lonc_proto::request::Request;
use lonc_proto::session::{MessageId, Stored, Ticket};
use tokio::sync::{mpsc as channel, oneshot};

pub(crate) use self::desk::{Closed, Desk, Message, MessageState, MoveError, Shelf, Summary};
pub(crate) use self::disk::Directory;
pub(crate) use self::names::Owner;
use self::permanent_log::PermanentLog;
use self::thread::SpoolThread;
use crate::config::Settings;

/// What the spool is asked to do, in order.
enum Job {
    /// Look at the whole directory again.
    Look,
    /// Look whether this is a message.
    Appeared(std::ffi::OsString),
    /// Give the next messages, up to so many.
    More(usize),
    /// It was answered.
    Delivered(MessageId),
    /// It breaks the link whenever it is sent.
    SetAside(MessageId),
    /// It is critical and cannot be sent now.
    Store(Ticket, Request),
    /// What an operator wants.
    Errand(desk::Errand),
    /// Go by other settings.
    Reconfigure(Box<Place>),
    /// Say when all before this is done.
    Finish(oneshot::Sender<()>),
}

/// Where the spool is.
struct Place {
    directory: Directory,
    log: PermanentLog,
    settings: Settings,
}

impl Place {
    fn of(settings: &Settings) -> Self {
        let owner = Owner::new(&settings.peer, &settings.alike);
        let longest = settings.client.max_request_bytes;
        Self {
            directory: Directory::new(&settings.spool_dir, &settings.peer, owner, longest),
            log: PermanentLog::new(&settings.permanent_log),
            settings: settings.clone(),
        }
    }
}

/// What the spool has to say.
pub(crate) enum FromSpool {
    /// The next messages; at least one.
    Messages(Vec<(MessageId, Request)>),
    /// There are no more messages.
    CaughtUp,
    /// There are messages that were not asked for yet.
    Fresh,
    /// A delivered message has been dealt with.
    Removed,
    /// How storing went.
    Stored(Ticket, Stored),
}

/// The driver's end.
pub(crate) struct Spool {
    jobs: mpsc::Sender<Job>,
    desk: Desk,
    /// A request for more is under way.
    asked: bool,
    /// Its answer may not know what a later look finds.
    outdated: bool,
    /// Held for its end.
    _watch: watch::Control,
}

impl Spool {
    /// Starts the thread and the watch.
    pub(crate) fn start(settings: &Settings) -> io::Result<(Self, channel::UnboundedReceiver<FromSpool>)> {
        let (jobs, to_do) = mpsc::channel();
        let (say, said) = channel::unbounded_channel();
        let set_aside = Arc::new(AtomicU64::new(0));
        let desk = Desk::new(jobs.clone(), set_aside.clone());
        let mut thread = SpoolThread::new(Place::of(settings), say, set_aside);
        Builder::new()
            .name("spool".to_owned())
            .spawn(move || thread.run(&to_do))?;
        let watch = watch::start(&settings.spool_dir, jobs.clone())?;
        Ok((
            Self {
                jobs,
                desk,
                asked: false,
                outdated: false,
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
        self.outdated = self.asked;
        self.give(Job::Look);
    }

    /// Asks for more messages, unless that is under way.
    pub(crate) fn ask(&mut self, most: usize) {
        if !self.asked {
            self.asked = true;
            self.give(Job::More(most));
        }
    }

    /// To be called with each answer to [`Spool::ask`]; false if it was overtaken by a look.
    pub(crate) fn answered(&mut self) -> bool {
        self.asked = false;
        !std::mem::take(&mut self.outdated)
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
        self.give(Job::Reconfigure(Box::new(Place::of(settings))));
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
