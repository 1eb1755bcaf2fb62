//! What can be wrong with a configuration; every message is one line.

use std::io;
use std::path::{Path, PathBuf};

use super::host_id::HostId;
use super::keys;
use super::source::Source;
use super::text;
use crate::reader::{self, Links};
use crate::tls::FileFault;
use crate::units;

/// A configuration that cannot be used; shown as one line that names the file, the line and the key, or a line for each
/// fault.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file is missing, unreadable or no file.
    #[error("{}: cannot be read: {error}{}", text::path(path), wanted(wanted_by.as_deref()))]
    Read {
        /// The file.
        path: PathBuf,
        /// Which setting names the file, and where; `None` for the configuration file itself.
        wanted_by: Option<String>,
        /// What the system says.
        error: io::Error,
    },
    /// The configuration file is not UTF-8.
    #[error("{}: is not UTF-8 text", at.place())]
    NotUtf8 {
        /// The line of the first bad byte.
        at: Source,
    },
    /// The configuration file is not TOML, or has a key twice.
    #[error("{}: {message}", at.place())]
    Syntax {
        /// The line.
        at: Source,
        /// What the TOML parser says, folded into one line.
        message: String,
    },
    /// A key or a section that lonc does not know.
    #[error("{}: unknown key {key} {section}; {advice}", at.place())]
    UnknownKey {
        /// The line of the key.
        at: Source,
        /// The key, quoted.
        key: String,
        /// Where it stands, such as `in [link]`.
        section: String,
        /// The likely key, or the known ones.
        advice: String,
    },
    /// A value of the wrong type or out of range.
    #[error("{}: {key}: {problem}", at.place())]
    Invalid {
        /// The line of the value.
        at: Source,
        /// The key with its section, such as `link.pipeline`, and the Perl variable it came from.
        key: String,
        /// What it must be and what it is.
        problem: String,
    },
    /// Nothing gives a key that has no default.
    #[error("{}: {key} is not set; set {key} here{}", text::path(path), or_list(*variable))]
    Missing {
        /// The configuration file.
        path: PathBuf,
        /// The key with its section.
        key: String,
        /// The Perl variable of a `loncapa_conf` file that would set it.
        variable: Option<&'static str>,
    },
    /// The wanted peer's own line of `hosts.tab` is broken.
    #[error("{}: peer {peer}: {problem}", at.place())]
    BrokenPeer {
        /// The line of the table.
        at: Source,
        /// The peer.
        peer: HostId,
        /// What is wrong with the line.
        problem: String,
    },
    /// The table says that the peer is somewhere else than before, and is not to be believed.
    #[error("{}: {why}; what it says of peer {peer} is not followed", text::path(table))]
    Doubtful {
        /// The table.
        table: PathBuf,
        /// The peer.
        peer: HostId,
        /// What is wrong with the table.
        why: String,
    },
    /// Nothing says where the wanted peer is.
    #[error(
        "{}: peer {peer} has no address: it is not in {}, and no [peer.{}] gives one",
        text::path(path),
        text::path(table),
        peer.toml_key()
    )]
    UnknownPeer {
        /// The configuration file.
        path: PathBuf,
        /// The table searched.
        table: PathBuf,
        /// The peer.
        peer: HostId,
    },
    /// More than one of these, at least two.
    #[error("{}", lines(.0))]
    Several(Vec<ConfigError>),
}

impl ConfigError {
    /// Of a file that TLS takes, or of what `config` says of it.
    pub(crate) fn of_tls(fault: FileFault, config: &Path) -> Self {
        Self::Read {
            path: fault.path.unwrap_or_else(|| config.to_owned()),
            wanted_by: Some(fault.by),
            error: fault.error,
        }
    }

    /// Whether it is, or one of several is, that `file` cannot be read or used.
    pub(crate) fn is_about(&self, file: &Path) -> bool {
        let is_about = |fault: &Self| matches!(fault, Self::Read { path, .. } if path == file);
        self.each().iter().any(is_about)
    }

