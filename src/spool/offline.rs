//! A peer's messages on disk, for when no daemon can be asked.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use lonc_proto::request::Request;
use lonc_proto::spool::{
    Command, Config, Errand, ErrandId, Fault, Found, Listing, Machine, MoveError, Name, Reply, Shelf,
    Unsendable, most_read, parse,
};

use super::Setup;
use super::clock::Clock;
use super::disk::{Disk, fault, read};
use super::lock::Lock;
use super::paths::Paths;
use crate::config::Settings;

/// The directories, as far as we may look at them. What is done there is what the daemon would do.
pub(crate) struct Offline {
    config: Config,
    paths: Paths,
}

impl Offline {
    pub(crate) fn new(settings: &Settings) -> Self {
        let Setup { config, paths, .. } = Setup::of(settings);
        Self { config, paths }
    }

    /// The directory itself.
    pub(crate) fn shelf(&self, shelf: Shelf) -> PathBuf {
        self.paths.shelf(shelf)
    }

    /// The first `most` messages. A spool that is not there yet is empty.
    pub(crate) fn list(&self, most: usize) -> Result<Listing, Fault> {
        let errand = Errand::List { most, failing: None };
        let mut listing = self.run(errand, Reply::listing).unwrap_or_default();
        let fault = listing.fault.take().filter(|fault| !fault.is_not_found());
        fault.map_or(Ok(listing), Err)
    }

    pub(crate) fn find(&self, name: &Name) -> Option<Found> {
        self.run(Errand::Find(name.clone()), Reply::found).flatten()
    }

    /// Puts a message onto another shelf; where it is then.
    pub(crate) fn put(&self, name: &Name, to: Shelf) -> Result<PathBuf, MoveError> {
        let errand = Errand::Move {
            name: name.clone(),
            to,
            withdrawn: None,
        };
        let mut lock = Lock::new(&self.config.peer);
        // Nothing is taken from under the hands of who sends it. One that is starting waits for us.
        lock.hold(&self.paths.shelf(Shelf::Queue))
            .map_err(|taken| MoveError::System(fault(&io::Error::other(taken))))?;
        let moved = self.run(errand, Reply::moved);
        let moved = moved.unwrap_or(Err(MoveError::NoSuchMessage));
        moved.map(|place| self.paths.place(&place))
    }

    /// Names of what was set aside, of whatever host, and when each was written. Names that are no text are left out.
    pub(crate) fn set_aside(&self) -> io::Result<Vec<(String, SystemTime)>> {
        let entries = match fs::read_dir(self.shelf(Shelf::Failed)) {
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let of = |entry: fs::DirEntry| {
            let written = entry.metadata().ok()?.modified().ok()?;
            Some((entry.file_name().into_string().ok()?, written))
        };
        let mut all: Vec<_> = entries.flatten().filter_map(of).collect();
        all.sort();
        Ok(all)
    }

    /// Removes one that was set aside.
    pub(crate) fn remove(&self, name: &Name) -> io::Result<()> {
        fs::remove_file(self.paths.file(Shelf::Failed, name))
    }

    /// What the message asks for.
    pub(crate) fn read(&self, shelf: Shelf, name: &Name) -> Result<Request, Unsendable> {
        let most = self.config.max_request_bytes;
        let (content, _) = read(&self.paths.file(shelf, name), most_read(most))?;
        parse(content.freeze(), most)
    }

    fn run<T>(&self, errand: Errand, of: impl FnOnce(Reply) -> Option<T>) -> Option<T> {
        let (mut machine, mut disk) = (Machine::new(self.config.clone()), Disk::new(self.paths.clone()));
        let clock = Clock::start();
        machine.handle_errand(ErrandId(0), errand, clock.now());
        while let Some(command) = machine.next_command() {
            match command {
                Command::Operate(operation) => disk.operate(operation, &mut machine, || clock.now()),
                Command::Answer(_, reply) => return of(reply),
                // There is no driver to be told that a message is to be sent now, and the rest belongs to no errand.
                Command::Tell(_)
                | Command::Record(..)
                | Command::Reconfigured
                | Command::Finished
                | Command::Event(_) => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::time::Duration;

    use lonc_proto::spool::Limits;

    use super::*;

    /// A spool of `msul1` in a directory of its own.
    fn spool(dir: &tempfile::TempDir) -> Offline {
        let path = dir.path().join("delayed");
        fs::create_dir(&path).unwrap();
        Offline {
            config: Config {
                peer: "msul1".to_owned(),
                alike: vec![],
                max_request_bytes: 100,
                settle: Duration::ZERO,
                pid: 1,
                limits: Limits::default(),
            },
            paths: Paths::new(&path),
        }
    }

    fn name(name: &str) -> Name {
        Name::from(name.as_bytes())
    }

    fn write(spool: &Offline, shelf: Shelf, name: &str) {
        fs::write(spool.shelf(shelf).join(name), "x\n").unwrap();
    }

    fn shelf_of(spool: &Offline, name: &Name) -> Option<Shelf> {
        spool.find(name).map(|found| found.shelf)
    }

    #[test]
    fn only_plain_names_of_the_peer_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let spool = spool(&dir);
        write(&spool, Shelf::Queue, "1.msul1");
        fs::write(dir.path().join("2.msul1"), "x\n").unwrap();
        write(&spool, Shelf::Queue, "3.other");
        assert_eq!(shelf_of(&spool, &name("1.msul1")), Some(Shelf::Queue));
        for one in [
            "../2.msul1",
            "../delayed/1.msul1",
            "3.other",
            "",
            ".",
            "/1.msul1",
            "4.msul1",
        ] {
            assert_eq!(shelf_of(&spool, &name(one)), None, "{one}");
        }
    }

    #[test]
    fn a_message_goes_from_shelf_to_shelf_and_back_and_replaces_none() {
        let dir = tempfile::tempdir().unwrap();
        let spool = spool(&dir);
        let first = name("1.msul1");
        write(&spool, Shelf::Queue, "1.msul1");
        let held = spool.put(&first, Shelf::Held).unwrap();
        assert_eq!(
            (held, shelf_of(&spool, &first)),
            (dir.path().join("held/1.msul1"), Some(Shelf::Held))
        );
        spool.put(&first, Shelf::Failed).unwrap();
        write(&spool, Shelf::Queue, "1.msul1");
        let second = spool.put(&first, Shelf::Failed).unwrap();
        assert_eq!(second.file_name(), Some(OsStr::new("1.msul1~1")));
        let listing = spool.list(1).unwrap();
        let names: Vec<_> = listing.messages.iter().map(|one| &one.name).collect();
        assert_eq!((names, listing.total), (vec![&first], 2));
        let again = spool.put(&name("1.msul1~1"), Shelf::Queue).unwrap();
        assert_eq!(again, dir.path().join("delayed/1.msul1"));
        // The place of the other is taken, as long as it is.
        let taken = spool.put(&first, Shelf::Held).unwrap();
        write(&spool, Shelf::Queue, "1.msul1");
        assert_eq!(taken, dir.path().join("held/1.msul1"));
        fs::rename(&taken, dir.path().join("held/1.msul1.7")).unwrap();
        let refused = spool.put(&name("1.msul1.7"), Shelf::Queue).unwrap_err();
        assert!(matches!(refused, MoveError::System(_)), "{refused}");
    }
}
