//! Whether files are still those that were read.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// Which files they were, and when they were changed; nothing for one that is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Vec<Option<[i128; 6]>>);

impl Stamp {
    /// Of what these paths lead to now.
    pub(crate) fn of(paths: &[PathBuf]) -> Self {
        let stamp = |path: &PathBuf| {
            let found = fs::metadata(path).ok()?;
            Some([
                found.dev().into(),
                found.ino().into(),
                found.size().into(),
                found.mtime().into(),
                found.ctime().into(),
                found.ctime_nsec().into(),
            ])
        };
        Self(paths.iter().map(stamp).collect())
    }
}
