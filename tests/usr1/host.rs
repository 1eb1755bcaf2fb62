//! A host of the old world: `logs/lonc.pid`, the user www, and what systemd does for both halves of `lonc-usr1`.

use std::fs::{self, Permissions};
use std::io::Read as _;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::sys::signal::Signal;
use test_harness::programs::{self, Running, installed};
use test_harness::{Lonc, Peer, Site, another_user, wait_until};

/// A site with a directory for `lonc.pid`, which is the web server's, and with the program where that user may run it.
pub(crate) fn site(peer: &Peer, toml: &str) -> Site {
    let site = Site::new(
        peer.addr(),
        &format!("usr1_pid_file = 'DIR/logs/lonc.pid'\n{toml}"),
    );
    fs::create_dir(site.path("logs")).unwrap();
    programs::put(env!("CARGO_BIN_EXE_lonc-usr1"), program(&site));
    another_user::give(&site.path("logs"));
    site
}

pub(crate) fn program(site: &Site) -> PathBuf {
    site.path("lonc-usr1")
}

/// What lond does.
pub(crate) fn signal_as_www(site: &Site) {
    let mut command = another_user::command("sh");
    command
        .args(["-c", "kill -USR1 $(cat \"$0\")"])
        .arg(site.path("logs/lonc.pid"));
    assert!(command.status().unwrap().success());
}

/// `lonc-reconnect.socket` and the service behind it, as the tests' own user, who is also that of the instances.
pub(crate) struct Reconnect {
    _socket: Running,
    pub(crate) path: PathBuf,
}

impl Reconnect {
    /// Nothing without systemd's tool for it.
    pub(crate) fn listen(site: &Site) -> Option<Self> {
        let mut command = Command::new(installed("systemd-socket-activate")?);
        Site::clean(&mut command);
        let path = site.path("reconnect");
        command.args(["--accept", "--inetd", "--listen"]).arg(&path);
        command
            .arg(program(site))
            .arg("--config")
            .arg(site.path("lonc.toml"))
            .arg("--reconnect");
        let socket = Running::start(command.stderr(Stdio::null()));
        wait_until("the socket", || is_listening(&path));
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        Some(Self {
            _socket: socket,
            path,
        })
    }
}

/// Connecting has all instances try again, here: before anything else of a test.
fn is_listening(path: &Path) -> bool {
    let connected = UnixStream::connect(path);
    connected.is_ok_and(|mut stream| stream.read_to_end(&mut Vec::new()).is_ok())
}

/// The one that is signalled; it looks like a daemon to the harness.
pub(crate) struct Bridge(Lonc);

impl Bridge {
    pub(crate) fn launch(site: &Site, reconnect: &Reconnect) -> Self {
        let mut command = another_user::command(program(site));
        command.arg("--config").arg(site.path("lonc.toml"));
        command.arg("--socket").arg(&reconnect.path);
        Self(Lonc::spawn(site.clone(), command))
    }

    /// The same, once its file is there.
    pub(crate) fn start(site: &Site, reconnect: &Reconnect) -> Self {
        let bridge = Self::launch(site, reconnect);
        let own = format!("{}\n", bridge.pid());
        wait_until("lonc.pid", || {
            fs::read_to_string(site.path("logs/lonc.pid")).is_ok_and(|text| text == own)
        });
        bridge
    }

    pub(crate) fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        self.ended_well();
    }
}

impl Deref for Bridge {
    type Target = Lonc;

    fn deref(&self) -> &Lonc {
        &self.0
    }
}

impl DerefMut for Bridge {
    fn deref_mut(&mut self) -> &mut Lonc {
        &mut self.0
    }
}
