//! Whether clients still find us: looks now and then whether what stands at the path of our socket is ours.
//!
//! Somebody may remove it, or bind another in its place, and of that a socket notices nothing. A thread of its own does
//! that, for the file system may hang.

use std::fmt;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tracing::{error, info};

use crate::config::HostId;
use crate::daemon::listen::Place;
use crate::daemon::status::Snapshot;
use crate::journal::message;
use crate::socket::place::{Identity, Occupant, occupant};
use crate::socket::record;

/// How often it is looked at without being asked for.
const LOOK_EVERY: Duration = Duration::from_secs(40);
/// For so long who listens in our place is taken to be the same when somebody asks: each look connects to it.
const FRESH: Duration = Duration::from_secs(10);
/// How long whoever asks waits for a file system.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether clients reach us by our path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reach {
    /// It was not looked at yet, or cannot be seen from here.
    #[default]
    Unknown,
    /// They do.
    Ours,
    /// They do not.
    Displaced(Displaced),
}

impl Reach {
    /// The one line of `snapshot`, with what is wrong before it.
    pub(super) fn with(&self, snapshot: &Snapshot) -> String {
        match self {
            Self::Displaced(displaced) => format!("displaced: {displaced}; {snapshot}"),
            Self::Unknown | Self::Ours => snapshot.to_string(),
        }
    }
}

/// Something else stands at our path, or nothing. Displays as what an operator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Displaced {
    path: PathBuf,
    occupant: Occupant,
    /// When that was found.
    pub(crate) since: SystemTime,
}

impl Displaced {
    /// The process that listens there, if it is known.
    pub(crate) fn pid(&self) -> Option<i32> {
        match &self.occupant {
            Occupant::Listener(listener) => listener.as_ref().map(|listener| listener.pid),
            Occupant::Nobody | Occupant::Stale | Occupant::NoSocket => None,
        }
    }
}

impl fmt::Display for Displaced {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.occupant {
            Occupant::Nobody => write!(out, "{path} was removed: clients do not reach this instance"),
            other @ (Occupant::Stale | Occupant::Listener(_) | Occupant::NoSocket) => {
                write!(
                    out,
                    "{path} is another's: {other}; clients do not reach this instance"
                )
            }
        }
    }
}

/// The eye on our path, for those who ask.
#[derive(Clone)]
pub(crate) struct SocketWatch {
    questions: Sender<oneshot::Sender<Reach>>,
    /// What was seen last.
    pub(crate) seen: watch::Receiver<Reach>,
}

impl SocketWatch {
    /// Begins to look at the place of our socket. Ends with the last of its clones.
    pub(super) fn start(place: Option<Place>, peer: &HostId) -> io::Result<Self> {
        let (questions, asked) = channel();
        let (tell, seen) = watch::channel(Reach::Unknown);
        if let Some(place) = place {
            let eye = Eye {
                home: place.file.map(|file| Home {
                    file,
                    directory: None,
                }),
                place,
                peer: peer.clone(),
                last: None,
                is_told_hidden: false,
            };
            thread::Builder::new()
                .name("socket-watch".to_owned())
                .spawn(move || look_on(eye, &asked, &tell))?;
        }
        Ok(Self { questions, seen })
    }

    /// How it is now; where that takes long, how it was last.
    pub(super) async fn look(&self) -> Reach {
        let (answer, answered) = oneshot::channel();
        let now = match self.questions.send(answer) {
            Ok(()) => timeout(PATIENCE, answered).await.ok().and_then(Result::ok),
            // Nothing is looked at any more.
            Err(_) => None,
        };
        now.unwrap_or_else(|| self.seen.borrow().clone())
    }
}

