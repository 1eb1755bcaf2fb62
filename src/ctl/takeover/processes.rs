//! Processes of the Perl lonc.

use std::collections::BTreeSet;
use std::fs::{self, DirEntry, File};
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rustix::io::Errno;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::process::{self, Kind};

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
    !workers(process).is_empty()
}

/// Takes no more of the workers of this process: it still reads what they have sent, answers that, and then finds that
/// they have left. Whoever sends more learns at once that nobody takes it.
pub(super) fn part_from_workers(process: Pid) -> io::Result<()> {
    let gone = || io::Error::from(ErrorKind::NotFound);
    let target = rustix::process::Pid::from_raw(process.as_raw()).ok_or_else(gone)?;
    let target = pidfd_open(target, PidfdFlags::empty())?;
    for (descriptor, number) in workers(process) {
        let socket = match pidfd_getfd(&target, descriptor, PidfdGetfdFlags::empty()) {
            // That worker has left.
            Err(Errno::BADF) => continue,
            socket => File::from(socket?),
        };
        // Another socket may have got the descriptor meanwhile.
        if socket.metadata()?.ino() == number {
            UnixStream::from(OwnedFd::from(socket)).shutdown(Shutdown::Read)?;
        }
    }
    Ok(())
}

/// The sockets of workers that it has accepted: its descriptors, and their numbers in the kernel's list.
fn workers(process: Pid) -> Vec<(i32, u64)> {
    let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else {
        return Vec::new();
    };
    let list = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let accepted: BTreeSet<_> = list.lines().filter_map(accepted).collect();
    let socket = |file: DirEntry| {
        let name = fs::read_link(file.path()).ok()?;
        let number = name.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        let number = accepted.get(number)?.parse().ok()?;
        Some((file.file_name().to_str()?.parse().ok()?, number))
    };
    files.filter_map(|file| socket(file.ok()?)).collect()
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
    use std::io::{BufRead as _, BufReader, Read, Write};
    use std::os::unix::net::UnixListener;

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
    #[test]
    fn a_worker_that_is_parted_from_gets_its_answers_and_then_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let server = |asked: &mut dyn Read, answer: &mut dyn Write| {
            for line in BufReader::new(asked).lines() {
                writeln!(answer, "re:{}", line.unwrap()).unwrap();
            }
        };
        let worker = UnixStream::connect(&path).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        (&worker).write_all(b"one\ntwo\n").unwrap();
        part_from_workers(Pid::this()).unwrap();
        let refused = (&worker).write_all(b"three\n").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::BrokenPipe);
        server(&mut &accepted, &mut &accepted);
        drop(accepted);
        let mut answers = String::new();
        (&worker).read_to_string(&mut answers).unwrap();
        assert_eq!(answers, "re:one\nre:two\n");
    }
}
