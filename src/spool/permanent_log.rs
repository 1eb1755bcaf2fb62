//! The permanent log, which the nightly loncron counts: `<epoch>:<letter>:<peer>:<command>:<local time>` a line.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use chrono::Local;
use lonc_proto::request::Request;
use lonc_proto::spool::Fate;

use crate::config::HostId;

/// The file; opened for each line, so that it may be rotated in any way.
#[derive(Clone, Debug)]
pub(super) struct PermanentLog {
    path: PathBuf,
    peer: HostId,
}

impl PermanentLog {
    pub(super) fn new(path: &Path, peer: &HostId) -> Self {
        Self {
            path: path.to_owned(),
            peer: peer.clone(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Appends a line with one write. Of an encrypted command only the length is written.
    pub(super) fn record(&self, fate: Fate, request: &Request) -> io::Result<()> {
        let now = Local::now();
        let letter = match fate {
            Fate::Stored => 'D',
            Fate::Sent => 'S',
            Fate::Failed => 'F',
        };
        let mut line = format!("{}:{letter}:{}:", now.timestamp(), self.peer).into_bytes();
        line.extend_from_slice(&request.host());
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
