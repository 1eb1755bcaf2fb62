//! The permanent log, which the nightly loncron counts: `<epoch>:<letter>:<peer>:<command>:<local time>` a line.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::Local;
use lonc_proto::request::Request;

use crate::config::HostId;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// `D`: stored for later.
    Delayed,
    /// `S`: sent later.
    Sent,
    /// `F`: could not be stored.
    Failed,
}

/// The file; opened for each line, so that it may be rotated in any way.
#[derive(Clone, Debug)]
pub(crate) struct PermanentLog {
    path: PathBuf,
}

impl PermanentLog {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line with one write. Of an encrypted command only the length is written.
    pub(crate) fn record(&self, fate: Fate, peer: &HostId, request: &Request) -> io::Result<()> {
        let now = Local::now();
        let letter = match fate {
            Fate::Delayed => 'D',
            Fate::Sent => 'S',
            Fate::Failed => 'F',
        };
        let mut line = format!("{}:{letter}:{peer}:", now.timestamp()).into_bytes();
        if request.is_encrypted() {
            line.extend_from_slice(format!("encrypt:{}", request.command().len()).as_bytes());
        } else {
            line.extend_from_slice(request.command());
        }
        line.extend_from_slice(now.format(":%a %b %e %H:%M:%S %Y\n").to_string().as_bytes());
        OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)?
            .write_all(&line)
    }
}
