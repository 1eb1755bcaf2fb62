//! The listening sockets: systemd's, or without it our own at `<socket_dir>/<peer>` and `<control_dir>/<peer>`.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

use crate::config::HostId;

/// Mode of a socket of our own: what systemd's `SocketMode=` in our units is.
const MODE: u32 = 0o660;

/// A listening socket, and the file of it if that is ours to remove.
#[derive(Debug)]
pub struct ListenSocket {
    pub(crate) listener: UnixListener,
    pub(crate) file: Option<SocketFile>,
}

impl From<UnixListener> for ListenSocket {
    /// A socket that somebody else made, and that stays when we go.
    fn from(listener: UnixListener) -> Self {
        Self { listener, file: None }
    }
}

/// Why there is no listening socket.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The directory is not there and cannot be made, or cannot be locked.
    #[error("{}: {key}: {source}", .dir.display())]
    Directory {
        /// What the configuration calls it.
        key: &'static str,
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process serves this socket.
    #[error("{}: another process is serving this socket", .0.display())]
    InUse(PathBuf),
    /// Something that is no socket has the name.
    #[error("{}: is in the way and is no socket", .0.display())]
    NotASocket(PathBuf),
    /// Binding failed.
    #[error("{}: cannot listen: {source}", .path.display())]
    Bind {
        /// The socket's path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Listens for clients at `<dir>/<peer>`. A stale file there is replaced, a live one refused.
pub fn bind(dir: &Path, peer: &HostId) -> Result<ListenSocket, ListenError> {
    bind_in("socket_dir", dir, peer)
}

/// Listens for operators, likewise.
pub(crate) fn bind_control(dir: &Path, peer: &HostId) -> Result<ListenSocket, ListenError> {
    bind_in("control_dir", dir, peer)
}

fn bind_in(key: &'static str, dir: &Path, peer: &HostId) -> Result<ListenSocket, ListenError> {
    let in_dir = |source| ListenError::Directory {
        key,
        dir: dir.to_owned(),
        source,
    };
    fs::create_dir_all(dir).map_err(in_dir)?;
    // Held to the end: two that start at once must not both find the file stale.
    let lock = File::open(dir).map_err(in_dir)?;
    lock.lock().map_err(in_dir)?;
    let path = dir.join(peer.as_ref());
    remove_stale(&path)?;
    let failed = |source| ListenError::Bind {
        path: path.clone(),
        source,
    };
    let listener = UnixListener::bind(&path).map_err(failed)?;
    fs::set_permissions(&path, Permissions::from_mode(MODE)).map_err(failed)?;
    let inode = fs::symlink_metadata(&path).map_err(failed)?.ino();
    Ok(ListenSocket {
        listener,
        file: Some(SocketFile { path, inode }),
    })
}

fn remove_stale(path: &Path) -> Result<(), ListenError> {
    let failed = |source| ListenError::Bind {
        path: path.to_owned(),
        source,
    };
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(failed)?,
    };
    if !found.file_type().is_socket() {
        return Err(ListenError::NotASocket(path.to_owned()));
    }
    match try_connect(path) {
        Err(Errno::ECONNREFUSED) => fs::remove_file(path).map_err(failed),
        // EAGAIN: somebody listens, but is slow to accept.
        Ok(()) | Err(Errno::EAGAIN) => Err(ListenError::InUse(path.to_owned())),
        Err(error) => Err(failed(error.into())),
    }
}

/// Connects without waiting for a place in the backlog.
fn try_connect(path: &Path) -> nix::Result<()> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?)
}

/// The file of a socket of our own; removed when dropped, unless somebody put another one there.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|now| now.ino() == self.inode) {
            // A file that stays behind is found stale by the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_stale_file_is_replaced_and_ours_removed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("msul1");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let socket = bind(dir.path(), &peer()).unwrap();
        UnixStream::connect(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn a_live_one_and_a_file_are_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("msul1");
        let live = bind(dir.path(), &peer()).unwrap();
        assert!(matches!(bind(dir.path(), &peer()), Err(ListenError::InUse(_))));
        UnixStream::connect(&path).unwrap();
        drop(live);
        fs::write(&path, "precious").unwrap();
        assert!(matches!(
            bind(dir.path(), &peer()),
            Err(ListenError::NotASocket(_))
        ));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
    }

    #[test]
    fn somebody_elses_socket_under_our_name_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("msul1");
        let ours = bind(dir.path(), &peer()).unwrap();
        fs::rename(&path, dir.path().join("moved")).unwrap();
        let _theirs = UnixListener::bind(&path).unwrap();
        drop(ours);
        assert!(path.exists());
    }

    fn peer() -> HostId {
        "msul1".parse().unwrap()
    }
}
