//! Whether the daemons can read what secures their links, and are passed what the configuration says they are. What root
//! can read says nothing of that.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;

use super::Finding;
use super::sight::{self, AGAIN, ENDED, subject};
use super::unit::{HIDDEN, Ids, Unit};
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
const UNIT: &str =
    "systemctl show lonc@PEER.service: User= and Group= are to be there, and FragmentPath= a file";
const PASSED: &str =
    "systemctl edit lonc@.service: LoadCredential=NAME:FILE under [Service]; then systemctl restart";

/// As the daemons see it that run, and as the unit says of those that do not. Only root may look through their eyes.
pub(super) fn all(site: &Site, peers: &[Peer]) -> Vec<Finding> {
    if !is_booted() || !geteuid().is_root() {
        return Vec::new();
    }
    // A fault of the configuration is told as such.
    let tls = config::tls_of(&site.config, peers).unwrap_or_default();
    let secured: Vec<_> = peers.iter().zip(&tls).filter(|(_, tls)| tls.required).collect();
    let units = Unit::of_each(secured.iter().map(|(peer, _)| &peer.id));
    let mut looks = Looks::default();
    for ((peer, tls), unit) in secured.into_iter().zip(units) {
        looks.add(&peer.id, Look::at(tls, unit.as_ref()));
    }
    looks.findings()
}

/// What came of it, of all.
#[derive(Default)]
struct Looks<'a> {
    num_fine: usize,
    faults: BTreeMap<Fault, Vec<&'a HostId>>,
    unseen: BTreeMap<Fault, Vec<&'a HostId>>,
}

impl<'a> Looks<'a> {
    fn add(&mut self, peer: &'a HostId, look: Look) {
        self.num_fine += usize::from(look.is_fine());
        for fault in look.faults {
            self.faults.entry(fault).or_default().push(peer);
        }
        if let Some(Gap::Unseen(why)) = look.gap {
            self.unseen.entry(why).or_default().push(peer);
        }
    }

    fn findings(self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if self.num_fine > 0 && self.faults.is_empty() {
            let daemons = units::count(self.num_fine, "daemon");
            let text = format!("{daemons} can read what secures the links");
            findings.push(Finding::fine(&"tls", text));
        }
        findings.extend(
            self.faults
                .into_iter()
                .map(|((text, remedy), peers)| Finding::wrong(&subject(&peers), text, remedy)),
        );
        findings.extend(self.unseen.into_iter().map(|((why, remedy), peers)| {
            let text = format!("whether what secures the link can be read was not seen: {why}");
            Finding::doubt(&subject(&peers), text, remedy)
        }));
        findings
    }
}

/// What came of it, of one.
#[derive(Default)]
struct Look {
    faults: Vec<Fault>,
    gap: Option<Gap>,
}

/// Why not all was seen.
#[derive(Debug, PartialEq, Eq)]
enum Gap {
    /// There is nothing to be seen, as is told elsewhere.
    Elsewhere,
    Unseen(Fault),
}

impl Gap {
    fn ended() -> Self {
        Self::Unseen((ENDED.to_owned(), AGAIN))
    }
}

impl Look {
    /// With the eyes of the process, if it runs.
    fn at(tls: &TlsSettings, unit: Option<&Unit>) -> Self {
        let mut look = Self::default();
        let Some(unit) = unit else {
            look.gap = Some(Gap::Unseen((
                "systemd tells nothing of its unit".to_owned(),
                UNIT,
            )));
            return look;
        };
        let eyes = if unit.pid > 0 {
            Eyes::of_process(unit.pid).ok_or_else(Gap::ended)
        } else {
            let fault = "its unit names a user or a group that nobody knows";
            Eyes::of_unit(unit).ok_or_else(|| Gap::Unseen((fault.to_owned(), UNIT)))
        };
        match eyes {
            Ok(eyes) => look.at_files(&eyes, tls),
            Err(gap) => look.gap = Some(gap),
        }
        if tls.passed().next().is_some() {
            if let Some(passed) = passed_to(&unit.files) {
                look.faults.extend(missing(tls, &passed));
            } else {
                let fault = "the files of its unit cannot be read".to_owned();
                look.gap = Some(Gap::Unseen((fault, UNIT)));
            }
        }
        look
    }

    fn at_files(&mut self, eyes: &Eyes, tls: &TlsSettings) {
        for (path, by) in tls.files() {
            match eyes.unread(path) {
                Ok(None) => {}
                Ok(Some(why)) => self
                    .faults
                    .push((format!("{by}: {}: {why}", path.display()), READABLE)),
                Err(gap) => self.gap = Some(gap),
            }
        }
    }

