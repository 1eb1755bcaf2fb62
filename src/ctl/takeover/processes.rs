//! Processes of the Perl lonc.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::usr1::process::{self, Kind};

/// What the kernel lists a socket as that is connected, and that was made by accepting: it has a path.
const CONNECTED: &str = "03";

/// Whether this process runs, is of this user, and is a Perl lonc.
pub(super) fn is_perl_lonc(process: i32, user: u32) -> bool {
    process > 1 && process::kind(process) == Some(Kind::Perl) && owner(process) == Some(user)
}

/// Whether HUP does not reach it.
pub(super) fn is_deaf(process: Pid) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let masks = status
        .lines()
        .filter_map(|line| line.strip_prefix("SigBlk:").or(line.strip_prefix("SigIgn:")));
    let mut masks = masks.filter_map(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    masks.any(|mask| mask & 1 << (Signal::SIGHUP as u32 - 1) != 0)
}

pub(super) fn owner(process: i32) -> Option<u32> {
    fs::metadata(format!("/proc/{process}"))
        .ok()
        .map(|process| process.uid())
}

pub(super) fn children(parent: Pid) -> Vec<Pid> {
    let listed = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    listed
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .map(Pid::from_raw)
        .collect()
}

pub(super) fn signal(process: Pid, signal: Signal) -> Result<(), String> {
    kill(process, signal).map_err(|fault| format!("process {process}: {fault}"))
}

/// Asks again and again.
pub(super) fn wait<T>(patience: Duration, mut probe: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    loop {
        let found = probe();
        if found.is_some() || begun.elapsed() > patience {
            return found;
        }
        sleep(Duration::from_millis(50));
    }
}

/// Whether somebody is connected to a UNIX socket at which this process listened.
pub(super) fn has_workers(process: Pid) -> bool {
    let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else {
        return false;
    };
    let list = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let accepted: BTreeSet<_> = list.lines().filter_map(accepted).collect();
    let names = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    let number = |name: &str| {
        name.strip_prefix("socket:[")
            .and_then(|name| name.strip_suffix(']'))
            .map(str::to_owned)
    };
    let mut sockets = names.filter_map(|name| number(name.to_str()?));
    sockets.any(|socket| accepted.contains(socket.as_str()))
}

/// The number of the socket of which this is the line, if that was made by accepting and is still connected.
fn accepted(line: &str) -> Option<&str> {
    let mut fields = line.split_whitespace().skip(5);
    let (state, number, path) = (fields.next()?, fields.next()?, fields.next()?);
    (state == CONNECTED && path.starts_with('/')).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixListener, UnixStream};

    #[test]
    fn a_worker_is_seen_while_it_is_connected() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let worker = UnixStream::connect(&path).unwrap();
        let accepted = listener.accept().unwrap();
        let list = || fs::read_to_string("/proc/net/unix").unwrap();
        let is_seen = || {
            list()
                .lines()
                .any(|line| super::accepted(line).is_some() && line.ends_with(path.to_str().unwrap()))
        };
        assert!(is_seen() && has_workers(Pid::this()));
        drop((worker, accepted));
        assert!(!is_seen());
    }
}
