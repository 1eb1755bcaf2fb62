//! Which directories the units have to open for the daemon, by the configuration.
//!
//! The units hide and protect what a daemon does not need. What it needs the configuration says, of which others than root
//! may have written a part. So it opens no directory but one that belongs to the daemon's own user: there the sandbox takes
//! nothing from it that others would miss. The user is the one the unit has, or LON-CAPA's `www`, where the spool belongs
//! to that: it is LON-CAPA's then, and nobody else can send what is in it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Component, Path, PathBuf};

use nix::unistd::{Group, User, geteuid};
use serde::{Deserialize, Serialize};

use super::checks;
use super::keys;
use super::layers::Layers;

/// LON-CAPA's user; its group is of the same name.
const WWW: &str = "www";
/// What is not opened, whoever owns it: the system's own.
const SYSTEM: [&str; 14] = [
    "bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "root", "run", "sbin", "sys",
    "usr",
];
/// Each daemon has its own of these.
const PRIVATE: [&str; 2] = ["/tmp", "/var/tmp"];
/// What the units hide, but for what they are told.
const HIDDEN: &str = "/home";
/// What the units open by themselves.
const OPEN: [&str; 3] = ["/var/spool/lonc", "/var/log/lonc", "/home/httpd/lonTabs"];
/// And lonc-usr1.service.
const USR1: &str = "/home/httpd/perl/logs";

/// A directory that may be opened: no short path, nothing of the system's, and nothing that means something in a unit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "PathBuf", into = "PathBuf")]
pub(crate) struct Opened(PathBuf);

impl TryFrom<PathBuf> for Opened {
    type Error = &'static str;

    fn try_from(path: PathBuf) -> Result<Self, Self::Error> {
        let text = path.to_str().unwrap_or_default();
        let is_plain = |byte: u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-' | b'_' | b'+' | b'@')
        };
        let names: Vec<_> = path.components().skip(1).collect();
        let is_whole = |name: &Component<'_>| matches!(name, Component::Normal(_));
        let is_sound = path.is_absolute() && text.bytes().all(is_plain) && names.iter().all(is_whole);
        let first = names.first().and_then(|name| name.as_os_str().to_str());
        // /var/lib and the like are as /srv.
        let least = if first == Some("var") { 3 } else { 2 };
        let is_systems = first.is_none_or(|first| SYSTEM.contains(&first));
        let is_private = PRIVATE.iter().any(|private| path.starts_with(private));
        if !is_sound || names.len() < least || is_systems || is_private {
            return Err("not a directory that may be opened");
        }
        Ok(Self(path))
    }
}

impl From<Opened> for PathBuf {
    fn from(opened: Opened) -> Self {
        opened.0
    }
}

impl Opened {
    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Whether the units hide it; else they only protect it.
    pub(crate) fn is_hidden(&self) -> bool {
        self.0.starts_with(HIDDEN)
    }
}

/// What the units are to be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sandbox {
    /// The daemon runs as LON-CAPA's own user.
    pub(crate) is_of_www: bool,
    /// Where it may write.
    pub(crate) written: Vec<Opened>,
    /// What it may see, of what is hidden.
    pub(crate) read: Vec<Opened>,
    /// Where `lonc-usr1` may write, which runs as www.
    #[serde(default)]
    pub(crate) usr1: Vec<Opened>,
}

