//! What stands at the path of a socket, and who listens there.

use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, getsockopt, socket, sockopt};
use serde::{Deserialize, Serialize};

use crate::config::text;
use crate::process::{self, Kind};

/// The kernel's list of UNIX sockets. Below `self`: elsewhere in `/proc` the daemon sees nothing.
pub(super) const LIST: &str = "/proc/self/net/unix";
/// In that list, the flag of a socket at which somebody listens: `SO_ACCEPTCON`.
pub(super) const LISTENS: &[u8] = b"00010000";
/// So much of a process' title is told, in bytes.
const MAX_TITLE: u64 = 60;

/// A file, for as long as something has it open; a bound socket does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// That of what stands at `path` itself: a link there is not followed.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        fs::symlink_metadata(path).map(|metadata| Self::of(&metadata))
    }

    /// That of the directory in which `path` is.
    pub(crate) fn of_directory(path: &Path) -> io::Result<Self> {
        let directory = path.parent().unwrap_or(path);
        fs::metadata(directory).map(|metadata| Self::of(&metadata))
    }

    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// What stands at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Occupant {
    /// Nothing.
    Nobody,
    /// The file of a socket at which nobody listens.
    Stale,
    /// A socket at which somebody listens; who, if that can be known.
    Listener(Option<Listener>),
    /// Something else than a socket.
    NoSocket,
}

impl Occupant {
    /// Whether somebody listens there.
    pub(crate) fn listens(&self) -> bool {
        matches!(self, Self::Listener(_))
    }

    /// Who, if that is known.
    pub(crate) fn listener(&self) -> Option<&Listener> {
        match self {
            Self::Listener(listener) => listener.as_ref(),
            Self::Nobody | Self::Stale | Self::NoSocket => None,
        }
    }
}

/// A process that listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listener {
    pub(crate) pid: i32,
    pub(crate) uid: u32,
}

impl Listener {
    /// Whether it is LON-CAPA's own.
    pub(crate) fn is_perl_lonc(&self) -> bool {
        process::kind(self.pid) == Some(Kind::Perl)
    }

    /// Whether what it is cannot be seen from here: processes of others may be hidden, as from `lonc-metrics`.
    pub(crate) fn is_hidden(&self) -> bool {
        process::command(self.pid).is_none_or(|command| command.is_empty())
    }

    /// Whether it is systemd or an instance.
    pub(crate) fn is_ours(&self) -> bool {
        self.pid == 1 || process::is_instance(self.pid)
    }
}

impl fmt::Display for Listener {
    /// Its number, its title if that may be seen, and its user.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "process {}", self.pid)?;
        if let Some(title) = title(self.pid) {
            write!(out, " ({title})")?;
        }
        write!(out, " of user {}", self.uid)
    }
}

impl fmt::Display for Occupant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nobody => out.write_str("nothing stands there"),
            Self::Stale => out.write_str("nobody listens there"),
            Self::Listener(Some(listener)) => write!(out, "{listener} listens there"),
            Self::Listener(None) => out.write_str("another process listens there"),
            Self::NoSocket => out.write_str("what stands there is no socket"),
        }
    }
}

/// What stands at `path`. Whoever listens there sees a client come and go; no place in its backlog is waited for.
///
/// # Errors
/// What the system says, also where it does not let us connect and nobody is known to listen there.
pub(crate) fn occupant(path: &Path) -> io::Result<Occupant> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Occupant::Nobody),
        found => found?,
    };
    if !found.file_type().is_socket() {
        return Ok(Occupant::NoSocket);
    }
    match try_connect(path) {
        Ok(client) => Ok(Occupant::Listener(listener(&client))),
        // Somebody listens, but is slow to accept; or the socket is of another kind.
        Err(Errno::EAGAIN | Errno::EPROTOTYPE) => Ok(Occupant::Listener(None)),
        Err(Errno::ECONNREFUSED) => Ok(Occupant::Stale),
        Err(Errno::ENOENT) => Ok(Occupant::Nobody),
        Err(Errno::EACCES) if is_listed(path)? => Ok(Occupant::Listener(None)),
        Err(error) => Err(error.into()),
    }
}

