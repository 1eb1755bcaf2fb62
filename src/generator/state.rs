//! The files between the unprivileged step and those who act as root.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::config::{Offer, Snapshot};

/// What the unprivileged step printed.
const OFFERED: &str = "offered.json";
/// What is gone by of that.
const NOTED: &str = "noted.json";
/// There while an administrator says that what is offered is meant.
pub(crate) const MEANT: &str = "accept";
/// Why nobody is removed just now.
pub(crate) const HELD: &str = "held";

/// Where they are; only root can write there.
#[derive(Debug)]
pub(super) struct State {
    /// Goes with a boot.
    pub(super) run: PathBuf,
    /// The list that is followed, also at the next boot.
    pub(super) kept: PathBuf,
}

impl State {
    pub(super) fn offered(&self) -> io::Result<Offer> {
        Offer::read(&self.run.join(OFFERED))
    }

    /// Leaves there what is gone by, before it is; where it cannot, nothing.
    pub(super) fn note(&self, offer: Option<&Offer>) {
        let path = self.run.join(NOTED);
        let text = offer.and_then(|offer| serde_json::to_vec(offer).ok());
        if text.is_none_or(|text| fs::write(&path, text).is_err()) {
            let _ = fs::remove_file(path);
        }
    }

    /// What was gone by last.
    pub(super) fn noted(&self) -> io::Result<Offer> {
        Offer::read(&self.run.join(NOTED))
    }

    pub(super) fn kept(&self) -> Option<Snapshot> {
        Snapshot::read(&self.kept).ok()
    }

    /// How long ago it was written last.
    pub(super) fn age(&self) -> Option<Duration> {
        let written = fs::metadata(&self.kept).and_then(|file| file.modified()).ok()?;
        SystemTime::now().duration_since(written).ok()
    }

    /// Writes it, as a whole and so that a crash does not lose it.
    pub(super) fn keep(&self, snapshot: &Snapshot) -> io::Result<()> {
        let new = self.kept.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec_pretty(snapshot)?)?;
        file.sync_all()?;
        fs::rename(&new, &self.kept)?;
        let directory = self.kept.parent().unwrap_or(Path::new("/"));
        File::open(directory)?.sync_all()
    }

    /// Has it as it was.
    pub(super) fn restore(&self, snapshot: Option<&Snapshot>) -> io::Result<()> {
        match snapshot {
            Some(snapshot) => self.keep(snapshot),
            None => fs::remove_file(&self.kept),
        }
    }

    /// Whether an administrator says that what is offered is meant; said once.
    pub(super) fn take_meant(&self) -> bool {
        fs::remove_file(self.run.join(MEANT)).is_ok()
    }

    /// Leaves there why nobody is removed, or that nothing keeps anybody.
    pub(super) fn hold(&self, why: Option<&str>) -> io::Result<()> {
        let path = self.run.join(HELD);
        match why {
            Some(why) => fs::write(path, format!("{why}\n")),
            None => match fs::remove_file(path) {
                Err(fault) if fault.kind() != ErrorKind::NotFound => Err(fault),
                Ok(()) | Err(_) => Ok(()),
            },
        }
    }
}
