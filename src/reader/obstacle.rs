//! What keeps us from a file that others see or can read: the administrator who looks is root, and in no sandbox.

use std::env;
use std::io::{self, ErrorKind};
use std::os::unix::process::parent_id;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::{AccessFlags, eaccess, geteuid};

/// Of which the units of services show only what they are told to.
const HIDDEN: [&str; 5] = ["/home", "/root", "/run/user", "/tmp", "/var/tmp"];
/// What the service manager gives each service.
const INVOCATION: &str = "INVOCATION_ID";

/// The same error, with what stands in the way to `path`.
pub(super) fn explained(path: &Path, error: io::Error) -> io::Error {
    let kind = error.kind();
    let more = if kind == ErrorKind::PermissionDenied {
        Some(denied(path))
    } else {
        hidden(path).filter(|_| kind == ErrorKind::NotFound && is_service())
    };
    match more {
        Some(more) => io::Error::new(kind, format!("{error}: {more}")),
        None => error,
    }
}

/// Whom, and where.
fn denied(path: &Path) -> String {
    // Of a relative one the last is empty, and means the directory that we are in.
    let named = |dir| if dir == Path::new("") { Path::new(".") } else { dir };
    let ancestors: Vec<_> = path.ancestors().skip(1).map(named).collect();
    let is_closed = |dir: &&&Path| eaccess(**dir, AccessFlags::X_OK) == Err(Errno::EACCES);
    let user = geteuid();
    match ancestors.iter().rev().find(is_closed) {
        Some(closed) => format!("user {user} may not enter {}", closed.display()),
        None => format!("user {user} may not read it"),
    }
}

fn hidden(path: &Path) -> Option<String> {
    let place = HIDDEN.iter().find(|place| path.starts_with(place))?;
    Some(format!(
        "a service sees nothing of {place} but what its unit says; put it elsewhere"
    ))
}

fn is_service() -> bool {
    parent_id() == 1 && env::var_os(INVOCATION).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn which_directory_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let (inner, file) = (
            dir.path().join("closed/inner"),
            dir.path().join("closed/inner/file"),
        );
        fs::create_dir_all(&inner).unwrap();
        fs::write(&file, "").unwrap();
        let may_not = |what: String| format!("user {} may not {what}", geteuid());
        assert_eq!(denied(&file), may_not("read it".to_owned()));
        let closed = dir.path().join("closed");
        fs::set_permissions(&closed, Permissions::from_mode(0o000)).unwrap();
        // Root enters all the same.
        if !geteuid().is_root() {
            assert_eq!(denied(&file), may_not(format!("enter {}", closed.display())));
        }
        fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    }

    #[test]
    fn a_relative_path_has_no_nameless_directory() {
        let denied_read = format!("user {} may not read it", geteuid());
        for path in [
            "lonc.toml",
            "./lonc.toml",
            "no-such-dir/lonc.toml",
            "/no-such-dir/lonc.toml",
        ] {
            assert_eq!(denied(Path::new(path)), denied_read, "{path}");
        }
    }

    #[test]
    fn what_units_hide() {
        assert!(hidden(Path::new("/root/tls/link.key")).is_some_and(|words| words.contains("/root")));
        assert!(hidden(Path::new("/tmp/link.key")).is_some());
        assert_eq!(hidden(Path::new("/etc/lonc/link.key")), None);
        assert_eq!(hidden(Path::new("/homes/link.key")), None);
    }
}