/// Connects without waiting for a place in the backlog.
fn try_connect(path: &Path) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let client = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(client.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(client)
}

/// Who began to listen at the other end, as the kernel knows.
fn listener(client: &OwnedFd) -> Option<Listener> {
    let credentials = getsockopt(client, sockopt::PeerCredentials).ok()?;
    // A process that is not to be seen from here is 0.
    (credentials.pid() > 0).then(|| Listener {
        pid: credentials.pid(),
        uid: credentials.uid(),
    })
}

/// What a process is called in the process table, on one line.
pub(crate) fn title(pid: i32) -> Option<String> {
    let first = |file: &str| -> Option<String> {
        let mut bytes = Vec::new();
        let file = File::open(format!("/proc/{pid}/{file}")).ok()?;
        file.take(MAX_TITLE).read_to_end(&mut bytes).ok()?;
        let words = String::from_utf8_lossy(&bytes).replace('\0', " ");
        Some(text::plain(words.trim())).filter(|title| !title.is_empty())
    };
    first("cmdline").or_else(|| first("comm"))
}

/// Whether the kernel knows of somebody who listens at a socket that was bound by this name.
fn is_listed(path: &Path) -> io::Result<bool> {
    let name = path.as_os_str().as_bytes();
    for line in BufReader::new(File::open(LIST)?).split(b'\n') {
        // Number, references, protocol, flags, type, state, inode, and then the name.
        let line = line?;
        let listens = line.split(|byte| *byte == b' ').nth(3) == Some(LISTENS);
        let is_named = line.strip_suffix(name).is_some_and(|rest| rest.ends_with(b" "));
        if listens && is_named {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixDatagram, UnixListener};

    #[test]
    fn who_listens_is_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        assert_eq!(occupant(&path).unwrap(), Occupant::Nobody);
        let listening = UnixListener::bind(&path).unwrap();
        let Occupant::Listener(Some(who)) = occupant(&path).unwrap() else {
            panic!("{:?}", occupant(&path));
        };
        assert_eq!(u32::try_from(who.pid), Ok(std::process::id()));
        assert!(
            who.to_string().starts_with(&format!("process {} (", who.pid)),
            "{who}"
        );
        assert!(is_listed(&path).unwrap() && !is_listed(dir.path()).unwrap());
        drop(listening);
        assert_eq!(occupant(&path).unwrap(), Occupant::Stale);
        assert!(!is_listed(&path).unwrap());
    }

    #[test]
    fn what_is_in_the_way_is_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("file"), "").unwrap();
        std::os::unix::fs::symlink("file", path("link")).unwrap();
        let _bound = UnixDatagram::bind(path("datagrams")).unwrap();
        assert_eq!(occupant(&path("file")).unwrap(), Occupant::NoSocket);
        assert_eq!(occupant(&path("link")).unwrap(), Occupant::NoSocket);
        assert_eq!(occupant(&path("datagrams")).unwrap(), Occupant::Listener(None));
        assert_eq!(
            occupant(&path("file/x")).unwrap_err().kind(),
            io::ErrorKind::NotADirectory
        );
    }

    #[test]
    fn a_file_keeps_its_identity_while_its_socket_lives_though_another_stands_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        let _ours = UnixListener::bind(&path).unwrap();
        let ours = Identity::at(&path).unwrap();
        for _ in 0..100 {
            fs::remove_file(&path).unwrap();
            let _theirs = UnixListener::bind(&path).unwrap();
            assert_ne!(Identity::at(&path).unwrap(), ours);
        }
        assert_eq!(
            Identity::of_directory(&path).unwrap(),
            Identity::at(dir.path()).unwrap()
        );
    }
}
