//! A directory that another user may write to, and what root does in it: no link is followed, neither on the way to the
//! directory nor in it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, OpenHow, ResolveFlag, openat2, readlinkat, renameat};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat};
use nix::unistd::{Gid, Uid, UnlinkatFlags, fchown, fchownat, linkat, symlinkat, unlinkat};

use crate::reader;

/// Opened once; what somebody puts in its place later is not looked at.
#[derive(Debug)]
pub(super) struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

/// Who owns a file and who may do what with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights {
    pub(super) user: u32,
    pub(super) group: u32,
    mode: u32,
}

impl Dir {
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let how = OpenHow::new()
            .flags(OFlag::O_DIRECTORY | OFlag::O_RDONLY | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
        match openat2(AT_FDCWD, path, how) {
            Ok(fd) => Ok(Self {
                fd,
                path: path.to_owned(),
            }),
            Err(Errno::ELOOP) => Err(format!(
                "{}: there is a symbolic link on the way, which is not followed: name the real path in lonc.toml",
                path.display()
            )),
            Err(fault) => Err(format!("{}: {fault}", path.display())),
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Who owns the directory itself.
    pub(super) fn rights(&self) -> Result<Rights, String> {
        fstat(&self.fd)
            .map(|stat| Rights::of(&stat))
            .map_err(|fault| self.said("", fault))
    }

    pub(super) fn is_socket(&self, name: &str) -> bool {
        self.stat(name).is_some_and(|stat| is_a(&stat, SFlag::S_IFSOCK))
    }

    pub(super) fn is_there(&self, name: &str) -> bool {
        self.stat(name).is_some()
    }

    /// One file has both names.
    pub(super) fn is_same(&self, one: &str, other: &str) -> bool {
        let file = |name| self.stat(name).map(|stat| (stat.st_dev, stat.st_ino));
        file(one).is_some_and(|one| file(other) == Some(one))
    }

    /// Tells one file of this name from the next.
    pub(super) fn version(&self, name: &str) -> Option<impl PartialEq + use<>> {
        self.stat(name)
            .map(|stat| (stat.st_ino, stat.st_ctime, stat.st_ctime_nsec))
    }

    /// Gives a socket the owners that another has, if it has no other name: then it is nobody else's.
    pub(super) fn own_as(&self, name: &str, rights: Rights) -> Result<(), String> {
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
        let file = openat2(&self.fd, name, how).map_err(|fault| self.said(name, fault))?;
        let stat = fstat(&file).map_err(|fault| self.said(name, fault))?;
        if !is_a(&stat, SFlag::S_IFSOCK) || stat.st_nlink != 1 {
            return Ok(());
        }
        let (user, group) = (Uid::from_raw(rights.user), Gid::from_raw(rights.group));
        let owned = fchownat(&file, "", Some(user), Some(group), AtFlags::AT_EMPTY_PATH);
        owned.map_err(|fault| self.said(name, fault))
    }

    /// Those of a socket.
    pub(super) fn socket_rights(&self, name: &str) -> Option<Rights> {
        let stat = self.stat(name).filter(|stat| is_a(stat, SFlag::S_IFSOCK));
        stat.map(|stat| Rights::of(&stat))
    }

    /// `file` gets another name besides; one that is there is refused.
    pub(super) fn link(&self, file: &str, name: &str) -> Result<(), String> {
        let linked = linkat(&self.fd, file, &self.fd, name, AtFlags::empty());
        linked.map_err(|fault| self.said(name, fault))
    }

    /// In one go, over what is there.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), String> {
        if self.is_same(from, to) {
            // For the kernel there is nothing to be done then, and both names would stay.
            return self.remove(from);
        }
        renameat(&self.fd, from, &self.fd, to).map_err(|fault| self.said(to, fault))
    }

    /// What is not there is removed already.
    pub(super) fn remove(&self, name: &str) -> Result<(), String> {
        match unlinkat(&self.fd, name, UnlinkatFlags::NoRemoveDir) {
            Ok(()) | Err(Errno::ENOENT) => Ok(()),
            Err(fault) => Err(self.said(name, fault)),
        }
    }

    /// `name` becomes a link that leads to `target`, in one go, over what is there.
    pub(super) fn lead(&self, name: &str, target: &Path) -> Result<(), String> {
        let new = format!(".{name}.new");
        self.remove(&new)?;
        symlinkat(target, &self.fd, new.as_str()).map_err(|fault| self.said(name, fault))?;
        self.rename(&new, name)
    }

    /// Where a link leads.
    pub(super) fn leads_to(&self, name: &str) -> Option<PathBuf> {
        readlinkat(&self.fd, name).ok().map(PathBuf::from)
    }

    /// The beginning of a file and its rights; nothing if there is none, or it is no regular file.
    pub(super) fn read(&self, name: &str, most: u64) -> Option<(Vec<u8>, Rights)> {
        let place = self.open_file(name, OFlag::O_PATH, 0).ok()?;
        let stat = fstat(&place).ok().filter(|stat| is_a(stat, SFlag::S_IFREG))?;
        let mut bytes = Vec::new();
        let file = reader::reopen(&place).ok()?;
        file.take(most).read_to_end(&mut bytes).ok()?;
        Some((bytes, Rights::of(&stat)))
    }

    /// Puts a file there as a whole.
    pub(super) fn write(&self, name: &str, bytes: &[u8], rights: Rights) -> Result<(), String> {
        let new = format!(".{name}.new");
        self.remove(&new)?;
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL;
        let mut file = self.open_file(&new, flags, 0o600)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        written.map_err(|fault| format!("{}: {fault}", self.path(&new).display()))?;
        let (user, group) = (Uid::from_raw(rights.user), Gid::from_raw(rights.group));
        fchown(&file, Some(user), Some(group)).map_err(|fault| self.said(&new, fault))?;
        fchmod(&file, Mode::from_bits_truncate(rights.mode)).map_err(|fault| self.said(&new, fault))?;
        self.rename(&new, name)
    }

    fn open_file(&self, name: &str, flags: OFlag, mode: u32) -> Result<File, String> {
        let how = OpenHow::new()
            .flags(flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC)
            .mode(Mode::from_bits_truncate(mode))
            .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
        let opened = openat2(&self.fd, name, how);
        opened.map(File::from).map_err(|fault| self.said(name, fault))
    }

    fn stat(&self, name: &str) -> Option<FileStat> {
        fstatat(&self.fd, OsStr::new(name), AtFlags::AT_SYMLINK_NOFOLLOW).ok()
    }

    fn said(&self, name: &str, fault: Errno) -> String {
        format!("{}: {fault}", self.path(name).display())
    }
}

impl Rights {
    fn of(stat: &FileStat) -> Self {
        Self {
            user: stat.st_uid,
            group: stat.st_gid,
            mode: stat.st_mode & 0o7777,
        }
    }
}

fn is_a(stat: &FileStat, kind: SFlag) -> bool {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == kind
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    #[test]
    fn no_link_is_followed() {
        let tree = tempfile::tempdir().unwrap();
        fs::create_dir(tree.path().join("real")).unwrap();
        fs::write(tree.path().join("secret"), "secret").unwrap();
        symlink("real", tree.path().join("link")).unwrap();
        symlink("../secret", tree.path().join("real/file")).unwrap();
        let fault = Dir::open(&tree.path().join("link")).unwrap_err();
        assert!(fault.contains("symbolic link"), "{fault}");
        let dir = Dir::open(&tree.path().join("real")).unwrap();
        assert_eq!(dir.read("file", 100), None);
        dir.write("file", b"new", dir.rights().unwrap()).unwrap();
        assert_eq!(fs::read(tree.path().join("secret")).unwrap(), b"secret");
        assert_eq!(dir.read("file", 2).unwrap().0, b"ne");
    }

    #[test]
    fn of_two_names_of_one_file_renaming_leaves_one() {
        let tree = tempfile::tempdir().unwrap();
        let dir = Dir::open(tree.path()).unwrap();
        fs::write(tree.path().join("a"), "").unwrap();
        dir.link("a", "b").unwrap();
        assert!(dir.is_same("a", "b") && dir.link("a", "b").is_err());
        dir.rename("b", "a").unwrap();
        assert!(dir.is_there("a") && !dir.is_there("b"));
    }
}
