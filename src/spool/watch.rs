//! Tells the spool of files that appear in the directory that is at the path, whichever that is by now: inotify, and a look
//! at everything every few minutes in case it missed one.

use std::ffi::OsStr;
use std::fs;
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
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
use tracing::{debug, warn};

use super::Job;
use super::way::{End, Way};
use crate::journal::message;

/// How often everything is looked at anyway.
const LOOK_EVERY: Duration = Duration::from_secs(300);
/// How soon to try again to watch a directory that is not there.
const RETRY: Duration = Duration::from_secs(2);
/// How often it is looked whether the path still leads to the same directory, where not all of its changes are told of.
const UNTOLD: Duration = Duration::from_secs(2);
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

    /// Passes on what appears, until another directory or none is there by that name, or this instance ends.
    fn follow(&self) -> io::Result<Option<Ended>> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let way = Way::watch(&self.path, &inotify);
        // A link to a file is made, and nothing else happens to it.
        let appear = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_ATTRIB
            | AddWatchFlags::IN_CREATE;
        let vanish = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_ONLYDIR;
        let end = End::of(&self.path)?;
        let spool = inotify.add_watch(&self.path, appear | vanish)?;
        let look_every = if way.is_whole() { LOOK_EVERY } else { UNTOLD };
        let following = Following {
            watch: self,
            spool,
            way,
        };
        // For what came before the watch began; and however much goes on, everything is looked at now and then.
        let mut look_at = Instant::now();
        loop {
            if End::of(&self.path)? != end {
                return Ok(None);
            }
            if look_at <= Instant::now() {
                look_at = Instant::now() + LOOK_EVERY;
                if self.jobs.send(Job::Look).is_err() {
                    return Ok(Some(Ended));
                }
            }
            let at_most = look_at.saturating_duration_since(Instant::now()).min(look_every);
            if let Some(ended) = following.pass_on_what_comes(&inotify, at_most)? {
                return Ok(Some(ended));
            }
        }
    }

    /// Waits for events, or for the end.
    fn wait(&self, followed: Option<(&Inotify, &Way)>, at_most: Duration) -> io::Result<Option<Ended>> {
        let mut fds = vec![PollFd::new(self.end.as_fd(), PollFlags::POLLIN)];
        if let Some((inotify, way)) = followed {
            fds.push(PollFd::new(inotify.as_fd(), PollFlags::POLLIN));
            let mounts = way.mounts.as_ref();
            fds.extend(mounts.map(|mounts| PollFd::new(mounts.as_fd(), PollFlags::POLLPRI)));
        }
        let timeout = PollTimeout::try_from(at_most).unwrap_or(PollTimeout::MAX);
        match poll(&mut fds, timeout) {
            Err(Errno::EINTR) | Ok(_) => Ok(self.end.read().is_ok().then_some(Ended)),
            Err(error) => Err(error.into()),
        }
    }
}

/// A directory that is watched.
struct Following<'a> {
    watch: &'a Watch,
    spool: WatchDescriptor,
    way: Way,
}

impl Following<'_> {
    /// Waits until something happens, or so long. The way may lead elsewhere then: what is mounted is told of once, and
    /// not again to who looked at other events first.
    fn pass_on_what_comes(&self, inotify: &Inotify, at_most: Duration) -> io::Result<Option<Ended>> {
        if let Some(ended) = self.watch.wait(Some((inotify, &self.way)), at_most)? {
            return Ok(Some(ended));
        }
        let events = match inotify.read_events() {
            Err(Errno::EAGAIN) => return Ok(None),
            events => events?,
        };
        for event in events.into_iter().filter(|event| self.is_of_the_spool(event)) {
            if let Some(ended) = self.pass_on(event)? {
                return Ok(Some(ended));
            }
        }
        Ok(None)
    }

    /// That some were missed is told of no directory.
    fn is_of_the_spool(&self, event: &InotifyEvent) -> bool {
        event.wd == self.spool || event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW)
    }

    fn pass_on(&self, event: InotifyEvent) -> io::Result<Option<Ended>> {
        let gone = AddWatchFlags::IN_DELETE_SELF | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_IGNORED;
        let job = match event.name {
            _ if event.mask.intersects(gone) => return Err(io::ErrorKind::NotFound.into()),
            Some(name) if event.mask.contains(AddWatchFlags::IN_CREATE) && !self.is_whole(&name) => {
                return Ok(None);
            }
            Some(name) => Job::Appeared(Name::from(name.as_bytes())),
            // Some were missed, or the directory's permissions are others now.
            None => Job::Look,
        };
        Ok(self.watch.jobs.send(job).is_err().then_some(Ended))
    }

    /// True if it had a content when it was made. Who writes one closes it in the end, which is told as well.
    fn is_whole(&self, name: &OsStr) -> bool {
        let metadata = fs::symlink_metadata(self.watch.path.join(name));
        metadata.is_ok_and(|metadata| metadata.len() > 0)
    }
}