    /// All of `faults` as one: those of `own` file first, by their lines.
    pub(super) fn of(mut faults: Vec<Self>, own: &Path) -> Option<Self> {
        let own = text::path(own);
        faults.sort_by_key(|fault| {
            let (file, line) = fault.place();
            (file.is_none_or(|file| file != own), line)
        });
        if faults.len() > 1 {
            Some(Self::Several(faults))
        } else {
            faults.pop()
        }
    }

    /// Each fault, one line each.
    pub(crate) fn each(&self) -> &[Self] {
        if let Self::Several(faults) = self {
            faults
        } else {
            std::slice::from_ref(self)
        }
    }

    /// The first fault, and how many more there are, on one line.
    pub(crate) fn brief(&self) -> String {
        match self.each() {
            [first, rest @ ..] if !rest.is_empty() => {
                format!("{first} (and {})", units::count(rest.len(), "more fault"))
            }
            _ => self.to_string(),
        }
    }

    /// Whether keys may be given where it is that nobody sees, or the table of servers is needed only for it.
    pub(super) fn hides_keys(&self) -> bool {
        let is_address = |key: &String| key.ends_with(&format!(".{}", keys::ADDRESS));
        matches!(
            self,
            Self::Read { .. } | Self::NotUtf8 { .. } | Self::Syntax { .. }
        ) || matches!(self, Self::Invalid { key, .. } if is_address(key))
    }

    /// Whether what it is about may not be read by us, whatever it holds.
    pub(crate) fn is_denied(&self) -> bool {
        let denied = |fault: &Self| matches!(fault, Self::Read { error, .. } if error.kind() == io::ErrorKind::PermissionDenied);
        self.each().iter().all(denied)
    }

    /// The file that is faulty, or is missing, and the line there.
    #[must_use]
    pub fn place(&self) -> (Option<String>, Option<usize>) {
        match self {
            Self::Read { path, .. }
            | Self::Missing { path, .. }
            | Self::Doubtful { table: path, .. }
            | Self::UnknownPeer { path, .. } => (Some(text::path(path)), None),
            Self::Several(faults) => faults.first().map(Self::place).unwrap_or_default(),
            Self::NotUtf8 { at }
            | Self::Syntax { at, .. }
            | Self::UnknownKey { at, .. }
            | Self::Invalid { at, .. }
            | Self::BrokenPeer { at, .. } => (at.file().map(text::path), at.line()),
        }
    }

    /// The key that is wrong, with its section, or that is unknown.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::UnknownKey { key, .. } => Some(key.trim_matches('"')),
            Self::Invalid { key, .. } | Self::Missing { key, .. } => Some(key),
            Self::Several(faults) => faults.first().and_then(Self::key),
            Self::Read { .. }
            | Self::NotUtf8 { .. }
            | Self::Syntax { .. }
            | Self::BrokenPeer { .. }
            | Self::Doubtful { .. }
            | Self::UnknownPeer { .. } => None,
        }
    }
}

fn lines(faults: &[ConfigError]) -> String {
    let lines: Vec<_> = faults.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn wanted(by: Option<&str>) -> String {
    by.map(|setting| format!(" ({setting})")).unwrap_or_default()
}

fn or_list(variable: Option<&str>) -> String {
    let or = |variable| format!(", or list the file with {variable} in loncapa_conf");
    variable.map(or).unwrap_or_default()
}

/// Most that is read of a file of the configuration, in bytes: a table of some 20,000 servers.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a whole file of text, whatever its line ends are; `wanted_by` says which setting names it.
pub(super) fn read(path: &Path, wanted_by: Option<String>) -> Result<Vec<u8>, ConfigError> {
    let bytes = reader::whole(path, MAX_BYTES, Links::Follow).and_then(text::unified);
    bytes.map_err(|error| ConfigError::Read {
        path: path.to_owned(),
        wanted_by,
        error,
    })
}
