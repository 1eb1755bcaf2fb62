//! Tells the spool of files that appear: inotify, and a look at everything every few minutes in case it missed one.

use std::io;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent};
use tracing::debug;

use super::Job;

/// How often everything is looked at anyway.
const LOOK_EVERY: Duration = Duration::from_secs(300);
/// How soon to try again to watch a directory that is not there.
const RETRY: Duration = Duration::from_secs(2);

/// Says which directory is to be watched; the watch ends with it.
pub(super) struct Control {
    path: Option<Sender<PathBuf>>,
    wake: Arc<EventFd>,
}

impl Control {
    pub(super) fn go_to(&self, path: &Path) {
        // The thread ends only after this end does.
        let _ = self.path.as_ref().map(|to| to.send(path.to_owned()));
        self.wake_up();
    }

    fn wake_up(&self) {
        if let Err(error) = self.wake.write(1) {
            debug!("the watch cannot be woken: {error}");
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.path = None;
        self.wake_up();
    }
}

pub(super) fn start(path: &Path, jobs: Sender<Job>) -> io::Result<Control> {
    let wake = Arc::new(EventFd::from_flags(
        EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK,
    )?);
    let (to, paths) = mpsc::channel();
    let mut watch = Watch {
        path: path.to_owned(),
        paths,
        wake: wake.clone(),
        jobs,
    };
    thread::Builder::new()
        .name("spool-watch".to_owned())
        .spawn(move || watch.run())?;
    Ok(Control { path: Some(to), wake })
}

struct Watch {
    path: PathBuf,
    paths: Receiver<PathBuf>,
    wake: Arc<EventFd>,
    jobs: Sender<Job>,
}

/// Why a directory is not followed any further.
enum Halt {
    /// Another one is to be watched, or the same again.
    Again,
    /// This instance ends.
    End,
}

impl Watch {
    fn run(&mut self) {
        loop {
            let halt = self.follow().unwrap_or_else(|error| {
                debug!("{}: cannot be watched: {error}", self.path.display());
                self.pause()
            });
            // Whatever was there may be another directory now.
            if matches!(halt, Halt::End) || self.jobs.send(Job::Look).is_err() {
                return;
            }
        }
    }

    /// Passes on what appears.
    fn follow(&mut self) -> io::Result<Halt> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let appear = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_ATTRIB;
        let vanish = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_ONLYDIR;
        inotify.add_watch(&self.path, appear | vanish)?;
        // For what came before the watch began.
        let mut job = Some(Job::Look);
        loop {
            if let Some(job) = job.take()
                && self.jobs.send(job).is_err()
            {
                return Ok(Halt::End);
            }
            if !self.wait(Some(&inotify), LOOK_EVERY)? {
                job = Some(Job::Look);
            }
            if let Some(halt) = self.heed_control() {
                return Ok(halt);
            }
            match inotify.read_events() {
                Err(Errno::EAGAIN) => {}
                Err(error) => return Err(error.into()),
                Ok(events) => {
                    for event in events {
                        if let Some(halt) = self.pass_on(event) {
                            return halt;
                        }
                    }
                }
            }
        }
    }

    fn pass_on(&self, event: InotifyEvent) -> Option<io::Result<Halt>> {
        let gone = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_IGNORED;
        let job = match event.name {
            _ if event.mask.intersects(gone) => return Some(Err(io::ErrorKind::NotFound.into())),
            Some(name) => Job::Appeared(name),
            // Some were missed, or the directory's permissions are others now.
            None => Job::Look,
        };
        self.jobs.send(job).is_err().then_some(Ok(Halt::End))
    }

    /// Waits before the next try, or for other orders.
    fn pause(&mut self) -> Halt {
        if let Err(error) = self.wait(None, RETRY) {
            debug!("the watch cannot wait: {error}");
            thread::sleep(RETRY);
        }
        self.heed_control().unwrap_or(Halt::Again)
    }

    /// Waits for events or a word of the control; false if neither came in time.
    fn wait(&self, inotify: Option<&Inotify>, at_most: Duration) -> io::Result<bool> {
        let mut fds = vec![PollFd::new(self.wake.as_fd(), PollFlags::POLLIN)];
        fds.extend(inotify.map(|inotify| PollFd::new(inotify.as_fd(), PollFlags::POLLIN)));
        let timeout = PollTimeout::try_from(at_most).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, timeout) {
            Err(Errno::EINTR) => Ok(true),
            polled => Ok(polled? > 0),
        }
    }

    fn heed_control(&mut self) -> Option<Halt> {
        // Whether it was this that woke us is of no interest.
        let _ = self.wake.read();
        match self.paths.try_recv() {
            Ok(path) => {
                self.path = path;
                Some(Halt::Again)
            }
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Halt::End),
        }
    }
}
