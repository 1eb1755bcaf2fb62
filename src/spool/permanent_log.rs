//! The permanent log, which the nightly loncron counts: `<epoch>:<letter>:<peer>:<command>:<local time>` a line.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use chrono::Local;
use lonc_proto::request::Request;
use lonc_proto::spool::Fate;
use nix::fcntl::OFlag;

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
        append(&self.path, line)
    }
}

/// Appends to a file with one write, after it has ended a line that a full disk has cut. Nobody is waited for who does not
/// read.
fn append(path: &Path, mut line: Vec<u8>) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)?;
    // Where that cannot be told, a line more is better than one less.
    if file.metadata()?.is_file() && is_cut(path).unwrap_or_default() {
        line.insert(0, b'\n');
    }
    file.write_all(&line)
}

/// True if the last line has no end.
fn is_cut(path: &Path) -> io::Result<bool> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlag::O_NONBLOCK.bits())
        .open(path)?;
    let Some(last) = file.metadata()?.len().checked_sub(1) else {
        return Ok(false);
    };
    let mut byte = [0];
    // It may have been truncated just now.
    let is_read = file.read_at(&mut byte, last)? == 1;
    Ok(is_read && byte != *b"\n")
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_line_that_was_cut_is_ended_before_the_next() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        for (before, after) in [
            ("", "2:S:x\n"),
            ("1:S:x\n", "1:S:x\n2:S:x\n"),
            ("1:S:x\n1:D:", "1:S:x\n1:D:\n2:S:x\n"),
        ] {
            fs::write(&path, before).unwrap();
            append(&path, b"2:S:x\n".to_vec()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[test]
    fn a_fifo_is_not_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        append(&path, b"2:S:x\n".to_vec()).unwrap_err();
        // Nor is one who has stopped reading.
        let _reader = OpenOptions::new()
            .read(true)
            .custom_flags(OFlag::O_NONBLOCK.bits())
            .open(&path)
            .unwrap();
        append(&path, vec![b'x'; 1_000_000]).unwrap_err();
    }
}
