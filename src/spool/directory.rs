//! The spool's directory: finding the peer's messages, reading, storing, removing, setting aside.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process;

use bytes::Bytes;
use lonc_proto::request::{Asked, Request};
use memchr::memchr;
use nix::fcntl::OFlag;

use super::names::Owner;
use crate::config::HostId;

/// A message that cannot be sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsendable {
    /// It may still be being written.
    #[error("its last line has no newline yet")]
    Unfinished,
    /// It is gone.
    #[error("it is gone")]
    Gone,
    /// The system does not let us.
    #[error("cannot be read: {0}")]
    Unreadable(io::Error),
    /// A link, a directory, a FIFO.
    #[error("is no regular file")]
    NotAFile,
    /// Not one command in one line.
    #[error("does not hold one command in one line")]
    Damaged,
    /// More than a request may have.
    #[error("is larger than client.max_request_bytes")]
    TooLarge,
}

/// The directory, for one peer.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    peer: HostId,
    owner: Owner,
    longest: usize,
}

impl Directory {
    pub(crate) fn new(path: &Path, peer: &HostId, owner: Owner, longest: usize) -> Self {
        Self {
            path: path.to_owned(),
            peer: peer.clone(),
            owner,
            longest,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn owns(&self, name: &OsStr) -> bool {
        self.owner.owns(name)
    }

    /// The first `most` of the peer's names in order, but for those that `skip` knows, and whether there are more.
    /// `see` is shown each of the peer's names.
    pub(crate) fn first(
        &self,
        most: usize,
        skip: impl Fn(&OsStr) -> bool,
        mut see: impl FnMut(&OsStr),
    ) -> io::Result<(BTreeSet<OsString>, bool)> {
        let (mut names, mut more) = (BTreeSet::new(), false);
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            if !self.owns(&name) {
                continue;
            }
            see(&name);
            if skip(&name) {
                continue;
            }
            names.insert(name);
            if names.len() > most {
                names.pop_last();
                more = true;
            }
        }
        Ok((names, more))
    }

    /// The command in a file. Links are not followed, and nothing but a regular file is read.
    pub(crate) fn read(&self, name: &OsStr) -> Result<Request, Unsendable> {
        let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits())
            .open(self.path.join(name));
        let file = file.map_err(
            |error| match error.raw_os_error().map(nix::errno::Errno::from_raw) {
                Some(nix::errno::Errno::ENOENT) => Unsendable::Gone,
                Some(nix::errno::Errno::ELOOP | nix::errno::Errno::ENXIO) => Unsendable::NotAFile,
                _ => Unsendable::Unreadable(error),
            },
        )?;
        let metadata = file.metadata().map_err(Unsendable::Unreadable)?;
        if !metadata.is_file() {
            return Err(Unsendable::NotAFile);
        }
        let mut content = Vec::new();
        let limit = self.longest as u64 + 2;
        file.take(limit)
            .read_to_end(&mut content)
            .map_err(Unsendable::Unreadable)?;
        if content.len() as u64 == limit {
            return Err(Unsendable::TooLarge);
        }
        let newline = memchr(b'\n', &content).ok_or(Unsendable::Unfinished)?;
        if newline + 1 != content.len() {
            return Err(Unsendable::Damaged);
        }
        content.truncate(newline);
        match Asked::of(Bytes::from(content)) {
            Asked::Forward(request) => Ok(request),
            Asked::Nothing | Asked::Stop => Err(Unsendable::Damaged),
        }
    }

    /// Puts a message there so that a crash cannot lose it once [`Directory::sync`] is done as well.
    pub(crate) fn write(&self, name: &str, request: &Request) -> io::Result<()> {
        let temporary = self
            .path
            .join(format!("{}{}.{name}.tmp", self.temporary_front(), process::id()));
        let written = Self::write_new(&temporary, request);
        let placed = written.and_then(|()| fs::rename(&temporary, self.path.join(name)));
        if placed.is_err() {
            // What cannot be removed either is removed at the next start.
            let _ = fs::remove_file(&temporary);
        }
        placed
    }

    fn write_new(path: &Path, request: &Request) -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(&[&line_of(request)[..], b"\n"].concat())?;
        file.sync_all()
    }

    /// Has what was renamed and removed survive a crash.
    pub(crate) fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }

    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        match fs::remove_file(self.path.join(name)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }

    /// Moves a message to `failed/` beside the spool, as it is; where it is now.
    pub(crate) fn set_aside(&self, name: &OsStr) -> io::Result<PathBuf> {
        let failed = self.failed();
        match DirBuilder::new().mode(0o770).create(&failed) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut aside = failed.join(name);
        for number in 1.. {
            if !aside.try_exists()? {
                break;
            }
            let mut another = name.to_owned();
            another.push(format!(".{number}"));
            aside = failed.join(another);
        }
        fs::rename(self.path.join(name), &aside)?;
        File::open(&failed)?.sync_all()?;
        Ok(aside)
    }

    fn failed(&self) -> PathBuf {
        self.path.with_file_name("failed")
    }

    /// Removes what an instance that was killed had begun to store; nobody was promised any of that.
    pub(crate) fn remove_leftovers(&self) -> io::Result<()> {
        let front = self.temporary_front();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name();
            let pid = name.as_bytes().strip_prefix(front.as_bytes());
            let pid = pid.and_then(|rest| rest.split(|byte| *byte == b'.').next());
            if pid.is_some_and(|pid| pid.iter().all(u8::is_ascii_digit)) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    /// Names that begin so, then have our pid, are nobody's messages; nor does the end of the name make them one.
    fn temporary_front(&self) -> String {
        format!(".storing-{}-", self.peer)
    }
}

/// The line that asks for `request` when it is read again.
fn line_of(request: &Request) -> Bytes {
    let prefix: &[u8] = if request.is_encrypted() { b"encrypt:" } else { b"" };
    let line = Bytes::from([prefix, request.command()].concat());
    // A command that reads like a prefix or a word for lonc needs its own prefix before it again.
    let is_plain = matches!(Asked::of(line.clone()), Asked::Forward(read) if !read.is_critical());
    if is_plain {
        line
    } else {
        Bytes::from([b"critical:", &line[..]].concat())
    }
}
