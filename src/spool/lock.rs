//! One spool has one sender for each peer: who sends holds a lock, which goes with its process, however that ends.
//!
//! The lock is that of a file in the queue itself, so that two see the same one by whatever path they come; it belongs to
//! the user of the daemon alone, so that no worker can hold it. After a crash the file stays, without a lock: it is
//! nobody's message.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf};
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::unistd::Uid;
use tracing::warn;

use crate::journal::message;

/// How long one who ends may still have it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often that is looked at.
const PAUSE: Duration = Duration::from_millis(20);
/// No link is followed, and nobody waited for.
const HARMLESS: OFlag = OFlag::O_NOFOLLOW.union(OFlag::O_NONBLOCK);

/// Another sends from the spool.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "spool_dir: {spool}: another lonc{by} sends the delayed messages of {peer} from there; one spool has one sender \
     for each peer: stop the other, or give one of them a spool_dir of its own"
)]
pub(crate) struct Taken {
    spool: String,
    by: String,
    peer: String,
}

/// That of a peer, held or not.
#[derive(Debug)]
pub(crate) struct Lock {
    peer: String,
    held: Option<(File, PathBuf)>,
    is_told: bool,
}

impl Lock {
    pub(super) fn new(peer: &str) -> Self {
        Self {
            peer: peer.to_owned(),
            held: None,
            is_told: false,
        }
    }

    /// Holds it from now on; who ends just now is waited for.
    pub(super) fn await_hold(&mut self, queue: &Path) -> Result<(), Taken> {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.hold(queue) {
                Err(_) if Instant::now() < until => thread::sleep(PAUSE),
                outcome => return outcome,
            }
        }
    }

    /// Holds it from now on, in the directory that is there now. Where there can be no such file nobody is refused: there
    /// may be nobody else, and what is there is to be sent.
    pub(super) fn hold(&mut self, queue: &Path) -> Result<(), Taken> {
        let path = queue.join(format!(".lock-{}", self.peer));
        if self.held.as_ref().is_some_and(|(file, _)| is_at(file, &path)) {
            return Ok(());
        }
        self.held = None;
        match acquire(&path, queue) {
            Ok(Some(file)) => self.held = Some((file, path)),
            Ok(None) => {
                return Err(Taken {
                    spool: queue.display().to_string(),
                    by: holder(&path).map_or_else(String::new, |pid| format!(" (process {pid})")),
                    peer: self.peer.clone(),
                });
            }
            // The directory is not there, as is told elsewhere.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => self.tell(&path, &error),
        }
        Ok(())
    }

    /// Gives it up, and leaves no file. Whoever has that open sees that it is not there any more, and makes another.
    pub(super) fn give_up(&mut self) {
        if let Some((file, path)) = self.held.take()
            && is_at(&file, &path)
        {
            // Where it stays it is locked by nobody.
            let _ = fs::remove_file(path);
        }
    }

    fn tell(&mut self, path: &Path, error: &io::Error) {
        if !std::mem::replace(&mut self.is_told, true) {
            warn!(
                MESSAGE_ID = message::SPOOL,
                LONC_ERROR = %error,
                "{}: cannot be locked: {error}; another lonc that sends from this spool would not be found",
                path.display()
            );
        }
    }
}

/// True if it is that file which is there.
fn is_at(file: &File, path: &Path) -> bool {
    let there = fs::symlink_metadata(path);
    let ours = file.metadata();
    matches!((there, ours), (Ok(there), Ok(ours)) if is_same(&there, &ours))
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// The lock; nothing if another holds it.
fn acquire(path: &Path, queue: &Path) -> io::Result<Option<File>> {
    // Once more if it is another's, or was removed meanwhile.
    for _ in 0..4 {
        let file = open(path, queue)?;
        if !is_trusted(&file, queue)? {
            fs::remove_file(path)?;
            continue;
        }
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
            Ok(()) if is_at(&file, path) => {
                // For who is refused; a full disk does not matter.
                let _ = sign(path, &file);
                return Ok(Some(file));
            }
            Ok(()) => {}
        }
    }
    Err(io::Error::other("it is removed again and again"))
}

