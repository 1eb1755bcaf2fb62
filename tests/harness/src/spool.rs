//! The spool as those who write to it and look at it see it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::{Peer, Site, wait_until};

/// As if the file had been written long ago, so that nobody may still want to read it back.
pub fn settled(path: &Path) {
    let file = File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(60))
        .unwrap();
}

impl Site {
    /// A site for `peer` with an empty spool.
    pub fn office(peer: &Peer, toml: &str) -> Self {
        let site = Self::new(peer.addr(), toml);
        fs::create_dir(site.path("delayed")).unwrap();
        site
    }

    /// A path in the spool.
    pub fn spool(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path("delayed").join(name)
    }

    /// Puts a finished message there in one moment; those of lower numbers go first.
    ///
    /// Were it written in place, a process that another test forks meanwhile might hold it open, and lonc would be
    /// told only of the next one in time.
    pub fn put(&self, number: usize, command: &str) {
        let aside = self.path(name(number));
        fs::write(&aside, format!("{command}\n")).unwrap();
        settled(&aside);
        fs::rename(aside, self.spool(name(number))).unwrap();
    }

    /// Messages of the numbers up to `count`, see [`word`].
    pub fn put_words(&self, count: usize) {
        for number in 0..count {
            self.put(number, &word(number));
        }
    }

    /// What is in the spool, hidden names and all, in order.
    pub fn left(&self) -> Vec<String> {
        names_in(&self.path("delayed"))
    }

    /// What is in `failed/`, in order.
    pub fn failed(&self) -> Vec<String> {
        names_in(&self.path("failed"))
    }

    /// The commands that the permanent log has under this letter.
    pub fn logged(&self, letter: char) -> Vec<String> {
        logged_in(&self.path("perm.log"), letter)
    }

    /// Waits until nothing is in the spool.
    pub fn await_empty(&self) {
        wait_until("an empty spool", || self.left().is_empty());
    }
}

/// What a message of this number is called.
pub fn name(number: usize) -> String {
    format!("{}.1.4711.echo.msul1", 1_000_000_000 + number)
}

/// A command that tells the number of its message.
pub fn word(number: usize) -> String {
    format!("echo:m{number}")
}

/// The names in a directory, in order, but for the lock of who sends from there; none if it is not there.
pub fn names_in(dir: &Path) -> Vec<String> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        entries => entries.unwrap(),
    };
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let mut names: Vec<_> = entries.map(|entry| name(entry.unwrap())).collect();
    names.retain(|name| !name.starts_with(".lock-"));
    names.sort();
    names
}

/// The commands that a permanent log has under this letter.
pub fn logged_in(log: &Path, letter: char) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap_or_default();
    let mark = format!(":{letter}:msul1:");
    let command = |line: &str| {
        let rest = line.split_once(&mark)?.1;
        // `:Mon Jan  1 00:00:00 2024` is behind it.
        Some(rest[..rest.len() - 25].to_owned())
    };
    text.lines().filter_map(command).collect()
}

/// The numbers of the messages that lond received: the link it came on, and the number.
pub fn received(peer: &Peer) -> Vec<(usize, usize)> {
    let number = |command: &[u8]| {
        let digits = command.strip_prefix(b"echo:m")?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    let lines = peer.received();
    let messages = lines
        .iter()
        .filter_map(|line| Some((line.connection, number(line.command())?)));
    messages.collect()
}

/// Waits until lond received so many messages more than once or not.
pub fn await_messages(peer: &Peer, count: usize) {
    let is_message = |command: &[u8]| command.starts_with(b"echo:m");
    peer.await_received(|lines| lines.iter().filter(|line| is_message(line.command())).count() >= count);
}

/// All messages up to `count` came, in order as far as sending again what had no answer allows it; how many came more
/// than once.
pub fn check_received(peer: &Peer, count: usize) -> usize {
    let received = received(peer);
    let (mut first_time, mut last) = (HashSet::new(), (0, None));
    for (link, number) in &received {
        if *link == last.0 {
            assert!(
                Some(number) > last.1,
                "{number} after {:?} on link {link}",
                last.1
            );
        } else {
            // A new link begins with what was not answered, or the next.
            assert!(
                *number <= first_time.len(),
                "{number} came too early on link {link}"
            );
        }
        last = (*link, Some(number));
        if first_time.insert(*number) {
            assert_eq!(*number + 1, first_time.len(), "{number} came before its turn");
        }
    }
    assert_eq!(first_time.len(), count, "not all came");
    received.len() - count
}
