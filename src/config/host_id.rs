//! The name by which the field knows a server (`lonHostID`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest host id taken, in bytes; the id is also a file name and a unit's instance name.
const MAX_BYTES: usize = 64;
/// Workers since release 2.4 wait while there is a file by the name of a socket with this behind it.
pub(crate) const LOCK: &str = ".lock";

/// A checked host id: 1 to 64 of `A-Z a-z 0-9 _ . -`, neither `.` nor `..`, and not ending in `.lock`.
///
/// Safe as a file name, as a systemd instance name (after its escaping of `-`) and in a log line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostId(String);

/// Why a text is no host id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostIdError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// The text has more than 64 bytes.
    #[error("is longer than 64 characters")]
    TooLong,
    /// The text holds something else than `A-Z a-z 0-9 _ . -`, or is `.` or `..`.
    #[error("is not a host id (letters, digits, \"_\", \".\" and \"-\")")]
    NotAnId,
    /// The text ends in [`LOCK`].
    #[error("ends in \"{LOCK}\": workers wait for such a file to go")]
    Lock,
}

impl HostId {
    /// The id as it goes over the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// An id for a host that has none, while the rest is looked at.
    pub(super) fn nobody() -> Self {
        Self("-".to_owned())
    }

    /// Whether it is no host's, as nobody said which.
    pub(crate) fn is_nobody(&self) -> bool {
        self.0 == "-"
    }

    /// The id as a key of TOML: in quotes if it holds a dot.
    pub(super) fn toml_key(&self) -> String {
        if self.0.contains('.') {
            format!("\"{}\"", self.0)
        } else {
            self.0.clone()
        }
    }
}

impl FromStr for HostId {
    type Err = HostIdError;

    fn from_str(text: &str) -> Result<Self, HostIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
        match text {
            "" => Err(HostIdError::Empty),
            "." | ".." => Err(HostIdError::NotAnId),
            _ if !text.bytes().all(allowed) => Err(HostIdError::NotAnId),
            _ if text.len() > MAX_BYTES => Err(HostIdError::TooLong),
            _ if text.ends_with(LOCK) => Err(HostIdError::Lock),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

impl TryFrom<String> for HostId {
    type Error = HostIdError;

    fn try_from(text: String) -> Result<Self, HostIdError> {
        text.parse()
    }
}

impl From<HostId> for String {
    fn from(id: HostId) -> Self {
        id.0
    }
}

impl AsRef<str> for HostId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_the_field_uses() {
        for good in ["msul1", "a", "hub-1_x.y", "...", "-", &"x".repeat(64)] {
            assert_eq!(good.parse::<HostId>().unwrap().to_string(), good);
        }
    }

    #[test]
    fn a_dot_needs_quotes_in_toml() {
        for id in ["msul1", "a.b", "-", "a_b"] {
            let line = format!("{} = 1", id.parse::<HostId>().unwrap().toml_key());
            assert!(line.parse::<toml::Table>().unwrap().contains_key(id), "{line}");
        }
    }

    #[test]
    fn refuses_what_could_leave_a_directory_or_a_line() {
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "a b",
            "a\n",
            "a\0",
            "é",
            "a:b",
            "msul1.lock",
            &"x".repeat(65),
        ] {
            assert!(bad.parse::<HostId>().is_err(), "{bad:?}");
        }
    }
}
