//! Where systemd is to listen for workers, as the files of its unit have it: whether or not it does.

use std::fs;
use std::path::{Path, PathBuf};

/// Where systemd finds units.
const UNITS: [&str; 4] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
];
/// The unit of each peer's socket.
const NAME: &str = "lonc@.socket";
/// The directory of our own, which the unit of the package names: no Perl lonc has its sockets there.
pub(crate) const OWN: &str = "/run/lonc";

/// Whether `directory` is that.
pub(crate) fn is_own(directory: &Path) -> bool {
    directory == Path::new(OWN)
}

/// Whether a file of the unit, or a drop-in of it, names sockets in `directory`. That of our own needs no file.
pub(crate) fn is_named(directory: &Path) -> bool {
    is_own(directory)
        || UNITS
            .iter()
            .any(|units| is_named_below(Path::new(units), directory))
}

fn is_named_below(units: &Path, directory: &Path) -> bool {
    let drop_ins = fs::read_dir(units.join(format!("{NAME}.d")))
        .into_iter()
        .flatten();
    let drop_ins = drop_ins.flatten().map(|entry| entry.path());
    let mut files = drop_ins
        .filter(|path| path.extension().is_some_and(|end| end == "conf"))
        .chain([units.join(NAME)]);
    files.any(|file: PathBuf| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let mut values = text.lines().filter_map(|line| {
            line.trim()
                .strip_prefix("ListenStream")?
                .trim_start()
                .strip_prefix('=')
        });
        values.any(|value| is_in(Path::new(value.trim()), directory))
    })
}

fn is_in(socket: &Path, directory: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    let parent = socket.parent();
    let is_same = |parent| real(parent).is_some_and(|parent| Some(parent) == real(directory));
    parent == Some(directory) || parent.is_some_and(is_same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_or_a_drop_in_names_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        let is_named = |directory: &str| is_named_below(dir.path(), Path::new(directory));
        assert!(!is_named("/run/lonc"));
        fs::write(dir.path().join(NAME), "[Socket]\nListenStream=/run/lonc/%i\n").unwrap();
        assert!(is_named("/run/lonc") && !is_named("/home/httpd/sockets"));
        let drop_ins = dir.path().join("lonc@.socket.d");
        fs::create_dir(&drop_ins).unwrap();
        let text = "[Socket]\nListenStream=\n# ListenStream=/srv/%i\nListenStream = /home/httpd/sockets/%i\n";
        fs::write(drop_ins.join("classic.conf.old"), text).unwrap();
        assert!(!is_named("/home/httpd/sockets"), "it is no drop-in");
        fs::write(drop_ins.join("classic.conf"), text).unwrap();
        assert!(is_named("/home/httpd/sockets") && !is_named("/srv"));
    }
}
