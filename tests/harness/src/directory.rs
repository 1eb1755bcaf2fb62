//! Directories and files.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

/// A path in the tree of sources.
pub fn source(path: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A directory that is gone when its last clone is dropped.
#[derive(Clone)]
pub struct Directory(Arc<TempDir>);

impl Directory {
    /// An empty one, into which all users may look.
    pub fn new() -> Self {
        let dir = TempDir::new().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        Self(Arc::new(dir))
    }

    /// A path in it.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, in which `DIR` stands for the path of the directory.
    pub fn write(&self, name: impl AsRef<Path>, text: &str) {
        fs::write(self.path(name), text.replace("DIR", self.root())).unwrap();
    }

    /// `text` with `DIR` for the path of the directory.
    pub fn hide(&self, text: &str) -> String {
        text.replace(self.root(), "DIR")
    }

    /// Its own path.
    pub fn root(&self) -> &str {
        self.0.path().to_str().unwrap()
    }
}

impl Default for Directory {
    fn default() -> Self {
        Self::new()
    }
}
