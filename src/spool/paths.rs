//! Where the shelves of a spool are.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use lonc_proto::spool::{Name, Place, Shelf};

/// The path of the queue; the other shelves are beside it.
#[derive(Clone, Debug)]
pub(crate) struct Paths(PathBuf);

impl Paths {
    pub(super) fn new(queue: &Path) -> Self {
        Self(queue.to_owned())
    }

    /// The directory itself.
    pub(crate) fn shelf(&self, shelf: Shelf) -> PathBuf {
        match shelf {
            Shelf::Queue => self.0.clone(),
            Shelf::Held => self.0.with_file_name("held"),
            Shelf::Failed => self.0.with_file_name("failed"),
        }
    }

    pub(super) fn file(&self, shelf: Shelf, name: &Name) -> PathBuf {
        let name = OsStr::from_bytes(name.as_bytes());
        match shelf {
            Shelf::Queue => self.0.join(name),
            Shelf::Held | Shelf::Failed => self.shelf(shelf).join(name),
        }
    }

    pub(super) fn place(&self, place: &Place) -> PathBuf {
        self.file(place.shelf, &place.name)
    }
}
