//! Root acts in the spool as its owner: what that one may not do gains nobody anything who makes links there, or is faster
//! than root.

use std::ffi::CString;
use std::fs::{self, DirBuilder, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown};
use std::path::Path;

use nix::unistd::{Gid, Uid, User, getegid, getgroups, initgroups, setegid, seteuid, setgroups};

use crate::steps::steps;

/// The group of those who have none.
const NOGROUP: u32 = 65534;
/// Group and others may write there, and all may, but each only to what is his own.
const OTHERS_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// As whom root is to act in a spool.
#[derive(Debug)]
pub(super) struct Owner {
    user: Uid,
    group: Gid,
    name: Option<CString>,
    /// The spool is in a directory that is root's alone.
    is_in_roots: bool,
}

/// The rights of root are taken up again when this ends.
struct Acting {
    group: Gid,
    groups: Vec<Gid>,
}

impl Owner {
    /// Whoever can put another directory at `queue`: the owner of the first thing on the way to it that is not root's.
    /// None if all is root's, or we are not root.
    pub(super) fn of(queue: &Path) -> Result<Option<Self>, String> {
        if !Uid::effective().is_root() {
            return Ok(None);
        }
        let steps = steps(queue);
        let last = steps.len().saturating_sub(1);
        for (number, (directory, name)) in steps.iter().enumerate() {
            let unlooked = |path: &Path, fault: io::Error| format!("{}: {fault}", path.display());
            let around = fs::symlink_metadata(directory).map_err(|fault| unlooked(directory, fault))?;
            if may_be_swapped(&around) {
                return Err(format!(
                    "{}: others than root may put another spool there, so that root does nothing with it: try again as \
                     the user of the daemon",
                    directory.display()
                ));
            }
            let path = directory.join(name);
            match fs::symlink_metadata(&path) {
                Ok(there) if there.uid() == 0 => {}
                Ok(there) => return Ok(Some(Self::named(&there, number == last))),
                Err(fault) if fault.kind() == ErrorKind::NotFound => return Ok(None),
                Err(fault) => return Err(unlooked(&path, fault)),
            }
        }
        Ok(None)
    }

    fn named(there: &Metadata, is_in_roots: bool) -> Self {
        let uid = Uid::from_raw(there.uid());
        let user = User::from_uid(uid).ok().flatten();
        let nobodys = if there.gid() == 0 { NOGROUP } else { there.gid() };
        Self {
            user: uid,
            group: user.as_ref().map_or(Gid::from_raw(nobodys), |user| user.gid),
            name: user.and_then(|user| CString::new(user.name).ok()),
            is_in_roots,
        }
    }

    /// Makes a directory beside the queue where only root may, and gives it to whom the queue belongs. Everywhere else the
    /// owner makes it.
    pub(super) fn make_beside(&self, queue: &Path, path: &Path) -> io::Result<()> {
        if !self.is_in_roots {
            return Ok(());
        }
        match DirBuilder::new().mode(0o770).create(path) {
            Err(fault) if fault.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(fault) => Err(fault),
            Ok(()) => {
                let queue = fs::metadata(queue)?;
                chown(path, Some(queue.uid()), Some(queue.gid()))
            }
        }
    }

    /// Does this with the rights of the owner, and no other.
    pub(super) fn act<T>(&self, act: impl FnOnce() -> T) -> Result<T, String> {
        let _acting = self.begin().map_err(|fault| {
            format!(
                "cannot act as the owner of the spool (user {}): {fault}",
                self.user
            )
        })?;
        Ok(act())
    }

    fn begin(&self) -> nix::Result<Acting> {
        let acting = Acting {
            group: getegid(),
            groups: getgroups()?,
        };
        match &self.name {
            Some(name) => initgroups(name, self.group)?,
            None => setgroups(&[self.group])?,
        }
        setegid(self.group)?;
        seteuid(self.user)?;
        Ok(acting)
    }
}

impl Drop for Acting {
    fn drop(&mut self) {
        // Who cannot be root again does what is left with fewer rights.
        let _ = seteuid(Uid::from_raw(0))
            .and_then(|()| setegid(self.group))
            .and_then(|()| setgroups(&self.groups));
    }
}

/// True if others than its owner, root, may put something else in place of what is in the directory.
fn may_be_swapped(directory: &Metadata) -> bool {
    directory.mode() & OTHERS_WRITE != 0 && directory.mode() & STICKY == 0
}
