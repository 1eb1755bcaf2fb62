//! Whether the daemons can read what secures their links, and are passed what the configuration says they are. What root
//! can read says nothing of that.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use super::sight::{self, HIDDEN, Ids, Unit};
use super::{Finding, systemctl};
use crate::config::{self, HostId, Peer};
use crate::ctl::site::Site;
use crate::systemd::is_booted;
use crate::tls::TlsSettings;
use crate::units;

/// To enter a directory: its owner's, group's and others' bits.
const ENTER: [u32; 3] = [0o100, 0o010, 0o001];
/// To read a file.
const READ: [u32; 3] = [0o400, 0o040, 0o004];
/// Of these the units show nothing but what they are told to.
const PRIVATE: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];
/// Rights beside those of the mode are in this attribute.
const ACL: &str = "system.posix_acl_access";
/// The lines of a unit that pass something by a name, to which it takes up to the colon.
const PASSING: [&str; 5] = [
    "LoadCredential",
    "LoadCredentialEncrypted",
    "SetCredential",
    "SetCredentialEncrypted",
    "ImportCredential",
];

const READABLE: &str = "Put it where the daemon's user can read it and the units hide nothing, such as /etc/lonc/tls; or \
     have the unit pass it: LoadCredential= in tls.md of the documents";
const PASSED: &str =
    "systemctl edit lonc@.service: LoadCredential=NAME:FILE under [Service]; then systemctl restart";

/// As the daemons see it that run, and as the unit says of those that do not. Only root may look through their eyes.
pub(super) fn all(site: &Site, peers: &[Peer]) -> Vec<Finding> {
    if !is_booted() || !geteuid().is_root() {
        return Vec::new();
    }
    // A fault of the configuration is told as such.
    let tls = config::tls_of(&site.config, peers).unwrap_or_default();
    let secured: Vec<_> = peers.iter().zip(tls).filter(|(_, tls)| tls.required).collect();
    let (mut looked_at, mut found) = (Vec::new(), BTreeMap::<_, Vec<&HostId>>::new());
    let pids = sight::pids(peers);
    for (peer, tls) in &secured {
        let place = peers.iter().position(|one| one.id == peer.id);
        let pid = place.and_then(|place| pids.get(place)).filter(|pid| **pid > 0);
        // Of those that do not run, the settings that they share are looked at once.
        if pid.is_none() && looked_at.contains(&tls) {
            continue;
        }
        let unit = format!("lonc@{}.service", peer.id);
        let eyes = match pid {
            Some(pid) => Eyes::of_process(*pid),
            None => Eyes::of_unit(&unit),
        };
        let Some(eyes) = eyes else { continue };
        let missing = passed_to(&unit).map_or_else(Vec::new, |passed| missing(tls, &passed));
        for fault in eyes.faults(tls).into_iter().chain(missing) {
            found.entry(fault).or_default().push(&peer.id);
        }
        if pid.is_none() {
            looked_at.push(tls);
        }
    }
    if found.is_empty() && !secured.is_empty() {
        let text = format!(
            "{} can read what secures the links",
            units::count(secured.len(), "daemon")
        );
        return vec![Finding::fine(&"tls", text)];
    }
    let findings = found.into_iter();
    findings
        .map(|((text, remedy), peers)| Finding::wrong(&subject(&peers), text, remedy))
        .collect()
}

