//! Does on the disk what the machine wants done there, and nothing else.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lonc_proto::buffer::Buffer;
use lonc_proto::spool::{Fault, FaultKind, Machine, Name, Now, Operation, Place, Shelf, Stat, Unsendable};
use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::lock::{Lock, Taken};
use super::paths::Paths;
use super::place::{place, sync};

/// Bytes asked for at a time where a file is longer than it was said to be.
const READ: usize = 16 * 1024;

/// The directories of a spool.
#[derive(Debug)]
pub(super) struct Disk {
    paths: Paths,
    /// The file written last, until it is synced.
    written: Option<File>,
    /// Of who sends from there.
    lock: Option<Lock>,
    /// Another sends from there.
    taken: Option<Taken>,
}

impl Disk {
    pub(super) fn new(paths: Paths) -> Self {
        Self {
            paths,
            written: None,
            lock: None,
            taken: None,
        }
    }

    /// One from which is sent.
    pub(super) fn sending(paths: Paths, lock: Lock) -> Self {
        let lock = Some(lock);
        Self {
            lock,
            ..Self::new(paths)
        }
    }

    /// Nothing more is sent from here.
    pub(super) fn give_up(&mut self) {
        if let Some(lock) = &mut self.lock {
            lock.give_up();
        }
    }

    /// The directories are these from now on.
    pub(super) fn go_to(&mut self, paths: Paths) {
        (self.paths, self.written) = (paths, None);
    }

    pub(super) fn paths(&self) -> &Paths {
        &self.paths
    }

    /// Does this, and hands in the outcome with the time when it is there.
    pub(super) fn operate(&mut self, operation: Operation, machine: &mut Machine, now: impl Fn() -> Now) {
        match operation {
            Operation::List(shelf) => {
                let listed = self
                    .look_who_sends(shelf)
                    .and_then(|()| self.list(shelf, |name| machine.handle_entry(name)));
                machine.handle_listed(outcome(listed), now());
            }
            Operation::Stat(place) => machine.handle_stat(outcome(self.stat(&place)), now()),
            Operation::Read(name, most) => {
                // What another sends is none of ours.
                let read = match self.taken {
                    Some(_) => Err(Unsendable::Gone),
                    None => read(&self.path(&name), most),
                };
                let read = read.map(|(content, age)| (content.freeze(), age));
                machine.handle_read(read, now());
            }
            Operation::Write(name, content) => {
                machine.handle_written(outcome(self.write(&name, content.as_bytes())), now());
            }
            Operation::SyncFile => machine.handle_synced(outcome(self.sync_file()), now()),
            Operation::Sync(shelf) => machine.handle_synced(outcome(self.sync(shelf)), now()),
            Operation::Rename { from, to } => {
                let renamed = place(&self.paths.place(&from), &self.paths.place(&to));
                machine.handle_renamed(outcome(renamed), now());
            }
            Operation::Remove(name) => {
                machine.handle_removed(outcome(fs::remove_file(self.path(&name))), now());
            }
            Operation::Make(shelf) => machine.handle_made(outcome(self.make(shelf)), now()),
        }
    }

    /// Before the queue is listed, which it is at every start and look: whether another sends from the directory that is
    /// there now.
    fn look_who_sends(&mut self, shelf: Shelf) -> io::Result<()> {
        if let Some(lock) = self.lock.as_mut().filter(|_| shelf == Shelf::Queue) {
            self.taken = lock.hold(&self.paths.shelf(shelf)).err();
        }
        self.check_taken()
    }

    fn check_taken(&self) -> io::Result<()> {
        self.taken
            .clone()
            .map_or(Ok(()), |taken| Err(io::Error::other(taken)))
    }

    /// Of a file in the queue.
    fn path(&self, name: &Name) -> PathBuf {
        self.paths.file(Shelf::Queue, name)
    }

    fn list(&self, shelf: Shelf, mut see: impl FnMut(&[u8])) -> io::Result<()> {
        for entry in fs::read_dir(self.paths.shelf(shelf))? {
            see(entry?.file_name().as_bytes());
        }
        Ok(())
    }

    fn stat(&self, place: &Place) -> io::Result<Stat> {
        let metadata = fs::symlink_metadata(self.paths.place(place))?;
        Ok(Stat {
            size: metadata.len(),
            written: metadata
                .modified()?
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default(),
        })
    }

