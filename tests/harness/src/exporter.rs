//! `lonc-metrics` at a socket.

use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use crate::Site;
use crate::programs::{Running, built};

/// The program without arguments.
pub fn program() -> Command {
    let mut command = Command::new(built("lonc-metrics"));
    Site::clean(&mut command);
    command
}

/// The exporter at a socket, as systemd starts it.
pub fn serving(site: &Site, listener: OwnedFd) -> Running {
    let pass = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\" 3<&0 0</dev/null";
    let mut command = Command::new("sh");
    Site::clean(&mut command);
    command.args(["-c", pass, "sh"]).arg(program().get_program());
    command.arg("--config").arg(site.path("lonc.toml"));
    Running::start(command.stdin(Stdio::from(listener)))
}