fn subject(peers: &[&HostId]) -> String {
    match peers {
        [] => String::new(),
        [only] => only.to_string(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

/// What is wrong, and what to do.
type Fault = (String, &'static str);

/// Whose eyes it is seen with.
struct Eyes {
    ids: Ids,
    /// Where the process has its root directory; none of one that does not run.
    root: Option<PathBuf>,
    /// What it would see of what the units hide.
    seen: Vec<PathBuf>,
}

impl Eyes {
    fn of_process(pid: u32) -> Option<Self> {
        Some(Self {
            ids: Ids::of(pid)?,
            root: Some(Path::new("/proc").join(pid.to_string()).join("root")),
            seen: Vec::new(),
        })
    }

    fn of_unit(name: &str) -> Option<Self> {
        let Unit { ids, seen, .. } = Unit::of(name)?;
        Some(Self {
            ids,
            root: None,
            seen,
        })
    }

    fn faults(&self, tls: &TlsSettings) -> Vec<Fault> {
        let fault = |(path, by): (&Path, &str)| {
            let why = self.unread(path)?;
            Some((format!("{by}: {}: {why}", path.display()), READABLE))
        };
        tls.files().into_iter().filter_map(fault).collect()
    }

    /// Why it cannot read the file, if so. That there is none is told elsewhere.
    fn unread(&self, path: &Path) -> Option<String> {
        let real = fs::canonicalize(path).ok()?;
        let mut way: Vec<_> = real.ancestors().skip(1).collect();
        way.reverse();
        let dirs = way.into_iter().map(|dir| (dir, ENTER));
        for (place, bits) in dirs.chain([(real.as_path(), READ)]) {
            let metadata = match self.look(place) {
                Ok(metadata) => metadata,
                Err(fault) if fault.kind() == ErrorKind::NotFound => return Some(HIDDEN.to_owned()),
                Err(_) => return None,
            };
            if !self.ids.may(&metadata, bits) && !has_acl(place) {
                let what = if bits == READ {
                    "read it".to_owned()
                } else {
                    format!("enter {}", place.display())
                };
                return Some(self.ids.denied(&what, &metadata));
            }
        }
        None
    }

    fn look(&self, path: &Path) -> io::Result<Metadata> {
        if let Some(root) = &self.root {
            return fs::metadata(root.join(path.strip_prefix("/").unwrap_or(path)));
        }
        let is_private = PRIVATE
            .iter()
            .any(|private| path.starts_with(private) && path != Path::new(private));
        let is_seen = |seen: &PathBuf| path.starts_with(seen) || seen.starts_with(path);
        if is_private && !self.seen.iter().any(is_seen) {
            return Err(ErrorKind::NotFound.into());
        }
        fs::metadata(path)
    }
}

fn has_acl(path: &Path) -> bool {
    rustix::fs::getxattr(path, ACL, &mut [0; 0]).is_ok()
}

/// The names of what the unit passes; all that it says, with its drop-ins.
fn passed_to(unit: &str) -> Option<Vec<String>> {
    let text = systemctl::ask("cat", &["--".to_owned(), unit.to_owned()]).ok()?;
    (!text.is_empty()).then(|| passed(&text))
}

fn passed(text: &str) -> Vec<String> {
    let mut names = Vec::<(&str, String)>::new();
    for line in text.lines() {
        let Some((key, value)) = line.trim().split_once('=') else {
            continue;
        };
        let Some(key) = PASSING.into_iter().find(|passing| *passing == key.trim_end()) else {
            continue;
        };
        match value.trim().split(':').next().unwrap_or_default() {
            // What was said of it before holds no more.
            "" => names.retain(|(known, _)| *known != key),
            name => names.push((key, name.to_owned())),
        }
    }
    names.into_iter().map(|(_, name)| name).collect()
}

fn missing(tls: &TlsSettings, passed: &[String]) -> Vec<Fault> {
    let is_passed = |name: &str| {
        passed.iter().any(|known| match known.split_once('*') {
            Some((before, _)) => name.starts_with(before),
            None => known == name,
        })
    };
    let missing = tls.passed().filter(|(name, _)| !is_passed(name));
    let fault = |(name, by): (&str, &str)| (format!("{by}: the unit passes no credential {name}"), PASSED);
    missing.map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;
    use std::process;

    #[test]
    fn what_a_unit_passes() {
        let unit = "# /etc/x\n[Service]\nLoadCredential=a:/etc/a\nSetCredential = b:text:more\nLoadCredential=\n\
             LoadCredential=c\nImportCredential=lonc.*\nExecStart=/x LoadCredential=d\n#LoadCredential=e:/e\n";
        assert_eq!(passed(unit), ["b", "c", "lonc.*"]);
    }

    #[test]
    fn what_a_process_can_read_is_what_it_sees_and_may() {
        let dir = tempfile::tempdir().unwrap();
        let (inner, file) = (dir.path().join("inner"), dir.path().join("inner/key"));
        fs::create_dir(&inner).unwrap();
        fs::write(&file, "").unwrap();
        let eyes = Eyes::of_process(process::id()).unwrap();
        assert_eq!(eyes.unread(&file), None);
        assert_eq!(eyes.unread(&inner.join("none")), None);
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        set(&file, 0o200);
        assert!(
            eyes.unread(&file)
                .is_some_and(|why| why.contains("may not read it"))
        );
        set(&file, 0o600);
        set(&inner, 0o600);
        // Who is not root does not even find it.
        let expected = geteuid()
            .is_root()
            .then(|| format!("may not enter {}", inner.display()));
        let why = eyes.unread(&file).unwrap_or_default();
        assert!(expected.is_none_or(|words| why.contains(&words)), "{why}");
        set(&inner, 0o700);
    }

    #[test]
    fn what_a_unit_hides() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("key");
        fs::write(&file, "").unwrap();
        let eyes = |seen: &[&Path]| Eyes {
            root: None,
            seen: seen.iter().map(|path| path.to_path_buf()).collect(),
            ids: Ids::of(process::id()).unwrap(),
        };
        let is_private = PRIVATE.iter().any(|private| file.starts_with(private));
        assert_eq!(eyes(&[]).unread(&file).as_deref() == Some(HIDDEN), is_private);
        assert_eq!(eyes(&[dir.path()]).unread(&file), None);
    }
}
