//! Whether anybody listens at the sockets for requests, told without a connection: that would start a daemon.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, ErrorKind};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use super::place::{LIST, LISTENS};

/// Who listens in a directory, as it was at one moment.
pub(crate) struct Listening {
    directory: PathBuf,
    /// The paths at which somebody listens on this machine, by their last part; nothing where the kernel shows none, as in
    /// a network of one's own.
    listed: Option<HashMap<Vec<u8>, Vec<PathBuf>>>,
}

impl Listening {
    pub(crate) fn now(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            listed: listed().filter(|listed| !listed.is_empty()),
        }
    }

    /// Whether somebody listens at the socket of this name; none if that cannot be told.
    pub(crate) fn at(&self, name: &str) -> Option<bool> {
        let path = self.directory.join(name);
        let is_there = match fs::symlink_metadata(&path) {
            Ok(found) => Some(found.file_type().is_socket()),
            Err(fault) if fault.kind() == ErrorKind::NotFound && self.directory.exists() => Some(false),
            // A directory that may not be searched, or is hidden from us.
            Err(_) => None,
        };
        let is_listed = self.listed.as_ref().map(|listed| {
            let bound = listed.get(name.as_bytes()).into_iter().flatten();
            bound
                .filter_map(|bound| bound.parent())
                .any(|parent| self.is_directory(parent))
        });
        match (is_there, is_listed) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (_, Some(true)) => Some(true),
            (is_there, None) => is_there,
        }
    }

    /// Whether somebody listens at any socket there; none if that cannot be told.
    pub(crate) fn is_any(&self) -> Option<bool> {
        let Some(listed) = &self.listed else {
            let mut entries = fs::read_dir(&self.directory).ok()?.flatten();
            return Some(entries.any(|entry| entry.file_type().is_ok_and(|kind| kind.is_socket())));
        };
        let mut all = listed.values().flatten();
        Some(all.any(|bound| bound.parent().is_some_and(|parent| self.is_directory(parent))))
    }

    fn is_directory(&self, other: &Path) -> bool {
        let real = |path: &Path| fs::canonicalize(path).ok();
        other == self.directory || real(other).is_some_and(|other| Some(other) == real(&self.directory))
    }
}

fn listed() -> Option<HashMap<Vec<u8>, Vec<PathBuf>>> {
    let mut listed: HashMap<_, Vec<_>> = HashMap::new();
    for line in BufReader::new(File::open(LIST).ok()?).split(b'\n') {
        let line = line.ok()?;
        let mut parts = line.split(|byte| *byte == b' ');
        let listens = parts.nth(3) == Some(LISTENS);
        let Some(at) = memchr::memchr(b'/', &line).filter(|_| listens) else {
            continue;
        };
        let path = Path::new(std::ffi::OsStr::from_bytes(line.get(at..).unwrap_or_default()));
        if let Some(name) = path.file_name() {
            listed
                .entry(name.as_bytes().to_vec())
                .or_default()
                .push(path.to_owned());
        }
    }
    Some(listed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn who_listens_is_told_without_a_connection() {
        let dir = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(dir.path().join("a")).unwrap();
        listener.set_nonblocking(true).unwrap();
        drop(UnixListener::bind(dir.path().join("stale")).unwrap());
        fs::write(dir.path().join("file"), "").unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        for directory in [dir.path(), &link] {
            let now = Listening::now(directory);
            assert_eq!(now.at("a"), Some(true));
            for other in ["stale", "file", "none"] {
                assert_eq!(now.at(other), Some(false), "{other}");
            }
        }
        assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
        let blind = Listening {
            directory: dir.path().to_owned(),
            listed: None,
        };
        assert_eq!((blind.at("stale"), blind.at("none")), (Some(true), Some(false)));
        assert_eq!(blind.is_any(), Some(true));
        let hidden = Listening {
            directory: dir.path().join("none"),
            listed: None,
        };
        assert_eq!((hidden.at("a"), hidden.is_any()), (None, None));
    }
}
