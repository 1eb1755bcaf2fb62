//! Whose messages there are, told by the names of their files alone: also those of peers that no daemon serves.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use lonc_proto::spool::addressee;

use super::paths::Paths;
use super::{Shelf, Summary};
use crate::config::HostId;

/// Most names that are looked at.
const MOST: usize = 200_000;

/// What there is of each host, among `known` ones and others. A host that nobody knows is called by the last part of its
/// messages' names.
///
/// # Errors
/// The directory of what is to be sent cannot be read; one that is not there is empty.
pub(crate) fn census(queue: &Path, known: &[HostId]) -> io::Result<BTreeMap<HostId, Summary>> {
    let known = known.iter().map(AsRef::as_ref).collect();
    let mut all: BTreeMap<HostId, Counted> = BTreeMap::new();
    let paths = Paths::new(queue);
    for shelf in Shelf::ALL {
        let names = match fs::read_dir(paths.shelf(shelf)) {
            Ok(entries) => entries,
            Err(fault) if shelf == Shelf::Queue && fault.kind() != io::ErrorKind::NotFound => {
                return Err(fault);
            }
            // One beside the queue is mostly just not there yet.
            Err(_) => continue,
        };
        for name in names.flatten().take(MOST).map(|entry| entry.file_name()) {
            let Some((id, name)) = name
                .to_str()
                .and_then(|name| Some((host_of(shelf, name, &known)?, name)))
            else {
                continue;
            };
            all.entry(id).or_default().see(shelf, name);
        }
    }
    let summary = |(id, counted): (HostId, Counted)| (id, counted.summary(queue));
    Ok(all.into_iter().map(summary).collect())
}

#[derive(Default)]
struct Counted {
    summary: Summary,
    /// The name of the first that is to be sent.
    first: Option<String>,
}

impl Counted {
    fn see(&mut self, shelf: Shelf, name: &str) {
        match shelf {
            Shelf::Queue => {
                self.summary.queued += 1;
                if self.first.as_deref().is_none_or(|first| name < first) {
                    self.first = Some(name.to_owned());
                }
            }
            Shelf::Held => self.summary.held += 1,
            Shelf::Failed => self.summary.failed += 1,
        }
    }

    fn summary(self, queue: &Path) -> Summary {
        let written = |name: String| {
            fs::symlink_metadata(queue.join(name))
                .and_then(|data| data.modified())
                .ok()
        };
        let since_1970 = |date: SystemTime| date.duration_since(UNIX_EPOCH).unwrap_or_default();
        Summary {
            oldest: self.first.and_then(written).map(since_1970),
            ..self.summary
        }
    }
}

/// Whose a message of this name is.
pub(crate) fn host_of(shelf: Shelf, name: &str, known: &HashSet<&str>) -> Option<HostId> {
    let name = name.as_bytes();
    // A number may only tell it from another of the same name.
    let is_last = |end: &str| !end.contains('.') && end.bytes().any(|byte| !byte.is_ascii_digit());
    let known = addressee(shelf, name, |end| known.contains(end));
    known.or_else(|| addressee(shelf, name, is_last))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_by_their_names_whoever_serves_their_hosts() {
        let dir = tempfile::tempdir().unwrap();
        let queue = dir.path().join("delayed");
        for (shelf, name) in [
            ("delayed", "1.000001.9.put.msul1"),
            ("delayed", "2.000001.9.put.msul1"),
            ("delayed", "2.000001.9.put.a.b"),
            ("delayed", ".storing-b-9.tmp"),
            ("delayed", "README"),
            ("held", "3.000001.9.put.gone"),
            ("failed", "3.000001.9.put.gone.1"),
            ("failed", "3.000001.9.put.b"),
        ] {
            fs::create_dir_all(dir.path().join(shelf)).unwrap();
            fs::write(dir.path().join(shelf).join(name), "x\n").unwrap();
        }
        let known = ["msul1", "b", "a.b"].map(|id| id.parse().unwrap());
        let all = census(&queue, &known).unwrap();
        let counts: Vec<_> = all
            .iter()
            .map(|(id, one)| (id.as_ref(), one.queued, one.held, one.failed))
            .collect();
        assert_eq!(
            counts,
            [
                ("a.b", 1, 0, 0),
                ("b", 0, 0, 1),
                ("gone", 0, 1, 1),
                ("msul1", 2, 0, 0)
            ]
        );
        assert!(all.values().next().unwrap().oldest.is_some());
        assert!(
            census(&dir.path().join("none/delayed"), &known)
                .unwrap()
                .is_empty()
        );
    }
}
