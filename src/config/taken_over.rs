//! Which peers are ours while a host moves over from the Perl lonc: a directory with an empty file for each.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::host_id::HostId;
use super::text;

/// Beside `lonc.toml`.
const NAME: &str = "taken-over";

/// The peers for which systemd is to listen; the others are left to whoever serves them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TakenOver {
    /// Every peer: there is no such directory. So it is on a host that has no Perl lonc, or none any more.
    All,
    /// Those that have a file in the directory.
    Only(BTreeSet<HostId>),
}

impl TakenOver {
    /// Reads the directory beside the configuration `config`; the second part is warnings. What cannot be read takes
    /// nothing over: that would be to cut off the workers of another lonc.
    pub(crate) fn read(config: &Path) -> (Self, Vec<String>) {
        let path = Self::path(config);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(fault) if fault.kind() == ErrorKind::NotFound && !path.is_symlink() => {
                return (Self::All, Vec::new());
            }
            Err(fault) => {
                let warning = format!(
                    "{}: cannot be read, no peer is taken over: {fault}",
                    text::path(&path)
                );
                return (Self::Only(BTreeSet::new()), vec![warning]);
            }
        };
        let (mut ids, mut warnings) = (BTreeSet::new(), Vec::new());
        for name in entries.filter_map(Result::ok).map(|entry| entry.file_name()) {
            let name = name.to_string_lossy();
            match name.parse() {
                Ok(id) => drop(ids.insert(id)),
                Err(fault) => {
                    warnings.push(format!("{}: {} {fault}", text::path(&path), text::quoted(&name)));
                }
            }
        }
        (Self::Only(ids), warnings)
    }

    /// The directory.
    pub(crate) fn path(config: &Path) -> PathBuf {
        config.with_file_name(NAME)
    }

    /// Whether this peer is ours.
    pub(crate) fn has(&self, id: &HostId) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_directory_all_are_ours_and_with_it_those_that_are_listed() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("lonc.toml");
        let id = |text: &str| text.parse::<HostId>().unwrap();
        assert_eq!(TakenOver::read(&config), (TakenOver::All, vec![]));
        fs::create_dir(dir.path().join(NAME)).unwrap();
        assert_eq!(
            TakenOver::read(&config),
            (TakenOver::Only(BTreeSet::new()), vec![])
        );
        for name in ["a", "b-1.x", "c~"] {
            fs::write(dir.path().join(NAME).join(name), "").unwrap();
        }
        let (set, warnings) = TakenOver::read(&config);
        assert!(set.has(&id("a")) && set.has(&id("b-1.x")) && !set.has(&id("c")));
        assert!(
            warnings.len() == 1 && warnings[0].contains("\"c~\""),
            "{warnings:?}"
        );
    }

    #[test]
    fn what_cannot_be_read_takes_nothing_over() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("lonc.toml");
        let nothing = TakenOver::Only(BTreeSet::new());
        std::os::unix::fs::symlink("/nowhere", dir.path().join(NAME)).unwrap();
        assert_eq!(TakenOver::read(&config).0, nothing);
        fs::remove_file(dir.path().join(NAME)).unwrap();
        fs::write(dir.path().join(NAME), "").unwrap();
        let (set, warnings) = TakenOver::read(&config);
        assert_eq!((set, warnings.len()), (nothing, 1));
    }
}
