//! A host of the old world: `logs/lonc.pid`, the user www, and what systemd does for both halves of `lonc-usr1`.

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::io::Read as _;
use std::ops::{Deref, DerefMut};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Gid, Pid, Uid, chown, geteuid};

use crate::harness::{Lonc, Peer, Site, program as installed, wait_until};

/// The web server's user, if these tests can be another than they are.
pub(crate) fn www() -> Option<u32> {
    if geteuid().is_root() {
        installed("setpriv").map(|_| 4711)
    } else {
        eprintln!("SKIPPED: only root can send a signal as another user");
        None
    }
}

/// A site with a directory for `lonc.pid`, which is www's, and with the programs where www may run them.
pub(crate) fn site(peer: &Peer, toml: &str) -> Site {
    let site = Site::new(peer.addr(), "");
    let pid_file = format!("usr1_pid_file = '{}'\n", site.path("logs/lonc.pid").display());
    site.configure(peer.addr(), &format!("{pid_file}{toml}"));
    fs::create_dir(site.path("logs")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_lonc-usr1"), program(&site)).unwrap();
    if geteuid().is_root() {
        chown(
            &site.path("logs"),
            Some(Uid::from_raw(4711)),
            Some(Gid::from_raw(4711)),
        )
        .unwrap();
    }
    site
}

pub(crate) fn program(site: &Site) -> PathBuf {
    site.path("lonc-usr1")
}

/// `program` as www; as whoever we are, if that is not root.
pub(crate) fn as_www(program: impl AsRef<OsStr>) -> Command {
    let mut command = if geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid=4711", "--regid=4711", "--clear-groups"])
            .arg(program);
        command
    } else {
        Command::new(program)
    };
    Site::clean(&mut command);
    command.current_dir("/");
    command
}

/// What lond does.
pub(crate) fn signal_as_www(site: &Site) {
    let mut command = as_www("sh");
    command
        .args(["-c", "kill -USR1 $(cat \"$0\")"])
        .arg(site.path("logs/lonc.pid"));
    assert!(command.status().unwrap().success());
}

/// `lonc-reconnect.socket` and the service behind it, as the tests' own user, who is also that of the instances.
pub(crate) struct Reconnect {
    child: Child,
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
        let child = command.stderr(Stdio::null()).spawn().unwrap();
        wait_until("the socket", || is_listening(&path));
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        Some(Self { child, path })
    }
}

/// Connecting has all instances try again, here: before anything else of a test.
fn is_listening(path: &Path) -> bool {
    let connected = UnixStream::connect(path);
    connected.is_ok_and(|mut stream| stream.read_to_end(&mut Vec::new()).is_ok())
}

impl Drop for Reconnect {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The one that is signalled; it looks like a daemon to the harness.
pub(crate) struct Bridge(Lonc);

impl Bridge {
    pub(crate) fn launch(site: &Site, reconnect: &Reconnect) -> Self {
        let mut command = as_www(program(site));
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
        kill(Pid::from_raw(self.pid().cast_signed()), Signal::SIGTERM).unwrap();
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
