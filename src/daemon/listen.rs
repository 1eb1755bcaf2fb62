//! The listening sockets: systemd's, or without it our own at `<socket_dir>/<peer>` and `<control_dir>/<peer>`.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;
use tracing::warn;

use crate::config::{Alias, HostId};
use crate::journal::message;
use crate::socket::alias;
use crate::socket::place::{self, Identity, Occupant};

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

/// Where a socket was bound.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    /// Its file there, if we bound it.
    pub(crate) file: Option<Identity>,
    /// The second name that we give it.
    pub(crate) alias: watch::Receiver<Option<String>>,
    /// True from when both are removed.
    pub(crate) given_up: Arc<AtomicBool>,
}

impl Place {
    /// That of a socket that somebody else made.
    pub(crate) fn passed(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            alias: watch::channel(None).1,
            given_up: Arc::default(),
        }
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
    let identity = Identity::at(&path).map_err(failed)?;
    let file = SocketFile {
        directory: dir.to_owned(),
        peer: peer.clone(),
        identity,
        alias: watch::Sender::new(None),
        given_up: Arc::default(),
    };
    Ok(ListenSocket {
        listener,
        file: Some(file),
    })
}

fn remove_stale(path: &Path) -> Result<(), ListenError> {
    let failed = |source| ListenError::Bind {
        path: path.to_owned(),
        source,
    };
    match place::occupant(path).map_err(failed)? {
        Occupant::Nobody => Ok(()),
        Occupant::Stale => fs::remove_file(path).map_err(failed),
        Occupant::NoSocket => Err(ListenError::NotASocket(path.to_owned())),
        Occupant::Listener(_) => Err(ListenError::InUse(path.to_owned())),
    }
}

/// The file of a socket of our own, and its second name; removed when dropped, unless somebody put another one there.
#[derive(Debug)]
pub(crate) struct SocketFile {
    directory: PathBuf,
    peer: HostId,
    identity: Identity,
    alias: watch::Sender<Option<String>>,
    given_up: Arc<AtomicBool>,
}

impl SocketFile {
    pub(crate) fn place(&self) -> Place {
        Place {
            path: self.path(),
            file: Some(self.identity),
            alias: self.alias.subscribe(),
            given_up: Arc::clone(&self.given_up),
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.join(self.peer.as_ref())
    }

    /// Has it be reached by this second name, and no longer by another. Without that it serves all the same.
    pub(crate) fn go_by(&mut self, alias: &Alias) {
        let is_another = self.alias.borrow().as_deref() != alias.name();
        if is_another {
            self.drop_alias();
        }
        if let Alias::Name(name) = alias {
            if let Err(fault) = alias::make(&self.directory, name, &self.peer) {
                warn!(MESSAGE_ID = message::CONFIG_WARNING, LONC_ERROR = %fault, "{fault}");
            }
            self.alias.send_replace(Some(name.clone()));
        }
    }

    fn drop_alias(&mut self) {
        // Nobody is to miss what is removed on purpose.
        if let Some(name) = self.alias.send_replace(None) {
            // What stays behind leads nowhere, and is ours to replace at the next start.
            let _ = alias::remove(&self.directory, &name, &self.peer);
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.given_up.store(true, Ordering::SeqCst);
        self.drop_alias();
        let path = self.path();
        if Identity::at(&path).is_ok_and(|now| now == self.identity) {
            // A file that stays behind is found stale by the next start.
            let _ = fs::remove_file(&path);
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
