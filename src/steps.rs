//! The way to a file, step by step, with the links on it: whoever can change one of its directories can have it lead
//! elsewhere.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// Most links that are followed; as the kernel does.
const MOST_LINKS: usize = 40;

/// A step: a name in a directory.
pub(crate) type Step = (PathBuf, OsString);

/// The steps to `path`, those of the links on the way among them, also where there is nothing; where links lead round and
/// round, as far as they are followed.
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
            Ok(_) if links == MOST_LINKS => return steps,
            Ok(target) => {
                links += 1;
                if target.is_absolute() {
                    at = PathBuf::from("/");
                }
                for part in parts(&target).into_iter().rev() {
                    left.push_front(part);
                }
            }
            Err(_) => at = next,
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
