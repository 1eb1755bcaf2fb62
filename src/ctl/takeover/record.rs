//! The directory that says what is taken over, as it is changed.

use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::fcntl::{Flock, FlockArg};

use crate::config::{HostId, TakenOver};

/// It, and nobody else who changes it meanwhile.
#[derive(Debug)]
pub(super) struct Record {
    path: PathBuf,
    _lock: Option<Flock<File>>,
}

impl Record {
    /// Beside the configuration. Only to look at it, nobody need be kept away.
    pub(super) fn open(config: &Path, is_to_change: bool) -> Result<Self, String> {
        let path = TakenOver::path(config);
        let lock = if is_to_change { Some(lock(&path)?) } else { None };
        Ok(Self { path, _lock: lock })
    }

    /// Makes it, with these in it: all of it, or nothing.
    pub(super) fn begin(&self, ids: &[HostId]) -> Result<(), String> {
        let new = self.beside("new");
        let made = gone(fs::remove_dir_all(&new)).and_then(|()| {
            fs::create_dir(&new)?;
            fs::set_permissions(&new, Permissions::from_mode(0o755))?;
            ids.iter().try_for_each(|id| create(&new, id))?;
            sync(&new)?;
            fs::rename(&new, &self.path)?;
            sync(self.path.parent().unwrap_or(&self.path))
        });
        made.map_err(|fault| self.said(&fault))
    }

    /// Takes it away, with all that is in it.
    pub(super) fn end(&self) -> Result<(), String> {
        let old = self.beside("old");
        let ended = gone(fs::remove_dir_all(&old))
            .and_then(|()| gone(fs::rename(&self.path, &old)))
            .and_then(|()| gone(fs::remove_dir_all(&old)));
        ended.map_err(|fault| self.said(&fault))
    }

    pub(super) fn add(&self, ids: &[HostId]) -> Result<(), String> {
        let added = ids.iter().try_for_each(|id| create(&self.path, id));
        added
            .and_then(|()| sync(&self.path))
            .map_err(|fault| self.said(&fault))
    }

    pub(super) fn remove(&self, ids: &[HostId]) -> Result<(), String> {
        let removed = ids
            .iter()
            .try_for_each(|id| gone(fs::remove_file(self.path.join(id.as_ref()))));
        removed
            .and_then(|()| gone(sync(&self.path)))
            .map_err(|fault| self.said(&fault))
    }

    fn beside(&self, word: &str) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".");
        name.push(word);
        self.path.with_file_name(name)
    }

    fn said(&self, fault: &io::Error) -> String {
        format!("{}: {fault}", self.path.display())
    }
}

fn lock(path: &Path) -> Result<Flock<File>, String> {
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let said = |fault: &dyn std::fmt::Display| format!("{}: {fault}", parent.display());
    let directory = File::open(parent).map_err(|fault| said(&fault))?;
    Flock::lock(directory, FlockArg::LockExclusiveNonblock).map_err(|(_, fault)| {
        said(&format_args!(
            "another takeover or giveback is under way ({fault})"
        ))
    })
}

fn create(directory: &Path, id: &HostId) -> io::Result<()> {
    File::create(directory.join(id.as_ref())).map(drop)
}

fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// What is not there is gone already.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(fault) if fault.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