/// The file, made if it is missing. Held for reading only, it keeps no file system from being made read-only.
fn open(path: &Path, queue: &Path) -> io::Result<File> {
    let mut how = OpenOptions::new();
    how.custom_flags(HARMLESS.bits());
    match how.clone().write(true).mode(0o600).create_new(true).open(path) {
        Ok(file) => {
            if Uid::effective().is_root() {
                // The daemon is to be able to lock it, too.
                let owner = fs::metadata(queue)?;
                fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
            }
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        // What is there may be locked where nothing can be made.
        Err(error) => return how.read(true).open(path).map_err(|_| error),
    }
    how.read(true).open(path)
}

/// Has the file say who holds it.
fn sign(path: &Path, held: &File) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .custom_flags(HARMLESS.bits())
        .open(path)?;
    if is_same(&file.metadata()?, &held.metadata()?) {
        file.set_len(0)?;
        write!(file, "{}", process::id())?;
    }
    Ok(())
}

/// True if no worker can have made it: it is ours, or whose the directory is, or root's.
fn is_trusted(file: &File, queue: &Path) -> io::Result<bool> {
    let file = file.metadata()?;
    let owners = [Uid::effective().as_raw(), fs::metadata(queue)?.uid(), 0];
    Ok(file.is_file() && owners.contains(&file.uid()))
}

/// What the file says who holds it.
fn holder(path: &Path) -> Option<u32> {
    let mut text = String::new();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(HARMLESS.bits())
        .open(path)
        .ok()?;
    file.take(16).read_to_string(&mut text).ok()?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_two_is_refused_until_the_other_has_ended() {
        let dir = tempfile::tempdir().unwrap();
        let (mut first, mut second, mut other) = (Lock::new("msul1"), Lock::new("msul1"), Lock::new("msul2"));
        first.hold(dir.path()).unwrap();
        first.hold(dir.path()).unwrap();
        other.hold(dir.path()).unwrap();
        let refused = second.hold(dir.path()).unwrap_err().to_string();
        let process = format!("(process {})", process::id());
        assert!(
            refused.contains(&process) && refused.contains("msul1"),
            "{refused}"
        );
        drop(first);
        second.hold(dir.path()).unwrap();
        second.give_up();
        assert!(!dir.path().join(".lock-msul1").exists());
        Lock::new("msul1").hold(dir.path()).unwrap();
    }

    #[test]
    fn it_is_that_of_the_directory_that_is_there_now() {
        let dir = tempfile::tempdir().unwrap();
        let (queue, aside) = (dir.path().join("delayed"), dir.path().join("aside"));
        let (mut first, mut second) = (Lock::new("msul1"), Lock::new("msul1"));
        // There is nothing to be locked, and nobody is refused.
        first.hold(&queue).unwrap();
        fs::create_dir(&queue).unwrap();
        first.hold(&queue).unwrap();
        second.hold(&queue).unwrap_err();
        fs::rename(&queue, &aside).unwrap();
        fs::create_dir(&queue).unwrap();
        second.hold(&queue).unwrap();
        first.hold(&queue).unwrap_err();
        fs::remove_file(queue.join(".lock-msul1")).unwrap();
        first.hold(&queue).unwrap();
        second.hold(&queue).unwrap_err();
    }

    #[test]
    fn what_is_no_file_of_ours_holds_up_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".lock-msul1");
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        Lock::new("msul1").hold(dir.path()).unwrap();
        assert!(
            fs::symlink_metadata(&path).unwrap().is_file(),
            "the FIFO has gone"
        );
        fs::remove_file(&path).unwrap();
        let target = dir.path().join("target");
        std::os::unix::fs::symlink(&target, &path).unwrap();
        Lock::new("msul1").hold(dir.path()).unwrap();
        assert!(!target.exists(), "no link is followed");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        Lock::new("msul1").hold(dir.path()).unwrap();
    }
}
