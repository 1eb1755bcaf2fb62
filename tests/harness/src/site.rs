//! A directory with a configuration.

use std::fs;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::programs::built;
use crate::{Directory, Lonc};

/// A `lonc.toml`, a directory for the socket, a spool; gone when the last clone is dropped.
#[derive(Clone)]
pub struct Site(Directory);

impl Site {
    /// A site whose peer `msul1` is at `peer`; `toml` holds the sections it needs. There is one link unless they say how
    /// many `connections` there may be: on a busy machine another may be opened at any moment, and tests count them.
    pub fn new(peer: SocketAddr, toml: &str) -> Self {
        let site = Self(Directory::new());
        site.configure(peer, toml);
        site
    }

    /// Writes the configuration anew, in one moment: whoever reads it meanwhile finds all of the old or of the new.
    pub fn configure(&self, peer: SocketAddr, toml: &str) {
        let toml = with_few_links(toml);
        let text = format!(
            "host_id = 'msul2'\nsocket_dir = 'DIR/sockets'\ncontrol_dir = 'DIR/control'\nspool_dir = 'DIR/delayed'\n\
             permanent_log = 'DIR/perm.log'\n{toml}\n[peer.msul1]\naddress = '{}'\nport = {}\n",
            peer.ip(),
            peer.port()
        );
        self.write("lonc.toml.new", &text);
        fs::rename(self.path("lonc.toml.new"), self.path("lonc.toml")).unwrap();
    }

    /// Writes this as the configuration; `DIR` stands for the directory.
    pub fn write_config(&self, text: &str) {
        self.write("lonc.toml", text);
    }

    /// Where lonc listens, if it binds itself.
    pub fn socket(&self) -> PathBuf {
        self.path("sockets/msul1")
    }

    /// Where lonc listens for operators, if it binds itself.
    pub fn control_socket(&self) -> PathBuf {
        self.path("control/msul1")
    }

    /// The program without arguments, and with none of the variables that would change what it does.
    pub fn program() -> Command {
        let mut command = Command::new(built("lonc"));
        Self::clean(&mut command);
        command
    }

    /// Takes from `command` what systemd or a developer may have put into the environment.
    pub fn clean(command: &mut Command) {
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
    pub fn command(&self) -> Command {
        self.command_for("msul1")
    }

    /// The same for another peer.
    pub fn command_for(&self, peer: &str) -> Command {
        let mut command = Self::program();
        command.arg("--config").arg(self.path("lonc.toml")).arg(peer);
        command
    }

    /// `command` with that of lonc behind its arguments.
    pub fn command_behind(&self, mut command: Command) -> Command {
        Self::clean(&mut command);
        let lonc = self.command();
        command.arg(lonc.get_program()).args(lonc.get_args());
        command
    }

    /// Starts it; its socket may not be there yet.
    pub fn launch(self) -> Lonc {
        let command = self.command();
        Lonc::spawn(self, command)
    }

    /// Starts it and waits for its socket.
    pub fn start(self) -> Lonc {
        let lonc = self.launch();
        lonc.await_socket();
        lonc
    }
}

impl Deref for Site {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.0
    }
}

fn with_few_links(toml: &str) -> String {
    const SECTION: &str = "[link]\n";
    const ONE: &str = "[link]\nmax_connections = 1\n";
    if toml.contains("connections") {
        toml.to_owned()
    } else if toml.contains(SECTION) {
        toml.replacen(SECTION, ONE, 1)
    } else {
        format!("{toml}\n{ONE}")
    }
}
