//! A directory with a configuration.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

use super::Lonc;

/// A `lonc.toml`, a directory for the socket, a spool; gone when the last clone is dropped.
#[derive(Clone)]
pub(crate) struct Site(Arc<TempDir>);

impl Site {
    /// A site whose peer `msul1` is at `peer`; `toml` holds the sections it needs.
    pub(crate) fn new(peer: SocketAddr, toml: &str) -> Self {
        let dir = Arc::new(TempDir::new().unwrap());
        // Clients of other users are to get as far as the socket.
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let site = Self(dir);
        site.configure(peer, toml);
        site
    }

    /// Writes the configuration anew.
    pub(crate) fn configure(&self, peer: SocketAddr, toml: &str) {
        let dir = self.path("");
        let dir = dir.to_str().unwrap().trim_end_matches('/');
        self.write_config(&format!(
            "host_id = 'msul2'\nsocket_dir = '{dir}/sockets'\ncontrol_dir = '{dir}/control'\nspool_dir = '{dir}/delayed'\n\
             permanent_log = '{dir}/perm.log'\n{toml}\n[peer.msul1]\naddress = '{}'\nport = {}\n",
            peer.ip(),
            peer.port()
        ));
    }

    pub(crate) fn write_config(&self, text: &str) {
        fs::write(self.path("lonc.toml"), text).unwrap();
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// Where lonc listens, if it binds itself.
    pub(crate) fn socket(&self) -> PathBuf {
        self.path("sockets/msul1")
    }

    /// The program without arguments, and with none of the variables that would change what it does.
    pub(crate) fn program() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lonc"));
        Self::clean(&mut command);
        command
    }

    /// Takes from `command` what systemd or a developer may have put into the environment.
    pub(crate) fn clean(command: &mut Command) {
        for name in [
            "RUST_LOG",
            "JOURNAL_STREAM",
            "NOTIFY_SOCKET",
            "WATCHDOG_USEC",
            "WATCHDOG_PID",
            "LISTEN_FDS",
            "LISTEN_PID",
            "LISTEN_FDNAMES",
        ] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
    }

    /// `lonc --config … msul1`.
    pub(crate) fn command(&self) -> Command {
        let mut command = Self::program();
        command.arg("--config").arg(self.path("lonc.toml")).arg("msul1");
        command
    }

    /// Starts it; its socket may not be there yet.
    pub(crate) fn launch(self) -> Lonc {
        let command = self.command();
        Lonc::spawn(self, command)
    }

    /// Starts it and waits for its socket.
    pub(crate) fn start(self) -> Lonc {
        let lonc = self.launch();
        lonc.await_socket();
        lonc
    }
}
