//! The directories beside the spool's, where messages wait for an operator: finding, listing, moving.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::time::SystemTime;

use super::desk::Shelf;
use super::disk::Directory;

impl Directory {
    /// The directory itself.
    pub(crate) fn shelf(&self, shelf: Shelf) -> PathBuf {
        match shelf {
            Shelf::Queue => self.path().to_owned(),
            Shelf::Held => self.path().with_file_name("held"),
            Shelf::Failed => self.path().with_file_name("failed"),
        }
    }

    /// True if this is a name of one of the peer's messages on the shelf. No name leads to another directory.
    fn keeps(&self, shelf: Shelf, name: &OsStr) -> bool {
        let is_plain = !name.as_bytes().contains(&b'/');
        is_plain && (self.owns(name) || (shelf != Shelf::Queue && self.owns(original(name))))
    }

    /// Where the message is.
    pub(crate) fn find(&self, name: &OsStr) -> Option<Shelf> {
        let shelves = [Shelf::Queue, Shelf::Held, Shelf::Failed].into_iter();
        let is_there = |shelf: &Shelf| {
            self.keeps(*shelf, name) && fs::symlink_metadata(self.shelf(*shelf).join(name)).is_ok()
        };
        shelves.into_iter().find(is_there)
    }

    /// The first `most` names on a shelf, in order, and how many there are. One beside the queue that cannot be read is
    /// empty.
    pub(crate) fn names(&self, shelf: Shelf, most: usize) -> io::Result<(BTreeSet<OsString>, usize)> {
        let (mut names, mut total) = (BTreeSet::new(), 0);
        let entries = match fs::read_dir(self.shelf(shelf)) {
            // Mostly it is just not there yet; and it must not hide what is in the queue.
            Err(_) if shelf != Shelf::Queue => return Ok((names, 0)),
            entries => entries?,
        };
        for entry in entries {
            let name = entry?.file_name();
            if self.keeps(shelf, &name) {
                total += 1;
                names.insert(name);
                if names.len() > most {
                    names.pop_last();
                }
            }
        }
        Ok((names, total))
    }

    /// How many messages there are on a shelf, and the first; none on one that cannot be read.
    pub(super) fn survey(&self, shelf: Shelf) -> (usize, Option<OsString>) {
        let (mut names, total) = self.names(shelf, 1).unwrap_or_default();
        (total, names.pop_first())
    }

    /// Size in bytes, and when it was written.
    pub(crate) fn metadata(&self, shelf: Shelf, name: &OsStr) -> io::Result<(u64, SystemTime)> {
        let metadata = fs::symlink_metadata(self.shelf(shelf).join(name))?;
        Ok((metadata.len(), metadata.modified()?))
    }

    /// Moves a message to another shelf, as it is; where it is now. None that is there is replaced: beside the queue a
    /// number makes another name, and in it the original name must be free.
    pub(crate) fn move_between(&self, name: &OsStr, from: Shelf, to: Shelf) -> io::Result<PathBuf> {
        let shelf = self.shelf(to);
        let target = if to == Shelf::Queue {
            let name = if self.owns(name) { name } else { original(name) };
            shelf.join(name)
        } else {
            match DirBuilder::new().mode(0o770).create(&shelf) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                Ok(()) | Err(_) => {}
            }
            self.free_name(to, name)?
        };
        if to == Shelf::Queue && fs::symlink_metadata(&target).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(self.shelf(from).join(name), &target)?;
        File::open(&shelf)?.sync_all()?;
        Ok(target)
    }

    fn free_name(&self, shelf: Shelf, name: &OsStr) -> io::Result<PathBuf> {
        let dir = self.shelf(shelf);
        let mut free = dir.join(name);
        for number in 1.. {
            if !free.try_exists()? {
                break;
            }
            let mut another = name.to_owned();
            another.push(format!(".{number}"));
            free = dir.join(another);
        }
        Ok(free)
    }
}

/// The name without the number that told it from another of the same name.
fn original(name: &OsStr) -> &OsStr {
    let bytes = name.as_bytes();
    let Some(dot) = memchr::memrchr(b'.', bytes) else {
        return name;
    };
    match bytes.split_at_checked(dot) {
        Some((front, [_, digits @ ..])) if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            OsStr::from_bytes(front)
        }
        Some(_) | None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::HostId;
    use crate::spool::names::Owner;

    /// A spool of `msul1` in a directory of its own.
    fn directory(dir: &tempfile::TempDir) -> Directory {
        let peer: HostId = "msul1".parse().unwrap();
        let path = dir.path().join("delayed");
        fs::create_dir(&path).unwrap();
        Directory::new(&path, &peer, Owner::new(&peer, &[]), 100)
    }

    fn write(directory: &Directory, shelf: Shelf, name: &str) {
        fs::write(directory.shelf(shelf).join(name), "x\n").unwrap();
    }

    #[test]
    fn only_plain_names_of_the_peer_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let directory = directory(&dir);
        write(&directory, Shelf::Queue, "1.msul1");
        fs::write(dir.path().join("2.msul1"), "x\n").unwrap();
        write(&directory, Shelf::Queue, "3.other");
        let find = |name: &str| directory.find(OsStr::new(name));
        assert_eq!(find("1.msul1"), Some(Shelf::Queue));
        for name in [
            "../2.msul1",
            "../delayed/1.msul1",
            "3.other",
            "",
            ".",
            "/1.msul1",
            "4.msul1",
        ] {
            assert_eq!(find(name), None, "{name}");
        }
    }

    #[test]
    fn a_message_goes_from_shelf_to_shelf_and_back_and_replaces_none() {
        let dir = tempfile::tempdir().unwrap();
        let directory = directory(&dir);
        let name = OsStr::new("1.msul1");
        write(&directory, Shelf::Queue, "1.msul1");
        let held = directory.move_between(name, Shelf::Queue, Shelf::Held).unwrap();
        assert_eq!(
            (held.file_name(), directory.find(name)),
            (Some(name), Some(Shelf::Held))
        );
        write(&directory, Shelf::Queue, "1.msul1");
        let taken = directory.move_between(name, Shelf::Held, Shelf::Queue);
        assert_eq!(taken.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        directory.move_between(name, Shelf::Held, Shelf::Failed).unwrap();
        let second = directory.move_between(name, Shelf::Queue, Shelf::Failed).unwrap();
        assert_eq!(second.file_name(), Some(OsStr::new("1.msul1.1")));
        assert_eq!(directory.survey(Shelf::Failed), (2, Some(name.to_owned())));
        let again = directory.move_between(OsStr::new("1.msul1.1"), Shelf::Failed, Shelf::Queue);
        assert_eq!(again.unwrap().file_name(), Some(name));
    }

    #[test]
    fn originals() {
        for (name, is) in [
            ("a.msul1.12", "a.msul1"),
            ("a.msul1", "a.msul1"),
            ("a.", "a."),
            ("a", "a"),
        ] {
            assert_eq!(original(OsStr::new(name)), is);
        }
    }
}
