//! The second name of a socket: a symbolic link beside it, which leads to it.
//!
//! A link is ours by its form: it leads to the name of a host id in its own directory. Nobody else makes such a link;
//! those of old remove what is there and bind a socket of their own. What has another form is left alone, but for a
//! socket at which nobody listens.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::place::{self, Occupant};
use crate::config::HostId;

/// What stands where the second name is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The link to this socket.
    Ours,
    /// A link of ours to the socket of another id.
    To(HostId),
    /// Nothing.
    Missing,
    /// A link to somewhere else.
    Elsewhere(PathBuf),
    /// No link.
    Other(Occupant),
}

impl fmt::Display for Standing {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours => out.write_str("it is as it should be"),
            Self::To(id) => write!(out, "it leads to {id}"),
            Self::Missing => out.write_str("it is missing"),
            Self::Elsewhere(target) => write!(out, "it leads to {}", target.display()),
            Self::Other(occupant) => write!(out, "something else is in its place: {occupant}"),
        }
    }
}

/// Why there is no link.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AliasError {
    /// What stands there is not ours to remove.
    #[error("{}: no second name for the socket of {id}: {standing}", .path.display())]
    InTheWay {
        path: PathBuf,
        id: HostId,
        standing: Standing,
    },
    /// The system does not let us.
    #[error("{}: no second name for the socket of {id}: {source}", .path.display())]
    Io {
        path: PathBuf,
        id: HostId,
        source: io::Error,
    },
}

/// What stands at `<dir>/<name>`, where the socket of `id` is to be reached.
pub(crate) fn look(dir: &Path, name: &str, id: &HostId) -> io::Result<Standing> {
    let path = dir.join(name);
    match fs::read_link(&path) {
        Ok(target) => Ok(match target.to_str().and_then(|target| target.parse().ok()) {
            Some(other) if other == *id => Standing::Ours,
            Some(other) => Standing::To(other),
            None => Standing::Elsewhere(target),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Standing::Missing),
        // It is there, and is no link.
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
            place::occupant(&path).map(Standing::Other)
        }
        Err(error) => Err(error),
    }
}

/// Has `<dir>/<name>` lead to the socket of `id`.
pub(crate) fn make(dir: &Path, name: &str, id: &HostId) -> Result<(), AliasError> {
    let path = dir.join(name);
    let make = || match look(dir, name, id)? {
        Standing::Ours => Ok(None),
        Standing::Missing => symlink(id.as_ref(), &path).map(|()| None),
        // One at which nobody listens serves nobody, whosever it was.
        Standing::To(_) | Standing::Other(Occupant::Stale) => {
            fs::remove_file(&path)?;
            symlink(id.as_ref(), &path).map(|()| None)
        }
        standing @ (Standing::Elsewhere(_) | Standing::Other(_)) => Ok(Some(standing)),
    };
    match make() {
        Ok(None) => Ok(()),
        Ok(Some(standing)) => Err(AliasError::InTheWay {
            path: path.clone(),
            id: id.clone(),
            standing,
        }),
        Err(source) => Err(AliasError::Io {
            path: path.clone(),
            id: id.clone(),
            source,
        }),
    }
}

/// Removes `<dir>/<name>` if it leads to the socket of `id`.
pub(crate) fn remove(dir: &Path, name: &str, id: &HostId) -> io::Result<()> {
    let path = dir.join(name);
    match fs::read_link(&path) {
        Ok(target) if target.as_os_str() == id.as_ref() => fs::remove_file(&path),
        Ok(_) => Ok(()),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::InvalidInput
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixListener;

    #[test]
    fn links_of_ours_are_made_moved_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let (one, two): (HostId, HostId) = ("msul1".parse().unwrap(), "msul2".parse().unwrap());
        let name = "zaphod.lite.msu.edu";
        for id in [&one, &one, &two] {
            make(dir.path(), name, id).unwrap();
            assert_eq!(
                fs::read_link(dir.path().join(name)).unwrap(),
                Path::new(id.as_ref())
            );
        }
        remove(dir.path(), name, &one).unwrap();
        assert_eq!(look(dir.path(), name, &two).unwrap(), Standing::Ours);
        remove(dir.path(), name, &two).unwrap();
        remove(dir.path(), name, &two).unwrap();
        assert_eq!(look(dir.path(), name, &two).unwrap(), Standing::Missing);
    }

    #[test]
    fn a_socket_at_which_nobody_listens_gives_way() {
        let dir = tempfile::tempdir().unwrap();
        let id: HostId = "msul1".parse().unwrap();
        drop(UnixListener::bind(dir.path().join("name")).unwrap());
        remove(dir.path(), "name", &id).unwrap();
        assert_eq!(
            look(dir.path(), "name", &id).unwrap(),
            Standing::Other(Occupant::Stale)
        );
        make(dir.path(), "name", &id).unwrap();
        assert_eq!(look(dir.path(), "name", &id).unwrap(), Standing::Ours);
    }

    #[test]
    fn what_is_not_ours_stays() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let id: HostId = "msul1".parse().unwrap();
        fs::write(path("file"), "precious").unwrap();
        fs::create_dir(path("delayed")).unwrap();
        symlink("/etc/passwd", path("link")).unwrap();
        symlink("../msul1", path("above")).unwrap();
        let _theirs = UnixListener::bind(path("socket")).unwrap();
        for name in ["file", "delayed", "link", "above", "socket"] {
            let before = fs::symlink_metadata(path(name)).unwrap().file_type();
            let fault = make(dir.path(), name, &id).unwrap_err();
            assert!(matches!(fault, AliasError::InTheWay { .. }), "{fault}");
            remove(dir.path(), name, &id).unwrap();
            assert_eq!(fs::symlink_metadata(path(name)).unwrap().file_type(), before);
        }
        assert_eq!(fs::read(path("file")).unwrap(), b"precious");
        let fault = make(&path("file"), "x", &id).unwrap_err();
        assert!(matches!(fault, AliasError::Io { .. }), "{fault}");
    }
}