impl Sandbox {
    /// What the configuration needs. We run as the daemon's user, if that is not to be another.
    pub(super) fn of(layers: &Layers) -> Self {
        let general = layers.general();
        let path = |key| general.get(key, checks::path).ok();
        let spool = path(keys::SPOOL_DIR);
        let www = spool.as_deref().and_then(www);
        let user = www.unwrap_or_else(|| geteuid().as_raw());
        let mut written: Vec<_> = spool.iter().flat_map(|spool| shelves(spool, user)).collect();
        let loncron_log = general
            .get(keys::LONCRON_LOG, checks::path_or_none)
            .ok()
            .flatten();
        let logs = [path(keys::PERMANENT_LOG), loncron_log];
        written.extend(logs.iter().flatten().filter_map(|log| parent(log)));
        let mut read = general.get(keys::LONCAPA_CONF, checks::paths).unwrap_or_default();
        read.extend(path(keys::HOSTS_TAB));
        let read = read
            .iter()
            .filter_map(|file| parent(file))
            .chain(path(keys::SOCKET_DIR));
        let read = read.filter(|path| path.starts_with(HIDDEN)).collect();
        let written = opened(written, &[], |directory| directory.uid() == user);
        let pid_file = path(keys::USR1_PID_FILE).as_deref().and_then(parent);
        let is_hidden = |path: &PathBuf| path.starts_with(HIDDEN);
        let pid_file = pid_file.filter(|path| is_hidden(path) && path != Path::new(USR1));
        let is_its = |directory: &Metadata| self::user(WWW) == Some(directory.uid());
        Self {
            usr1: opened(pid_file.into_iter().collect(), &[], is_its),
            is_of_www: www.is_some(),
            read: opened(read, &written, |directory| [0, user].contains(&directory.uid())),
            written,
        }
    }
}

/// The number of LON-CAPA's user, if the spool is its.
fn www(spool: &Path) -> Option<u32> {
    let user = user(WWW).filter(|user| *user != 0)?;
    let has_group = Group::from_name(WWW).is_ok_and(|group| group.is_some());
    let is_its = fs::metadata(spool).is_ok_and(|directory| directory.uid() == user);
    (has_group && is_its).then_some(user)
}

fn user(name: &str) -> Option<u32> {
    let user = User::from_name(name).ok().flatten()?;
    Some(user.uid.as_raw())
}

/// The directory of the queue and those beside it; or where they all are, in which those can be made.
fn shelves(spool: &Path, user: u32) -> Vec<PathBuf> {
    let around = parent(spool);
    let is_users = |path: &PathBuf| fs::metadata(path).is_ok_and(|directory| directory.uid() == user);
    if let Some(around) = around
        .filter(is_users)
        .filter(|path| Opened::try_from(path.clone()).is_ok())
    {
        return vec![around];
    }
    ["held", "failed"]
        .map(|shelf| spool.with_file_name(shelf))
        .into_iter()
        .chain([spool.to_owned()])
        .collect()
}

fn parent(file: &Path) -> Option<PathBuf> {
    file.parent().map(Path::to_owned)
}

/// Of `paths` those that may be opened and are not anyway; each once.
fn opened(paths: Vec<PathBuf>, others: &[Opened], may: impl Fn(&Metadata) -> bool) -> Vec<Opened> {
    let is_open = |path: &PathBuf| {
        let others = others.iter().map(Opened::path);
        OPEN.iter()
            .map(Path::new)
            .chain(others)
            .any(|open| path.starts_with(open))
    };
    let is_fit = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.is_dir() && may(&file));
    let fit = paths.into_iter().filter(|path| !is_open(path) && is_fit(path));
    let mut opened: Vec<_> = fit.filter_map(|path| Opened::try_from(path).ok()).collect();
    opened.sort();
    opened.dedup();
    opened
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_opened() {
        let is_fit = |path: &str| Opened::try_from(PathBuf::from(path)).is_ok();
        for fit in [
            "/home/httpd/sockets",
            "/srv/lonc",
            "/var/lib/lonc",
            "/data/a-b_c.d/e",
        ] {
            assert!(is_fit(fit), "{fit}");
        }
        for odd in [
            "",
            "/",
            "/home",
            "/srv",
            "/etc/lonc",
            "/usr/x/y",
            "/root/x",
            "/run/lonc/x",
            "/tmp/x/y",
            "/var/lib",
            "/var/tmp/x/y",
            "/proc/1/root",
            "home/x",
            "/home/../etc/x",
            "/home/x y",
            "/home/x:y",
            "/home/%i/x",
            "/home/x\ny",
            "/home/$x/y",
            "/home/x\\/y",
            "/home/\"x/y",
        ] {
            assert!(!is_fit(odd), "{odd}");
        }
    }
}
