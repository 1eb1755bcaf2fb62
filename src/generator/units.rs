//! What the generator writes: links that have systemd start the peers' units, and what to watch for changes.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::config::{self, HostId, Start};

/// Where the package has the template units.
const UNITS: &str = "/usr/lib/systemd/system";
/// Wants the sockets early at boot, as all sockets are.
const SOCKETS: &str = "sockets.target";
/// Wants all that belongs to lonc.
const UMBRELLA: &str = "lonc.target";
/// Tells `lonc-hosts.path` what to watch beside `lonc.toml`.
const WATCH: (&str, &str) = ("lonc-hosts.path.d", "50-sources.conf");

/// Writes below `directory` what `config` asks for; what could not be done comes back, one line each.
///
/// Every peer but ourselves gets its socket; with `start = "boot"` its daemon, too. A host id holds nothing but
/// letters, digits, `_`, `.` and `-`, and is neither `.` nor `..`: it stands for itself in a unit's name, there is
/// nothing to escape. Other ids are refused by the configuration, with a warning.
#[must_use]
pub fn generate(config: &Path, directory: &Path) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Err(fault) = watch(&config::sources(config), directory, &mut warnings) {
        warnings.push(fault);
    }
    match config::peers(config) {
        Ok(peers) => {
            warnings.extend(peers.warnings);
            let ids: Vec<_> = peers.peers.iter().map(|peer| &peer.id).collect();
            // The first fault of the directory is that of all that would follow.
            warnings.extend(want(&ids, peers.start, directory).err());
        }
        Err(fault) => warnings.push(fault.to_string()),
    }
    warnings
}

fn want(peers: &[&HostId], start: Start, directory: &Path) -> Result<(), String> {
    if peers.is_empty() {
        return Ok(());
    }
    let sockets = wants_of(SOCKETS, directory)?;
    let umbrella = wants_of(UMBRELLA, directory)?;
    for peer in peers {
        let socket = format!("lonc@{peer}.socket");
        link(&sockets, "lonc@.socket", &socket)?;
        link(&umbrella, "lonc@.socket", &socket)?;
        if start == Start::Boot {
            link(&umbrella, "lonc@.service", &format!("lonc@{peer}.service"))?;
        }
    }
    Ok(())
}

fn wants_of(target: &str, directory: &Path) -> Result<PathBuf, String> {
    let wants = directory.join(format!("{target}.wants"));
    fs::create_dir_all(&wants).map_err(|fault| cannot_write(&wants, &fault))?;
    Ok(wants)
}

fn link(wants: &Path, template: &str, unit: &str) -> Result<(), String> {
    let path = wants.join(unit);
    match symlink(Path::new(UNITS).join(template), &path) {
        Err(fault) if fault.kind() != io::ErrorKind::AlreadyExists => Err(cannot_write(&path, &fault)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn watch(sources: &[PathBuf], directory: &Path, warnings: &mut Vec<String>) -> Result<(), String> {
    let mut lines = String::new();
    for source in sources {
        match unit_value(source) {
            // Writing to a text cannot fail.
            Some(value) => drop(writeln!(lines, "PathChanged={value}")),
            None => warnings.push(format!("cannot watch {}: odd name", source.display())),
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
    let (sub, name) = WATCH;
    let sub = directory.join(sub);
    let path = sub.join(name);
    fs::create_dir_all(&sub)
        .and_then(|()| fs::write(&path, format!("[Path]\n{lines}")))
        .map_err(|fault| cannot_write(&path, &fault))
}

/// The path as the value of a unit file's line, if it can stand there.
fn unit_value(path: &Path) -> Option<String> {
    let text = path.to_str()?;
    let odd = text.chars().any(char::is_control) || text.ends_with('\\') || text.trim() != text;
    (!odd).then(|| text.replace('%', "%%"))
}

fn cannot_write(path: &Path, fault: &io::Error) -> String {
    format!("{}: cannot be written: {fault}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stands_for_itself_or_is_not_watched() {
        assert_eq!(unit_value(Path::new("/a b/50%i")).as_deref(), Some("/a b/50%%i"));
        for odd in ["/a\nPathChanged=/b", "/a\\", "/a "] {
            assert_eq!(unit_value(Path::new(odd)), None);
        }
    }
}