    fn write(&mut self, name: &Name, content: &[u8]) -> io::Result<()> {
        self.check_taken()?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.path(name))?;
        file.write_all(content)?;
        self.written = Some(file);
        Ok(())
    }

    fn sync_file(&mut self) -> io::Result<()> {
        let written = self.written.take().ok_or(io::ErrorKind::NotFound)?;
        written.sync_all()
    }

    fn sync(&self, shelf: Shelf) -> io::Result<()> {
        sync(&self.paths.shelf(shelf))
    }

    fn make(&self, shelf: Shelf) -> io::Result<()> {
        match DirBuilder::new().mode(0o770).create(self.paths.shelf(shelf)) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }
}

/// The first `most` bytes of a file, and how long ago it was written last: for ever, if that is still to come. Links are not followed, and nothing but a regular file is read.
pub(super) fn read(path: &Path, most: usize) -> Result<(Buffer, Duration), Unsendable> {
    let unreadable = |error| Unsendable::Unreadable(fault(&error));
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path);
    let file = file.map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOENT) => Unsendable::Gone,
        Some(Errno::ELOOP | Errno::ENXIO) => Unsendable::NotAFile,
        _ => unreadable(error),
    })?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Unsendable::NotAFile);
    }
    let written = metadata.modified().map_err(unreadable)?;
    let age = SystemTime::now().duration_since(written).unwrap_or(Duration::MAX);
    let content = read_all(file, metadata.len(), most).map_err(unreadable)?;
    Ok((content, age))
}

/// The first `most` bytes of a file of about this size. It may hold what is to be sent encrypted.
fn read_all(mut file: File, size: u64, most: usize) -> io::Result<Buffer> {
    // By a byte more its end is found in one read.
    let mut room = usize::try_from(size).unwrap_or(most).saturating_add(1);
    let mut content = Buffer::secret();
    loop {
        let before = content.len();
        content.resize(before.saturating_add(room).min(most));
        let read = file.read(content.get_mut(before..).unwrap_or_default());
        let count = read.as_ref().copied().unwrap_or_default();
        content.resize(before + count);
        match read {
            Ok(0) => return Ok(content),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            Ok(_) | Err(_) => {}
        }
        room = READ;
    }
}

/// What became of an operation, as the machine knows it.
pub(super) fn outcome<T>(done: io::Result<T>) -> Result<T, Fault> {
    done.map_err(|error| fault(&error))
}

pub(super) fn fault(error: &io::Error) -> Fault {
    let kind = if error.kind() == io::ErrorKind::NotFound {
        FaultKind::NotFound
    } else if error.kind() == io::ErrorKind::AlreadyExists {
        FaultKind::Exists
    } else {
        FaultKind::Other
    };
    let text = error.to_string();
    Fault { kind, text }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use lonc_proto::spool::{Command, Config, FromSpool, Limits};

    use super::*;

    /// All messages of `msul1` that are found, as what they ask for.
    fn found(path: &Path) -> Vec<Vec<u8>> {
        let mut machine = Machine::new(Config {
            peer: "msul1".to_owned(),
            alike: vec![],
            max_request_bytes: 100,
            settle: Duration::ZERO,
            pid: 1,
            limits: Limits {
                window: usize::MAX,
                ..Limits::default()
            },
        });
        let mut disk = Disk::new(Paths::new(path));
        machine.handle_start(Now::default());
        machine.handle_more(usize::MAX, Now::default());
        let mut found = vec![];
        while let Some(command) = machine.next_command() {
            match command {
                Command::Operate(operation) => disk.operate(operation, &mut machine, Now::default),
                Command::Tell(FromSpool::Messages(messages)) => {
                    found.extend(messages.iter().map(|(_, request)| request.command().to_vec()));
                }
                Command::Tell(_)
                | Command::Record(..)
                | Command::Answer(..)
                | Command::Reconfigured
                | Command::Finished
                | Command::Event(_) => {}
            }
        }
        found
    }

    #[test]
    fn a_name_is_not_found_without_those_made_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("delayed");
        fs::create_dir(&path).unwrap();
        let content = |number: usize| format!("{number:06}");
        let making = thread::spawn({
            let (aside, path) = (dir.path().to_owned(), path.clone());
            move || {
                for number in 0..2500 {
                    let name = format!("{}.msul1", content(number));
                    fs::write(aside.join(&name), content(number) + "\n").unwrap();
                    fs::rename(aside.join(&name), path.join(&name)).unwrap();
                }
            }
        });
        while !making.is_finished() {
            let found = found(&path);
            let expected = (0..found.len()).map(|number| content(number).into_bytes());
            assert!(found.iter().cloned().eq(expected), "{:?}", found.last());
        }
        making.join().unwrap();
    }
}
