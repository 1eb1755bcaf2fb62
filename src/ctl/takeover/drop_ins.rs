//! The drop-ins of a classic host, for its own directories.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Where an administrator's units are.
const UNITS: &str = "etc/systemd/system";

macro_rules! classic {
    ($($name:literal)*) => {
        /// The examples, by their names below the directory of units.
        const ALL: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../../systemd/examples/classic/", $name)))),*
        ];
    };
}

classic! {
    "lonc@.socket.d/classic.conf"
    "lonc@.service.d/classic.conf"
    "lonc-control@.socket.d/classic.conf"
    "lonc-reconnect@.service.d/classic.conf"
    "lonc-aliases.service.d/classic.conf"
    "lonc-table.service.d/classic.conf"
}

/// Where they go, and the directories that stand in them.
#[derive(Debug)]
pub(super) struct DropIns {
    units: PathBuf,
    /// What stands in the examples, and what is so on this host.
    paths: [(&'static str, PathBuf); 2],
}

impl DropIns {
    pub(super) fn new(root: &Path, sockets: &Path, logs: &Path) -> Self {
        Self {
            units: root.join(UNITS),
            paths: [
                ("/home/httpd/sockets", sockets.to_owned()),
                ("/home/httpd/perl/logs", logs.to_owned()),
            ],
        }
    }

    /// Those that are not there. One that is there stays as it is: an administrator may have changed it.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let names = ALL.iter().map(|(name, _)| *name);
        names.filter(|name| !self.units.join(name).exists()).collect()
    }

    pub(super) fn add(&self, names: &[&str]) -> Result<(), String> {
        for (name, text) in ALL.iter().filter(|(name, _)| names.contains(name)) {
            let path = self.units.join(name);
            let directory = path.parent().unwrap_or(&self.units);
            fs::create_dir_all(directory)
                .and_then(|()| fs::write(&path, self.of_here(text)))
                .map_err(|fault| format!("{}: {fault}", path.display()))?;
        }
        Ok(())
    }

    pub(super) fn remove(&self, names: &[&str]) -> Result<(), String> {
        for path in names.iter().map(|name| self.units.join(name)) {
            match fs::remove_file(&path) {
                Err(fault) if fault.kind() != ErrorKind::NotFound => {
                    return Err(format!("{}: {fault}", path.display()));
                }
                Ok(()) | Err(_) => {}
            }
            // Others may be in there, too.
            let _ = path.parent().map(fs::remove_dir);
        }
        Ok(())
    }

    fn of_here(&self, text: &str) -> String {
        let written = self
            .paths
            .iter()
            .map(|(word, path)| (word, path.display().to_string()));
        written.fold(text.to_owned(), |text, (word, path)| text.replace(word, &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_of_the_examples() {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/examples/classic");
        let mut found = Vec::new();
        for directory in fs::read_dir(&examples)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            for file in fs::read_dir(&directory)
                .unwrap()
                .map(|entry| entry.unwrap().path())
            {
                found.push(file.strip_prefix(&examples).unwrap().to_str().unwrap().to_owned());
            }
        }
        let mut known: Vec<_> = ALL.iter().map(|(name, _)| (*name).to_owned()).collect();
        // That one is for when the Perl lonc is gone; then lonc-usr1.service is enabled.
        found.retain(|name| name != "lonc.target.d/classic.conf");
        found.sort();
        known.sort();
        assert_eq!(found, known);
    }

    #[test]
    fn they_come_and_go_with_the_directories_of_this_host() {
        let root = tempfile::tempdir().unwrap();
        let drop_ins = DropIns::new(root.path(), Path::new("/srv/sockets"), Path::new("/srv/logs"));
        let missing = drop_ins.missing();
        assert_eq!(missing.len(), ALL.len());
        drop_ins.add(&missing).unwrap();
        let text = fs::read_to_string(root.path().join(UNITS).join("lonc@.socket.d/classic.conf")).unwrap();
        assert!(text.contains("\nListenStream=/srv/sockets/%i\n"), "{text}");
        assert_eq!(drop_ins.missing(), [""; 0]);
        drop_ins.remove(&missing).unwrap();
        assert_eq!(fs::read_dir(root.path().join(UNITS)).unwrap().count(), 0);
    }
}
