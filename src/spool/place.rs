//! A file gets another name, directory, or both, and takes nobody's place.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, RenameFlags, renameat2};

/// Puts `from` at `to`, where nothing must be. On another file system it is a copy, safe before the original goes.
pub(super) fn place(from: &Path, to: &Path) -> io::Result<()> {
    let flags = RenameFlags::RENAME_NOREPLACE;
    match renameat2(AT_FDCWD, from, AT_FDCWD, to, flags) {
        Err(Errno::EXDEV) => carry(from, to),
        // A file system that knows of no such renaming.
        Err(Errno::EINVAL | Errno::ENOSYS | Errno::EOPNOTSUPP) => link(from, to),
        done => Ok(done?),
    }
}

/// A second name, then the first goes: also that replaces nothing.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::hard_link(from, to)?;
    fs::remove_file(from).inspect_err(|_| drop(fs::remove_file(to)))
}

/// The copy has its name only when it is complete and safe.
fn carry(from: &Path, to: &Path) -> io::Result<()> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let original = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(from)?;
    let temporary = Temporary::beside(to);
    temporary.copy(&original)?;
    place(&temporary.0, to)?;
    let gone = sync_directory(to.parent()).and_then(|()| remove_if_still(&original, from));
    gone.inspect_err(|_| drop(fs::remove_file(to)))
}

/// Removes `path` if it is `file`, unchanged since the copy was made from it.
fn remove_if_still(file: &File, path: &Path) -> io::Result<()> {
    let (opened, there) = (file.metadata()?, fs::symlink_metadata(path)?);
    if (opened.dev(), opened.ino()) != (there.dev(), there.ino()) {
        return Err(io::Error::other("it is another file by now"));
    }
    fs::remove_file(path)
}

fn sync_directory(path: Option<&Path>) -> io::Result<()> {
    path.map_or(Ok(()), sync)
}

/// Has what was changed in the directory survive a crash. Nothing but a directory is opened: a FIFO would be waited for.
pub(super) fn sync(path: &Path) -> io::Result<()> {
    let directory = OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_DIRECTORY.bits())
        .open(path)?;
    directory.sync_all()
}

/// A copy under way. It goes with this, unless it got its own name.
struct Temporary(PathBuf);

impl Temporary {
    fn beside(to: &Path) -> Self {
        Self(to.with_file_name(format!(".moving-{}.tmp", process::id())))
    }

    fn copy(&self, original: &File) -> io::Result<()> {
        let metadata = original.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::other(
                "is no regular file, and cannot go to another file system",
            ));
        }
        // One of that name is from a process that was killed.
        let _ = fs::remove_file(&self.0);
        let mut copy = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&self.0)?;
        let mut whole = original;
        let copied = io::copy(&mut whole, &mut copy)?;
        if copied != original.metadata()?.len() {
            return Err(io::Error::other("it is still being written"));
        }
        copy.set_permissions(Permissions::from_mode(metadata.mode() & 0o777))?;
        copy.set_modified(metadata.modified()?)?;
        copy.sync_all()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Nothing is there when all went well.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file elsewhere: on a file system of its own, if there is one.
    fn elsewhere() -> Option<tempfile::TempDir> {
        let here = tempfile::tempdir().unwrap();
        let there = tempfile::tempdir_in("/dev/shm").ok()?;
        let device = |dir: &tempfile::TempDir| fs::metadata(dir.path()).unwrap().dev();
        (device(&here) != device(&there)).then_some(there)
    }

    fn names(dir: &tempfile::TempDir) -> Vec<String> {
        let entries = fs::read_dir(dir.path()).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        entries.map(name).collect()
    }

    #[test]
    fn nothing_is_replaced_on_this_file_system_or_another() {
        let here = tempfile::tempdir().unwrap();
        let mut ways: Vec<fn(&Path, &Path) -> io::Result<()>> = vec![place, link];
        let elsewhere = elsewhere();
        let there = elsewhere.as_ref().unwrap_or(&here);
        ways.push(if elsewhere.is_some() { place } else { carry });
        ways.push(carry);
        for (number, way) in ways.into_iter().enumerate() {
            let (from, to) = (here.path().join(format!("a{number}")), there.path().join("b"));
            let to = if number < 2 { here.path().join("b") } else { to };
            fs::write(&from, "ours\n").unwrap();
            fs::write(&to, "theirs\n").unwrap();
            let refused = way(&from, &to).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists, "{number}");
            assert_eq!(fs::read_to_string(&to).unwrap(), "theirs\n");
            let written = fs::metadata(&from).unwrap().modified().unwrap();
            fs::remove_file(&to).unwrap();
            way(&from, &to).unwrap();
            assert_eq!(fs::read_to_string(&to).unwrap(), "ours\n");
            assert_eq!(fs::metadata(&to).unwrap().modified().unwrap(), written);
            assert!(!from.exists());
            fs::remove_file(&to).unwrap();
        }
        assert_eq!((names(&here), names(there)), (vec![], vec![]), "nothing is left");
    }

    #[test]
    fn what_is_no_regular_file_stays_where_it_is() {
        let here = tempfile::tempdir().unwrap();
        let (link, fifo) = (here.path().join("link"), here.path().join("fifo"));
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for odd in [&link, &fifo] {
            carry(odd, &here.path().join("to")).unwrap_err();
            assert!(fs::symlink_metadata(odd).is_ok());
        }
        assert_eq!(names(&here).len(), 2);
        sync(&fifo).unwrap_err();
    }
}
