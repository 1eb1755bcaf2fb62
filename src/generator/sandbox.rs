//! What the units have to open for the daemon, and as whom it runs: drop-ins, which an administrator's of a later name
//! overrule.

use std::fs;
use std::io;
use std::path::Path;

use crate::config::{Opened, Sandbox};

/// Before most names, `classic.conf` among them.
const NAME: &str = "10-configuration.conf";
const SERVICE: &str = "lonc@.service";
const RECONNECT: &str = "lonc-reconnect@.service";
/// Reads the files as the daemon's user, and sees all.
const TABLE: &str = "lonc-table.service";
/// Reads the files as a user of its own.
const METRICS: &str = "lonc-metrics.service";
const USR1: &str = "lonc-usr1.service";
/// Its user may steer it.
const CONTROL: &str = "lonc-control@.socket";
const USER: &str = "User=www\nGroup=www\n";

/// Writes them below `directory`.
pub(super) fn write(sandbox: &Sandbox, directory: &Path) -> io::Result<()> {
    let user = if sandbox.is_of_www { USER } else { "" };
    let control = if sandbox.is_of_www { "SocketUser=www\n" } else { "" };
    let (hidden, seen): (Vec<_>, Vec<_>) = sandbox.written.iter().partition(|path| path.is_hidden());
    let written = paths("BindPaths", hidden) + &paths("ReadWritePaths", seen);
    let read = paths("BindReadOnlyPaths", &sandbox.read);
    let usr1 = paths("BindPaths", &sandbox.usr1);
    for (unit, section, lines) in [
        (SERVICE, "Service", [user, &written, &read].concat()),
        (RECONNECT, "Service", [user, &read].concat()),
        (TABLE, "Service", user.to_owned()),
        (METRICS, "Service", read),
        (USR1, "Service", usr1),
        (CONTROL, "Socket", control.to_owned()),
    ] {
        if !lines.is_empty() {
            drop_in(directory, unit, section, &lines)?;
        }
    }
    Ok(())
}

/// One that is not there, as when the disk is away, is no reason not to start.
fn paths<'a>(key: &str, paths: impl IntoIterator<Item = &'a Opened>) -> String {
    let line = |path: &Opened| format!("{key}=-{}\n", path.path().display());
    paths.into_iter().map(line).collect()
}

fn drop_in(directory: &Path, unit: &str, section: &str, lines: &str) -> io::Result<()> {
    let directory = directory.join(format!("{unit}.d"));
    fs::create_dir_all(&directory)?;
    fs::write(directory.join(NAME), format!("[{section}]\n{lines}"))
}
