//! Peers that an administrator has disabled: a directory with a file for each, which may hold the reason on its first
//! line, and on its second `until` and when that ends.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::host_id::HostId;
use super::text;
use crate::reader::{self, Links};
use crate::units;

/// Beside `lonc.toml`.
const NAME: &str = "disabled";
/// Longest reason, in bytes.
pub(crate) const MAX_REASON: usize = 500;
/// More than the line takes that says until when, in bytes.
const MAX_UNTIL: usize = 64;
/// What that begins with.
const UNTIL: &str = "until ";

/// That there is to be no link to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Why, on one line; empty where nobody said so.
    pub reason: String,
    /// Since when.
    pub since: SystemTime,
    /// Until when; without, until an administrator says so.
    pub until: Option<SystemTime>,
}

impl Disabled {
    /// What the directory beside the configuration `config` says of the peer. Whatever stands there disables it; a reason
    /// is read of a regular file alone. One whose time has passed disables nobody.
    pub(crate) fn read(config: &Path, peer: &HostId) -> Option<Self> {
        let path = Self::path(config, peer);
        let there = fs::symlink_metadata(&path).ok()?;
        let most = (MAX_REASON + MAX_UNTIL) as u64;
        let bytes = reader::start(&path, most, Links::Refuse).unwrap_or_default();
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let first = lines.next().unwrap_or_default();
        let first = String::from_utf8_lossy(first.get(..MAX_REASON).unwrap_or(first));
        let second = lines.next().and_then(|line| str::from_utf8(line).ok());
        let until = second.and_then(|line| line.strip_prefix(UNTIL));
        let read = Self {
            reason: text::short(first.trim(), MAX_REASON),
            since: there.modified().unwrap_or(UNIX_EPOCH),
            until: until.and_then(units::parse_rfc3339),
        };
        read.left(SystemTime::now()).map(|_| read)
    }

    /// How long it still lasts; nothing if it has ended.
    pub(crate) fn left(&self, now: SystemTime) -> Option<Duration> {
        let Some(until) = self.until else {
            return Some(Duration::MAX);
        };
        until.duration_since(now).ok().filter(|left| !left.is_zero())
    }

    /// What stands in the file for these.
    pub(crate) fn lines(reason: &str, until: Option<SystemTime>) -> String {
        let until = until.and_then(|until| units::rfc3339(units::micros_since_1970(until)));
        match until {
            Some(until) => format!("{reason}\n{UNTIL}{until}\n"),
            None if reason.is_empty() => String::new(),
            None => format!("{reason}\n"),
        }
    }

    /// All that the directory has.
    pub(crate) fn all(config: &Path) -> BTreeMap<HostId, Self> {
        let entries = fs::read_dir(Self::directory(config))
            .into_iter()
            .flatten()
            .flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let disabled = |id: HostId| Self::read(config, &id).map(|disabled| (id, disabled));
        ids.filter_map(disabled).collect()
    }

    /// The directory.
    pub(crate) fn directory(config: &Path) -> PathBuf {
        config.with_file_name(NAME)
    }

    /// The peer's file.
    pub(crate) fn path(config: &Path, peer: &HostId) -> PathBuf {
        Self::directory(config).join(peer.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_stands_there_disables_and_only_a_file_gives_a_reason() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("lonc.toml");
        let id = |text: &str| text.parse::<HostId>().unwrap();
        assert_eq!(Disabled::read(&config, &id("a")), None);
        fs::create_dir(Disabled::directory(&config)).unwrap();
        let place = |name: &str| Disabled::path(&config, &id(name));
        fs::write(place("a"), " moved\u{1b}[2J \nmore\n").unwrap();
        fs::write(place("b"), "").unwrap();
        fs::create_dir(place("c")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", place("d")).unwrap();
        nix::unistd::mkfifo(&place("e"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        fs::write(dir.path().join(NAME).join("f~"), "").unwrap();
        let all = Disabled::all(&config);
        let reasons: Vec<_> = all.values().map(|one| one.reason.as_str()).collect();
        assert_eq!(reasons, ["moved\\u{1b}[2J", "", "", "", ""]);
        assert_eq!(Disabled::read(&config, &id("f")), None);
        let until = |line: &str| {
            fs::write(place("a"), format!("moved\n{line}")).unwrap();
            Disabled::read(&config, &id("a")).map(|disabled| disabled.until)
        };
        let date = UNIX_EPOCH + Duration::from_secs(32_503_680_000);
        assert_eq!(until("until 3000-01-01T00:00:00Z\n"), Some(Some(date)));
        assert_eq!(until("until 2001-01-01T00:00:00Z\n"), None, "it has passed");
        assert_eq!(until("until some day\n"), Some(None));
        fs::write(place("a"), Disabled::lines("moved", Some(date))).unwrap();
        assert_eq!(Disabled::read(&config, &id("a")).unwrap().until, Some(date));
        fs::write(place("a"), "x".repeat(100_000)).unwrap();
        assert_eq!(
            Disabled::read(&config, &id("a")).unwrap().reason.len(),
            MAX_REASON
        );
    }
}
