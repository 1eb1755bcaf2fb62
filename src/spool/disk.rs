//! The spool's directory: finding the peer's messages, reading, storing, removing.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
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
        let (mut names, mut more) = self.list(most, &skip, &mut see)?;
        let Some(last) = names.last().cloned() else {
            return Ok((names, more));
        };
        // While files appear, a directory may show one and not another made before it; listed again it shows that, too.
        let (missed, _) = self.list(most, &|name| name >= last || skip(name), &mut see)?;
        names.extend(missed);
        while names.len() > most {
            names.pop_last();
            more = true;
        }
        Ok((names, more))
    }

    fn list(
        &self,
        most: usize,
        skip: &dyn Fn(&OsStr) -> bool,
        see: &mut dyn FnMut(&OsStr),
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

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_name_is_not_found_without_those_made_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let peer: HostId = "msul1".parse().unwrap();
        let directory = Directory::new(dir.path(), &peer, Owner::new(&peer, &[]), 100);
        let name = |number: usize| format!("{number:06}.msul1");
        let making = thread::spawn({
            let path = dir.path().to_owned();
            move || {
                for number in 0..2500 {
                    File::create(path.join(name(number))).unwrap();
                }
            }
        });
        while !making.is_finished() {
            let (found, _) = directory.first(usize::MAX, |_| false, |_| ()).unwrap();
            let expected = (0..found.len()).map(|number| OsString::from(name(number)));
            assert!(found.iter().cloned().eq(expected), "{:?}", found.last());
        }
        making.join().unwrap();
    }
}
