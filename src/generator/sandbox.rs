//! What the units have to open for the daemon, and as whom it runs: drop-ins, which an administrator's of a later name
//! overrule.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use crate::config::{Opened, Sandbox};

/// Before most names, `classic.conf` among them.
const NAME: &str = "10-configuration.conf";
const SERVICE: &str = "lonc@.service";
/// What runs as the daemon does, beside it.
const AS_DAEMON: [&str; 2] = ["lonc-table.service", "lonc-reconnect@.service"];
/// Its user may steer it.
const CONTROL: &str = "lonc-control@.socket";
const USER: &str = "User=www\nGroup=www\n";

/// Writes them below `directory`.
pub(super) fn write(sandbox: &Sandbox, directory: &Path) -> io::Result<()> {
    let mut service = String::new();
    if sandbox.is_of_www {
        service.push_str(USER);
        for unit in AS_DAEMON {
            drop_in(directory, unit, "Service", USER)?;
        }
        drop_in(directory, CONTROL, "Socket", "SocketUser=www\n")?;
    }
    let (hidden, seen): (Vec<_>, Vec<_>) = sandbox.written.iter().partition(|path| path.is_hidden());
    paths(&mut service, "BindPaths", &hidden);
    paths(&mut service, "ReadWritePaths", &seen);
    paths(
        &mut service,
        "BindReadOnlyPaths",
        &sandbox.read.iter().collect::<Vec<_>>(),
    );
    if service.is_empty() {
        return Ok(());
    }
    drop_in(directory, SERVICE, "Service", &service)
}

/// One that is not there, as when the disk is away, is no reason not to start.
fn paths(text: &mut String, key: &str, paths: &[&Opened]) {
    for path in paths {
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{key}=-{}", path.path().display());
    }
}

fn drop_in(directory: &Path, unit: &str, section: &str, lines: &str) -> io::Result<()> {
    let directory = directory.join(format!("{unit}.d"));
    fs::create_dir_all(&directory)?;
    fs::write(directory.join(NAME), format!("[{section}]\n{lines}"))
}
