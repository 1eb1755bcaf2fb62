//! Peers that an administrator has disabled: a directory with a file for each, which may hold the reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::host_id::HostId;
use super::text;
use crate::reader::{self, Links};

/// Beside `lonc.toml`.
const NAME: &str = "disabled";
/// Longest reason, in bytes.
pub(crate) const MAX_REASON: usize = 500;

/// That there is to be no link to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Why, on one line; empty where nobody said so.
    pub reason: String,
    /// Since when.
    pub since: SystemTime,
}

impl Disabled {
    /// What the directory beside the configuration `config` says of the peer. Whatever stands there disables it; a reason
    /// is read of a regular file alone.
    pub(crate) fn read(config: &Path, peer: &HostId) -> Option<Self> {
        let path = Self::path(config, peer);
        let there = fs::symlink_metadata(&path).ok()?;
        let reason = reader::start(&path, MAX_REASON as u64, Links::Refuse).unwrap_or_default();
        let reason = String::from_utf8_lossy(&reason);
        let first = reason.lines().next().unwrap_or_default().trim();
        Some(Self {
            reason: text::short(first, MAX_REASON),
            since: there.modified().unwrap_or(UNIX_EPOCH),
        })
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
        fs::write(place("a"), "x".repeat(100_000)).unwrap();
        assert_eq!(
            Disabled::read(&config, &id("a")).unwrap().reason.len(),
            MAX_REASON
        );
    }
}
