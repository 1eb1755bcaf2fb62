//! Tells the spool of files that appear: inotify, and a look at everything every few minutes in case it missed one.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use lonc_proto::spool::Name;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent};
use tracing::{debug, warn};

use super::Job;
use crate::journal::message;

/// How often everything is looked at anyway.
const LOOK_EVERY: Duration = Duration::from_secs(300);
/// How soon to try again to watch a directory that is not there.
const RETRY: Duration = Duration::from_secs(2);
/// How often everything is looked at while the system lets nobody watch more: there may be hundreds of us.
const UNWATCHED: Duration = Duration::from_secs(30);

/// The watch ends with it.
pub(super) struct Control {
    end: Arc<EventFd>,
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Err(error) = self.end.write(1) {
            debug!("the watch cannot be ended: {error}");
        }
    }
}

pub(super) fn start(path: &Path, jobs: Sender<Job>) -> io::Result<Control> {
    let end = Arc::new(EventFd::from_flags(
        EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK,
    )?);
    let watch = Watch {
        path: path.to_owned(),
        end: end.clone(),
        jobs,
    };
    thread::Builder::new()
        .name("spool-watch".to_owned())
        .spawn(move || watch.run())?;
    Ok(Control { end })
}

struct Watch {
    path: PathBuf,
    end: Arc<EventFd>,
    jobs: Sender<Job>,
}

/// This instance ends.
struct Ended;

/// True if the system has no more watches to give.
fn at_a_limit(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(errno, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOSPC))
}

impl Watch {
    fn run(&self) {
        let mut told = false;
        // Each time round there may be another directory by that name.
        while self.jobs.send(Job::Look).is_ok() {
            let followed = self.follow().or_else(|error| {
                debug!("{}: cannot be watched: {error}", self.path.display());
                if !at_a_limit(&error) {
                    return self.wait(None, RETRY);
                }
                if !std::mem::replace(&mut told, true) {
                    self.tell_limit(&error);
                }
                self.wait(None, UNWATCHED)
            });
            match followed {
                Ok(Some(Ended)) => return,
                Ok(None) => {}
                Err(error) => {
                    debug!("the watch cannot wait: {error}");
                    thread::sleep(RETRY);
                }
            }
        }
    }

    fn tell_limit(&self, error: &io::Error) {
        warn!(
            MESSAGE_ID = message::SPOOL,
            LONC_ERROR = %error,
            "{}: cannot be watched ({error}): messages that workers put there while the link is up are sent within \
             {} s only; raise fs.inotify.max_user_instances",
            self.path.display(),
            UNWATCHED.as_secs()
        );
    }

    /// Passes on what appears, until the directory is gone or this instance ends.
    fn follow(&self) -> io::Result<Option<Ended>> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let appear = AddWatchFlags::IN_CLOSE_WRITE | AddWatchFlags::IN_MOVED_TO | AddWatchFlags::IN_ATTRIB;
        let vanish = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_ONLYDIR;
        inotify.add_watch(&self.path, appear | vanish)?;
        // For what came before the watch began; and however much goes on, everything is looked at now and then.
        let mut look_at = Instant::now();
        loop {
            if look_at <= Instant::now() {
                look_at = Instant::now() + LOOK_EVERY;
                if self.jobs.send(Job::Look).is_err() {
                    return Ok(Some(Ended));
                }
            }
            if let Some(ended) =
                self.wait(Some(&inotify), look_at.saturating_duration_since(Instant::now()))?
            {
                return Ok(Some(ended));
            }
            match inotify.read_events() {
                Err(Errno::EAGAIN) => {}
                Err(error) => return Err(error.into()),
                Ok(events) => {
                    for event in events {
                        if let Some(ended) = self.pass_on(event)? {
                            return Ok(Some(ended));
                        }
                    }
                }
            }
        }
    }

    fn pass_on(&self, event: InotifyEvent) -> io::Result<Option<Ended>> {
        let gone = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_IGNORED;
        let job = match event.name {
            _ if event.mask.intersects(gone) => return Err(io::ErrorKind::NotFound.into()),
            Some(name) => Job::Appeared(Name::from(name.as_bytes())),
            // Some were missed, or the directory's permissions are others now.
            None => Job::Look,
        };
        Ok(self.jobs.send(job).is_err().then_some(Ended))
    }

    /// Waits for events, or for the end.
    fn wait(&self, inotify: Option<&Inotify>, at_most: Duration) -> io::Result<Option<Ended>> {
        let mut fds = vec![PollFd::new(self.end.as_fd(), PollFlags::POLLIN)];
        fds.extend(inotify.map(|inotify| PollFd::new(inotify.as_fd(), PollFlags::POLLIN)));
        let timeout = PollTimeout::try_from(at_most).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, timeout) {
            Err(Errno::EINTR) | Ok(_) => Ok(self.end.read().is_ok().then_some(Ended)),
            Err(error) => Err(error.into()),
        }
    }
}