    fn is_fine(&self) -> bool {
        self.faults.is_empty() && self.gap.is_none()
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
            root: Some(sight::root_of(pid)),
            seen: Vec::new(),
        })
    }

    fn of_unit(unit: &Unit) -> Option<Self> {
        Some(Self {
            ids: unit.ids.clone()?,
            root: None,
            seen: unit.seen.clone(),
        })
    }

    /// Why it cannot read the file, if so.
    fn unread(&self, path: &Path) -> Result<Option<String>, Gap> {
        let real = fs::canonicalize(path).map_err(|fault| gap(path, &fault))?;
        let mut way: Vec<_> = real.ancestors().skip(1).collect();
        way.reverse();
        let dirs = way.into_iter().map(|dir| (dir, ENTER));
        for (place, bits) in dirs.chain([(real.as_path(), READ)]) {
            let metadata = match self.look(place) {
                Ok(metadata) => metadata,
                Err(_) if self.is_gone() => return Err(Gap::ended()),
                Err(fault) if fault.kind() == ErrorKind::NotFound => return Ok(Some(HIDDEN.to_owned())),
                Err(fault) => return Err(gap(place, &fault)),
            };
            if !self.ids.may(&metadata, bits) && !has_acl(place) {
                let what = if bits == READ {
                    "read it".to_owned()
                } else {
                    format!("enter {}", place.display())
                };
                return Ok(Some(self.ids.denied(&what, &metadata)));
            }
        }
        Ok(None)
    }

    /// Whether it was a process, and has ended.
    fn is_gone(&self) -> bool {
        self.root.as_ref().is_some_and(|root| fs::metadata(root).is_err())
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

/// That a file is not there is told elsewhere.
fn gap(path: &Path, fault: &io::Error) -> Gap {
    if fault.kind() == ErrorKind::NotFound {
        return Gap::Elsewhere;
    }
    Gap::Unseen((format!("{}: {fault}", path.display()), AGAIN))
}

/// The names of what a unit passes that is made of these files, as `systemctl cat` has them.
fn passed_to(files: &[PathBuf]) -> Option<Vec<String>> {
    let texts: io::Result<Vec<_>> = files.iter().map(fs::read_to_string).collect();
    let text = texts.ok()?.join("\n");
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
    use std::process::{self, Command};
    use std::time::Duration;

    use super::super::finding::Weight;
    use crate::tls::{Authorities, Named};

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
        assert_eq!(eyes.unread(&file), Ok(None));
        assert_eq!(eyes.unread(&inner.join("none")), Err(Gap::Elsewhere));
        let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        set(&file, 0o200);
        assert!(
            eyes.unread(&file)
                .unwrap()
                .is_some_and(|why| why.contains("may not read it"))
        );
        set(&file, 0o600);
        set(&inner, 0o600);
        // Who is not root does not even find it.
        let expected = geteuid()
            .is_root()
            .then(|| format!("may not enter {}", inner.display()));
        let why = eyes.unread(&file).unwrap().unwrap_or_default();
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
        assert_eq!(eyes(&[]).unread(&file) == Ok(Some(HIDDEN.to_owned())), is_private);
        assert_eq!(eyes(&[dir.path()]).unread(&file), Ok(None));
    }

    /// Links that are secured by what is in this file.
    fn secured_by(file: &Path) -> TlsSettings {
        let authorities = Named {
            value: Authorities::File(file.to_owned()),
            by: "link.tls.ca".to_owned(),
        };
        TlsSettings {
            required: true,
            authorities: Some(authorities),
            certificate: None,
            key: None,
            server_name: None,
            verify_san: Vec::new(),
            crl: None,
            require_alpn: false,
            expiry_warning: Duration::ZERO,
        }
    }

    fn ended() -> u32 {
        let mut child = Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        child.id()
    }

    #[test]
    fn only_what_was_looked_at_is_told_to_be_fine() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        fs::write(&file, "").unwrap();
        let tls = secured_by(&file);
        let unit = |user: &str, pid| {
            Unit::read(&format!(
                "User={user}\nGroup=\nMainPID={pid}\nBindPaths={}\n",
                dir.path().display()
            ))
        };
        let ids = ["a", "b", "c", "d", "e", "f"].map(|id| id.parse::<HostId>().unwrap());
        let (running, gone) = (unit("root", process::id()), unit("root", ended()));
        let (unknown, number) = (unit("no-such-user", 0), unit(&geteuid().to_string(), 0));
        let lost = secured_by(&dir.path().join("none"));
        let mut looks = Looks::default();
        let units = [
            running.as_ref(),
            gone.as_ref(),
            unknown.as_ref(),
            None,
            number.as_ref(),
        ];
        for (id, unit) in ids.iter().zip(units) {
            looks.add(id, Look::at(&tls, unit));
        }
        // That it is not there is told elsewhere, and it is not read either.
        looks.add(&ids[5], Look::at(&lost, running.as_ref()));
        assert_eq!(looks.num_fine, 2);
        assert!(looks.faults.is_empty(), "{:?}", looks.faults);
        let unseen: Vec<_> = looks.unseen.values().flatten().map(AsRef::as_ref).collect();
        assert_eq!(unseen, ["b", "c", "d"]);
        let findings = looks.findings();
        let weights: Vec<_> = findings.iter().map(|finding| finding.weight).collect();
        assert_eq!(
            weights,
            [Weight::Fine, Weight::Doubt, Weight::Doubt, Weight::Doubt]
        );
    }

    #[test]
    fn a_process_that_ends_meanwhile_hides_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let eyes = Eyes {
            root: Some(sight::root_of(ended())),
            ..Eyes::of_process(process::id()).unwrap()
        };
        assert_eq!(eyes.unread(dir.path()), Err(Gap::ended()));
    }
}
