//! Reading a file that others can write, or put something else in place of: only a regular file, only so much of it, and
//! never with a wait for anybody.
//!
//! What is not a regular file is not even opened: a FIFO would hold us up, or its writer would take us for its reader, and
//! some devices begin to do something when they are opened.

mod obstacle;

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::makedev;

use crate::units;

/// What is made of a symbolic link in place of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Links {
    /// It is followed: whoever put it there may read what it leads to.
    Follow,
    /// It is refused: we may read more than whoever could have put it there.
    Refuse,
}

/// A whole file of at most `most` bytes.
///
/// `/dev/null` is an empty file: so an administrator writes that there is none.
///
/// # Errors
/// It cannot be opened or read, is no regular file, or is larger.
pub(crate) fn whole(path: &Path, most: u64, links: Links) -> io::Result<Vec<u8>> {
    whole_if(path, most, links, |_| Ok(()))
}

/// The same, if `fits` says of what was opened that it may be read.
///
/// # Errors
/// As [`whole`], and what `fits` says.
pub(crate) fn whole_if(
    path: &Path,
    most: u64,
    links: Links,
    fits: impl FnOnce(&Metadata) -> io::Result<()>,
) -> io::Result<Vec<u8>> {
    let Some(file) = open(path, links)? else {
        return Ok(Vec::new());
    };
    fits(&file.metadata()?)?;
    let bytes = beginning(&file, most.saturating_add(1))?;
    if bytes.len() as u64 > most {
        let text = format!("it is larger than {}", units::size(most));
        return Err(io::Error::new(ErrorKind::FileTooLarge, text));
    }
    Ok(bytes)
}

/// The first `most` bytes of a file.
///
/// # Errors
/// It cannot be opened or read, or is no regular file.
pub(crate) fn start(path: &Path, most: u64, links: Links) -> io::Result<Vec<u8>> {
    open(path, links)?.map_or_else(|| Ok(Vec::new()), |file| beginning(&file, most))
}

fn beginning(file: &File, most: u64) -> io::Result<Vec<u8>> {
    // Some of them hold a key, and what grows leaves copies behind.
    let size = file.metadata()?.len().min(most);
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a regular file; nothing if it is `/dev/null`.
fn open(path: &Path, links: Links) -> io::Result<Option<File>> {
    find(path, links).map_err(|error| obstacle::explained(path, error))
}

fn find(path: &Path, links: Links) -> io::Result<Option<File>> {
    let no_links = match links {
        Links::Follow => OFlag::empty(),
        Links::Refuse => OFlag::O_NOFOLLOW,
    };
    // What stands there, without opening it.
    let place = opening(OFlag::O_PATH | no_links).open(path)?;
    let found = place.metadata()?;
    if is_null(&found) {
        return Ok(None);
    }
    if found.is_dir() {
        return Err(Errno::EISDIR.into());
    }
    if !found.is_file() {
        let text = format!("it is {}, not a regular file", kind(&found));
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    }
    match reopen(&place) {
        // No /proc, as in a bare change of root.
        Err(fault) if fault.kind() == ErrorKind::NotFound => again(path, no_links, &found).map(Some),
        opened => opened.map(Some),
    }
}

/// Opens for reading what `place` was opened for as a place only (`O_PATH`).
///
/// # Errors
/// It cannot be opened, or there is no `/proc`.
pub(crate) fn reopen(place: &File) -> io::Result<File> {
    opening(OFlag::O_NONBLOCK).open(format!("/proc/self/fd/{}", place.as_raw_fd()))
}

fn again(path: &Path, no_links: OFlag, found: &Metadata) -> io::Result<File> {
    let file = opening(OFlag::O_NONBLOCK | OFlag::O_NOCTTY | no_links).open(path)?;
    let now = file.metadata()?;
    if (now.dev(), now.ino()) != (found.dev(), found.ino()) {
        return Err(io::Error::other("it was replaced meanwhile"));
    }
    Ok(file)
}

fn opening(flags: OFlag) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(flags.bits());
    options
}

fn is_null(found: &Metadata) -> bool {
    found.file_type().is_char_device() && found.rdev() == makedev(1, 3)
}

fn kind(found: &Metadata) -> &'static str {
    let kind = found.file_type();
    if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::thread;

    #[test]
    fn what_is_no_regular_file_is_not_opened_and_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        mkfifo(&path("fifo"), Mode::S_IRWXU).unwrap();
        symlink("fifo", path("link to fifo")).unwrap();
        let _socket = UnixListener::bind(path("socket")).unwrap();
        symlink("/dev/zero", path("zero")).unwrap();
        symlink("zero", path("link to zero")).unwrap();
        for (name, what) in [
            ("fifo", "a FIFO"),
            ("link to fifo", "a FIFO"),
            ("socket", "a socket"),
            ("zero", "a device"),
            ("link to zero", "a device"),
        ] {
            for fault in [
                whole(&path(name), 9, Links::Follow).unwrap_err(),
                start(&path(name), 9, Links::Follow).unwrap_err(),
            ] {
                assert_eq!(fault.to_string(), format!("it is {what}, not a regular file"));
            }
        }
        let dir = whole(dir.path(), 9, Links::Follow).unwrap_err();
        assert_eq!(dir.kind(), ErrorKind::IsADirectory);
        let terminal = whole(Path::new("/dev/ptmx"), 9, Links::Follow).unwrap_err();
        assert!(terminal.to_string().contains("a device"), "{terminal}");
    }

    #[test]
    fn who_writes_into_a_fifo_finds_no_reader_in_us() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("fifo");
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        let waiting = path.clone();
        let writer = thread::spawn(move || OpenOptions::new().write(true).open(waiting));
        for _ in 0..1000 {
            whole(&path, 9, Links::Follow).unwrap_err();
            assert!(!writer.is_finished());
        }
        // Only a reader lets it go on.
        drop(File::open(&path).unwrap());
        assert!(writer.join().unwrap().is_ok());
    }

    #[test]
    fn so_much_and_no_more() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "12345").unwrap();
        assert_eq!(whole(&path, 5, Links::Follow).unwrap(), b"12345");
        assert_eq!(start(&path, 2, Links::Follow).unwrap(), b"12");
        let fault = whole(&path, 4, Links::Follow).unwrap_err();
        assert_eq!(fault.to_string(), "it is larger than 4B");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(whole(&path, 1 << 20, Links::Follow).is_err());
        assert_eq!(whole(Path::new("/dev/null"), 4, Links::Follow).unwrap(), b"");
    }

    #[test]
    fn links_are_followed_or_refused() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("file"), dir.path().join("link"));
        fs::write(&file, "1").unwrap();
        symlink("file", &link).unwrap();
        assert_eq!(whole(&link, 4, Links::Follow).unwrap(), b"1");
        assert_eq!(whole(&file, 4, Links::Refuse).unwrap(), b"1");
        let fault = whole(&link, 4, Links::Refuse).unwrap_err();
        assert_eq!(fault.to_string(), "it is a symbolic link, not a regular file");
        let gone = whole(&dir.path().join("gone"), 4, Links::Follow).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
    }
}
