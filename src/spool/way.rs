//! The way to a directory: what leads there may be changed as well as the directory itself.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use nix::sys::inotify::{AddWatchFlags, Inotify};

/// Most links that are followed; as the kernel does.
const MOST_LINKS: usize = 40;

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

/// A step: a name in a directory.
pub(crate) type Step = (PathBuf, OsString);

/// The steps to `path`, those of the links on the way among them, as far as there is one.
pub(crate) fn steps(path: &Path) -> Vec<Step> {
    let mut left: VecDeque<OsString> = parts(path);
    let (mut at, mut steps, mut links) = (PathBuf::from("/"), Vec::new(), 0);
    if path.is_relative() {
        at = std::env::current_dir().unwrap_or(at);
    }
    while let Some(part) = left.pop_front() {
        if part == OsStr::new("..") {
            at.pop();
            continue;
        }
        let next = at.join(&part);
        steps.push((at.clone(), part));
        match fs::read_link(&next) {
            Ok(target) if links < MOST_LINKS => {
                links += 1;
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                for part in parts(&target).into_iter().rev() {
                    left.push_front(part);
                }
            }
            Ok(_) | Err(_) => at = next,
        }
    }
    steps
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let part = |part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    path.components().filter_map(part).collect()
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_on_the_way_are_steps() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("real/spool/delayed")).unwrap();
        symlink("real/../real", root.join("link")).unwrap();
        symlink(root.join("link/spool"), root.join("way")).unwrap();
        let steps = steps(&root.join("way/delayed"));
        let last: Vec<_> = steps
            .iter()
            .filter_map(|(at, name)| Some((at.strip_prefix(&root).ok()?.to_str()?, name.to_str()?)))
            .collect();
        let expected = [
            ("", "way"),
            ("", "link"),
            ("", "real"),
            ("", "real"),
            ("real", "spool"),
            ("real/spool", "delayed"),
        ];
        assert_eq!(last, expected);
        symlink("round", root.join("round")).unwrap();
        assert!(super::steps(&root.join("round/x")).len() < 100);
    }
}