/// Looks, one time after the other, until nobody asks any more or the socket is given up.
fn look_on(mut eye: Eye, asked: &Receiver<oneshot::Sender<Reach>>, tell: &watch::Sender<Reach>) {
    let mut question: Option<oneshot::Sender<Reach>> = None;
    loop {
        let now = eye.look(question.is_some());
        if eye.place.given_up.load(Ordering::SeqCst) {
            return;
        }
        if *tell.borrow() != now {
            log(&tell.borrow(), &now);
            tell.send_replace(now.clone());
        }
        if let Some(answer) = question.take() {
            // Who asked may have lost patience.
            let _ = answer.send(now);
        }
        match asked.recv_timeout(LOOK_EVERY) {
            Ok(answer) => question = Some(answer),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn log(before: &Reach, now: &Reach) {
    match now {
        Reach::Displaced(displaced) => {
            error!(MESSAGE_ID = message::DISPLACED, LONC_ERROR = %displaced, "{displaced}");
        }
        Reach::Ours if *before != Reach::Unknown => {
            info!(
                MESSAGE_ID = message::DISPLACED,
                LONC_ERROR = "",
                "clients reach this instance again"
            );
        }
        Reach::Ours | Reach::Unknown => {}
    }
}

/// What is known of our own file.
#[derive(Clone, Copy)]
struct Home {
    file: Identity,
    /// Where that is not the same, we do not see what clients see.
    directory: Option<Identity>,
}

struct Eye {
    place: Place,
    peer: HostId,
    home: Option<Home>,
    /// What stood there when it was not ours.
    last: Option<Seen>,
    is_told_hidden: bool,
}

/// What stood in our place.
struct Seen {
    file: Option<Identity>,
    displaced: Displaced,
    at: Instant,
}

impl Seen {
    /// Whether whoever listens there need not be bothered again.
    fn is_fresh(&self, file: Option<Identity>) -> bool {
        let listens = matches!(self.displaced.occupant, Occupant::Listener(_));
        listens && self.file == file && self.at.elapsed() < FRESH
    }
}

impl Eye {
    /// With `is_asked` it may have been looked at just now.
    fn look(&mut self, is_asked: bool) -> Reach {
        let now = match Identity::at(&self.place.path) {
            Ok(now) => Some(now),
            Err(error) if is_absence(&error) => None,
            Err(_) => return Reach::Unknown,
        };
        let Some(home) = self.home.or_else(|| self.find_home(now)) else {
            return Reach::Unknown;
        };
        self.home = Some(home);
        if now == Some(home.file) {
            self.last = None;
            return Reach::Ours;
        }
        let directory = home.directory;
        if directory.is_some() && Identity::of_directory(&self.place.path).ok() != directory {
            self.tell_hidden();
            return Reach::Unknown;
        }
        let last = self.last.take();
        let seen = match last {
            Some(seen) if is_asked && seen.is_fresh(now) => seen,
            last => Seen {
                displaced: found(&self.place.path, last.map(|seen| seen.displaced)),
                file: now,
                at: Instant::now(),
            },
        };
        let displaced = seen.displaced.clone();
        self.last = Some(seen);
        Reach::Displaced(displaced)
    }

    fn tell_hidden(&mut self) {
        if !mem::replace(&mut self.is_told_hidden, true) {
            info!(
                "{}: its directory is not to be seen from here, so nobody looks whether clients still find it; \
                 BindReadOnlyPaths= in a drop-in of the service helps",
                self.place.path.display()
            );
        }
    }

    /// Of a socket of systemd's: what was written down when it was bound. Where nobody did, what stands there first.
    fn find_home(&self, now: Option<Identity>) -> Option<Home> {
        let written = record::read(Path::new(record::DIRECTORY), &self.peer).ok();
        let written = written.filter(|record| record.path == self.place.path);
        let bound = written.map(|record| Home {
            file: record.file,
            directory: Some(record.directory),
        });
        bound.or_else(|| {
            now.map(|file| Home {
                file,
                directory: None,
            })
        })
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// What stands in our place; the same as before is so since then.
fn found(path: &Path, before: Option<Displaced>) -> Displaced {
    // Where we may not connect, somebody has made it so that we may not.
    let occupant = occupant(path).unwrap_or(Occupant::Listener(None));
    let same = before.filter(|before| before.occupant == occupant);
    Displaced {
        path: path.to_owned(),
        since: same.map_or_else(SystemTime::now, |before| before.since),
        occupant,
    }
}
