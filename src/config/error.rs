//! What can be wrong with a configuration; every message is one line.

use std::io;
use std::path::{Path, PathBuf};

use super::host_id::HostId;
use super::text;

/// A configuration that cannot be used; shown as one line that names the file, the line and the key.
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
    #[error("{}:{line}: is not UTF-8 text", text::path(path))]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// Line of the first bad byte, from 1.
        line: usize,
    },
    /// The configuration file is not TOML, or has a key twice.
    #[error("{}:{line}: {message}", text::path(path))]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What the TOML parser says, folded into one line.
        message: String,
    },
    /// A key or a section that lonc does not know.
    #[error("{}:{line}: unknown key {key} {section}; {advice}", text::path(path))]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// Line of the key, from 1.
        line: usize,
        /// The key, quoted.
        key: String,
        /// Where it stands, such as `in [link]`.
        section: String,
        /// The likely key, or the known ones.
        advice: String,
    },
    /// A value of the wrong type or out of range.
    #[error("{place}: {key}: {problem}")]
    Invalid {
        /// `FILE:LINE` of the value.
        place: String,
        /// The key with its section, such as `link.pipeline`, and the Perl variable it came from.
        key: String,
        /// What it must be and what it is.
        problem: String,
    },
    /// Neither the configuration nor a `loncapa_conf` file says who we are.
    #[error(
        "{}: host_id is not set; set host_id here, or list the file with lonHostID in loncapa_conf",
        text::path(path)
    )]
    NoHostId {
        /// The configuration file.
        path: PathBuf,
    },
    /// The wanted peer's own line of `hosts.tab` is broken.
    #[error("{}:{line}: peer {peer}: {problem}", text::path(path))]
    BrokenPeer {
        /// The table.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// The peer.
        peer: HostId,
        /// What is wrong with the line.
        problem: String,
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
}

impl ConfigError {
    /// The file that is faulty, or is missing, and the line there.
    #[must_use]
    pub fn place(&self) -> (Option<String>, Option<usize>) {
        let at = |path: &Path, line| (Some(text::path(path)), line);
        match self {
            Self::Read { path, .. } | Self::NoHostId { path } | Self::UnknownPeer { path, .. } => {
                at(path, None)
            }
            Self::NotUtf8 { path, line }
            | Self::Syntax { path, line, .. }
            | Self::UnknownKey { path, line, .. }
            | Self::BrokenPeer { path, line, .. } => at(path, Some(*line)),
            Self::Invalid { place, .. } => match place.rsplit_once(':') {
                Some((file, line)) => (Some(file.to_owned()), line.parse().ok()),
                None => (None, None),
            },
        }
    }

    /// The key that is wrong, with its section, or that is unknown.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::UnknownKey { key, .. } => Some(key.trim_matches('"')),
            Self::Invalid { key, .. } => Some(key),
            Self::NoHostId { .. } => Some("host_id"),
            Self::Read { .. }
            | Self::NotUtf8 { .. }
            | Self::Syntax { .. }
            | Self::BrokenPeer { .. }
            | Self::UnknownPeer { .. } => None,
        }
    }
}

fn wanted(by: Option<&str>) -> String {
    by.map(|setting| format!(" ({setting})")).unwrap_or_default()
}

/// Reads a whole file; `wanted_by` says which setting names it.
pub(super) fn read(path: &Path, wanted_by: Option<String>) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|error| ConfigError::Read {
        path: path.to_owned(),
        wanted_by,
        error,
    })
}
