//! What the generator writes: links that have systemd start the peers' units, and what to watch for changes.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::sandbox;
use crate::config::{HostId, Snapshot, Start, TakenOver};

/// Where the package has the template units.
const UNITS: &str = "/usr/lib/systemd/system";
/// Wants all that belongs to lonc, and is not wanted by `sockets.target`: disabled, it starts nothing. The sockets are
/// there as early at boot as all others, for each comes before `sockets.target`.
const UMBRELLA: &str = "lonc.target";
/// Tells `lonc-hosts.path` what to watch beside `lonc.toml`,
const WATCH: (&str, &str) = ("lonc-hosts.path.d", "50-sources.conf");
/// and `lonc-delayed.path` where messages appear, if not where it looks anyway.
const WATCH_SPOOL: (&str, &str) = ("lonc-delayed.path.d", "50-spool.conf");
const SPOOL: &str = "/var/spool/lonc/delayed";

/// Writes below `directory` what the list of peers in the file `kept` asks for; what could not be done comes back, one
/// line each. Of what others can write nothing is read: systemd waits for us.
///
/// Every peer but ourselves gets its socket, or, while a host moves over from the Perl lonc, those that are taken over;
/// with `start = "boot"` its daemon, too. A host id holds nothing but
/// letters, digits, `_`, `.` and `-`, and is neither `.` nor `..`: it stands for itself in a unit's name, there is
/// nothing to escape. Other ids are refused by the configuration, with a warning.
#[must_use]
pub fn generate(config: &Path, kept: &Path, directory: &Path) -> Vec<String> {
    let snapshot = match Snapshot::read(kept) {
        Ok(snapshot) => snapshot,
        Err(fault) => {
            let kept = kept.display();
            return vec![format!(
                "{kept}: no list of peers, which lonc-hosts.service makes: {fault}"
            )];
        }
    };
    let mut warnings = Vec::new();
    let spool = snapshot.spool_dir.as_ref().filter(|dir| *dir != Path::new(SPOOL));
    for (paths, place) in [
        (snapshot.watched.as_slice(), WATCH),
        (spool.map_or(&[][..], std::slice::from_ref), WATCH_SPOOL),
    ] {
        let fault = watch(paths, place, directory, &mut warnings).err();
        warnings.extend(fault);
    }
    let fault = sandbox::write(&snapshot.sandbox, directory).err();
    warnings.extend(fault.map(|fault| cannot_write(directory, &fault)));
    let (ours, odd) = TakenOver::read(config);
    warnings.extend(odd);
    let ids: Vec<_> = snapshot.peers.keys().filter(|id| ours.has(id)).collect();
    // The first fault of the directory is that of all that would follow.
    warnings.extend(want(&ids, snapshot.start, directory).err());
    warnings
}

fn want(peers: &[&HostId], start: Start, directory: &Path) -> Result<(), String> {
    if peers.is_empty() {
        return Ok(());
    }
    let wants = directory.join(format!("{UMBRELLA}.wants"));
    fs::create_dir_all(&wants).map_err(|fault| cannot_write(&wants, &fault))?;
    want_each(peers, "socket", &wants)?;
    match start {
        Start::Demand => Ok(()),
        Start::Boot => want_each(peers, "service", &wants),
    }
}

fn want_each(peers: &[&HostId], kind: &str, wants: &Path) -> Result<(), String> {
    let template = Path::new(UNITS).join(format!("lonc@.{kind}"));
    peers
        .iter()
        .try_for_each(|peer| link(&template, &wants.join(format!("lonc@{peer}.{kind}"))))
}

fn link(template: &Path, unit: &Path) -> Result<(), String> {
    match symlink(template, unit) {
        Err(fault) if fault.kind() != io::ErrorKind::AlreadyExists => Err(cannot_write(unit, &fault)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn watch(
    paths: &[PathBuf],
    (sub, name): (&str, &str),
    directory: &Path,
    warnings: &mut Vec<String>,
) -> Result<(), String> {
    let mut lines = String::new();
    for watched in paths {
        match unit_value(watched) {
            // Writing to a text cannot fail.
            Some(value) => drop(writeln!(lines, "PathChanged={value}")),
            None => warnings.push(format!("cannot watch {}: odd name", watched.display())),
        }
    }
    if lines.is_empty() {
        return Ok(());
    }
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
