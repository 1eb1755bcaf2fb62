//! The way to a directory: what leads there may be changed as well as the directory itself.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use nix::sys::inotify::{AddWatchFlags, Inotify};

use crate::steps::steps;

/// What is at the end of a way. Another has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    device: u64,
    inode: u64,
}

impl End {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(path)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

/// What tells that the way may lead elsewhere.
pub(super) struct Way {
    /// Tells of what is mounted and unmounted.
    pub(super) mounts: Option<File>,
    is_whole: bool,
}

impl Way {
    /// Has `inotify` tell of the directories on the way to `path`.
    pub(super) fn watch(path: &Path, inotify: &Inotify) -> Self {
        let change = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_MOVE;
        let how = change | AddWatchFlags::IN_ONLYDIR;
        let steps = steps(path);
        let is_whole = steps.iter().all(|(at, _)| inotify.add_watch(at, how).is_ok());
        let mounts = File::open("/proc/self/mountinfo").ok();
        Self {
            is_whole: is_whole && mounts.is_some(),
            mounts,
        }
    }

    /// True if all changes are told of; else it is to be looked at now and then.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }
}
