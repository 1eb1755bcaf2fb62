//! What is seen at our path and by our second name, and whether that is ours.

use std::fmt;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

use tracing::info;

use super::Reach;
use crate::config::HostId;
use crate::daemon::listen::Place;
use crate::socket::alias::{self, Standing};
use crate::socket::place::{Identity, Occupant, occupant};
use crate::socket::record::{self, Record};

/// For so long who listens in our place is taken to be the same when somebody asks: each look connects to it.
const FRESH: Duration = Duration::from_secs(10);

/// Where clients look for us stands something else, or nothing. Displays as what an operator is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Displaced {
    path: PathBuf,
    loss: Loss,
    /// When that was found.
    pub(crate) since: SystemTime,
}

/// What is lost, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Loss {
    Socket(Occupant),
    Alias(Standing),
}

impl Displaced {
    /// The process that listens there, if it is known.
    pub(crate) fn pid(&self) -> Option<i32> {
        self.occupant()?.listener().map(|listener| listener.pid)
    }

    fn occupant(&self) -> Option<&Occupant> {
        match &self.loss {
            Loss::Socket(occupant) | Loss::Alias(Standing::Other(occupant)) => Some(occupant),
            Loss::Alias(Standing::Ours | Standing::Missing | Standing::To(_) | Standing::Elsewhere(_)) => {
                None
            }
        }
    }
}

impl fmt::Display for Displaced {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.loss {
            Loss::Socket(Occupant::Nobody) => write!(out, "{path} was removed: clients")?,
            Loss::Socket(other) => write!(out, "{path} is another's: {other}; clients")?,
            Loss::Alias(Standing::Missing) => {
                write!(out, "{path} was removed: clients that look for the host")?;
            }
            Loss::Alias(Standing::Other(other)) => {
                write!(
                    out,
                    "{path} is another's: {other}; clients that look for the host"
                )?;
            }
            Loss::Alias(other) => write!(out, "{path} is not ours: {other}; clients that look for the host")?,
        }
        out.write_str(" do not reach this instance")
    }
}

/// What is known of our own file.
#[derive(Clone, Copy)]
struct Home {
    file: Identity,
    /// Where that is not the same, we do not see what clients see.
    directory: Option<Identity>,
}

/// What stood in our place.
struct Seen {
    file: Option<Identity>,
    displaced: Displaced,
    at: Instant,
}

/// Looks at our place.
pub(super) struct Eye {
    place: Place,
    peer: HostId,
    home: Option<Home>,
    /// What stood there when it was not ours.
    last: Option<Seen>,
    is_told_hidden: bool,
}

impl Eye {
    pub(super) fn new(place: Place, peer: HostId) -> Self {
        let home = |file| Home {
            file,
            directory: None,
        };
        Self {
            home: place.file.map(home),
            place,
            peer,
            last: None,
            is_told_hidden: false,
        }
    }

    /// Whether what is missing there is missing because we have removed it.
    pub(super) fn is_given_up(&self) -> bool {
        self.place.given_up.load(Ordering::SeqCst)
    }

    /// With `is_asked` it may have been looked at just now.
    pub(super) fn look(&mut self, is_asked: bool) -> Reach {
        let Ok(now) = identity(&self.place.path) else {
            return Reach::Unknown;
        };
        let record = self.record();
        let Some(home) = self.home.or_else(|| home(record.as_ref(), now)) else {
            return Reach::Unknown;
        };
        self.home = Some(home);
        if now != Some(home.file) {
            if self.is_hidden(home) {
                return Reach::Unknown;
            }
            let path = self.place.path.clone();
            return self.fresh(is_asked, &path, now).unwrap_or_else(|| {
                // Where we may not connect, somebody has made it so that we may not.
                let occupant = occupant(&path).unwrap_or(Occupant::Listener(None));
                self.displaced(&path, now, Loss::Socket(occupant))
            });
        }
        let name = match &self.place.file {
            Some(_) => self.place.alias.borrow().clone(),
            None => record.and_then(|record| record.alias),
        };
        match name {
            Some(name) => self.look_at_name(&name, is_asked),
            None => self.ours(),
        }
    }

    fn look_at_name(&mut self, name: &str, is_asked: bool) -> Reach {
        let path = self.place.path.with_file_name(name);
        let (Ok(now), Some(dir)) = (identity(&path), path.parent()) else {
            return Reach::Unknown;
        };
        if let Some(reach) = self.fresh(is_asked, &path, now) {
            return reach;
        }
        match alias::look(dir, name, &self.peer) {
            Ok(Standing::Ours) => self.ours(),
            Ok(standing) => self.displaced(&path, now, Loss::Alias(standing)),
            Err(_) => {
                let barred = Standing::Other(Occupant::Listener(None));
                self.displaced(&path, now, Loss::Alias(barred))
            }
        }
    }

    /// What was seen just now, if somebody asks again and the same process is likely to listen there.
    fn fresh(&self, is_asked: bool, path: &Path, file: Option<Identity>) -> Option<Reach> {
        let seen = self.last.as_ref().filter(|_| is_asked)?;
        let is_fresh = seen.displaced.path == path && seen.file == file && seen.at.elapsed() < FRESH;
        let listens = seen.displaced.occupant().is_some_and(Occupant::listens);
        (is_fresh && listens).then(|| Reach::Displaced(seen.displaced.clone()))
    }

    fn ours(&mut self) -> Reach {
        self.last = None;
        Reach::Ours
    }

    /// `loss` was found at `path`; the same as before is so since then.
    fn displaced(&mut self, path: &Path, file: Option<Identity>, loss: Loss) -> Reach {
        let before = self.last.take().map(|seen| seen.displaced);
        let same = before.filter(|before| before.path == path && before.loss == loss);
        let displaced = Displaced {
            path: path.to_owned(),
            since: same.map_or_else(SystemTime::now, |before| before.since),
            loss,
        };
        self.last = Some(Seen {
            file,
            displaced: displaced.clone(),
            at: Instant::now(),
        });
        Reach::Displaced(displaced)
    }

    /// Whether the directory that we see is not the one in which it was bound; told once.
    fn is_hidden(&mut self, home: Home) -> bool {
        let directory = Identity::of_directory(&self.place.path).ok();
        let is_hidden = home.directory.is_some() && directory != home.directory;
        if is_hidden && !mem::replace(&mut self.is_told_hidden, true) {
            info!(
                "{}: its directory is not to be seen from here, so nobody looks whether clients still find it; \
                 BindReadOnlyPaths= in a drop-in of the service helps",
                self.place.path.display()
            );
        }
        is_hidden
    }

    /// Of a socket of systemd's: what was written down of it.
    fn record(&self) -> Option<Record> {
        if self.place.file.is_some() {
            return None;
        }
        let record = record::read(Path::new(record::DIRECTORY), &self.peer).ok();
        record.filter(|record| record.path == self.place.path)
    }
}

/// What was written down when it was bound. Where nobody did, what stands there first.
fn home(record: Option<&Record>, now: Option<Identity>) -> Option<Home> {
    let bound = record.map(|record| Home {
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

/// That of what stands there, if anything does.
fn identity(path: &Path) -> io::Result<Option<Identity>> {
    match Identity::at(path) {
        Ok(now) => Ok(Some(now)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
