//! What was told to the service manager, and what still is to be. It may be busy, as while it reads its units anew, and
//! then takes nothing: whoever has a word for it does not wait. What it must know is told again until it takes it;
//! statuses give way to the next.

use std::env;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::sync::Notify;
use tracing::debug;

use crate::config::text::short;

/// How often what was not taken is told again.
const AGAIN: Duration = Duration::from_millis(100);
/// Words kept for a manager that takes none; of those that say the same only one is.
const MAX_KEPT: usize = 16;
/// Longest status, in characters: it is one line of `systemctl status`.
const MAX_STATUS: usize = 500;

/// The words of this process, which has one service manager.
pub(super) static WORDS: Words = Words {
    kept: Mutex::new(Kept {
        words: Vec::new(),
        status: None,
        is_ready: false,
    }),
    left: Notify::const_new(),
};

pub(super) struct Words {
    kept: Mutex<Kept>,
    left: Notify,
}

struct Kept {
    /// Not taken yet, and needed; in order.
    words: Vec<String>,
    /// The last status that was not taken.
    status: Option<String>,
    /// READY was said.
    is_ready: bool,
}

impl Kept {
    fn keep(&mut self, words: String) {
        self.words.retain(|kept| *kept != words);
        if self.words.len() < MAX_KEPT {
            self.words.push(words);
        }
    }

    /// Tells what is kept; an error is that the manager takes nothing now.
    fn tell(&mut self) -> io::Result<()> {
        while let Some(words) = self.words.first() {
            send(words)?;
            self.words.remove(0);
        }
        if let Some(status) = &self.status {
            send(status)?;
            self.status = None;
        }
        Ok(())
    }
}

impl Words {
    /// Tells this now, or as soon as it is taken.
    pub(super) fn tell(&self, words: &[NotifyState<'_>]) {
        let needed = lines(words.iter().filter(|word| !is_status(word)));
        let status = lines(words.iter().filter(|word| is_status(word)));
        let mut kept = self.kept();
        kept.is_ready |= words.iter().any(|word| matches!(word, NotifyState::Ready));
        // In one message where nothing is before it: of the two, one alone would show what is not so.
        let is_first = kept.words.is_empty() && kept.status.is_none();
        if is_first && !is_busy(send(&format!("{needed}{status}"))) {
            return;
        }
        if !needed.is_empty() {
            kept.keep(needed);
        }
        if !status.is_empty() {
            kept.status = Some(status);
        }
        drop(kept);
        self.left.notify_one();
    }

    /// Whether READY was said, or is to be.
    pub(super) fn is_ready(&self) -> bool {
        self.kept().is_ready
    }

    /// Tells again what was not taken, for as long as it is let.
    pub(super) async fn tell_again(&self) {
        loop {
            self.left.notified().await;
            while is_busy(self.kept().tell()) {
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_status(word: &NotifyState<'_>) -> bool {
    matches!(word, NotifyState::Status(_))
}

/// A line each. A status may quote what others wrote, which must not become a word of its own.
fn lines<'a>(words: impl Iterator<Item = &'a NotifyState<'a>>) -> String {
    let line = |word: &NotifyState<'_>| {
        if let NotifyState::Status(text) = word {
            return format!("{}\n", NotifyState::Status(&short(text, MAX_STATUS)));
        }
        format!("{word}\n")
    };
    words.map(line).collect()
}

/// True if it is only now that nothing is taken. Any other fault is told, and the words given up.
fn is_busy(sent: io::Result<()>) -> bool {
    match sent {
        Ok(()) => false,
        Err(fault) if fault.kind() == ErrorKind::WouldBlock => true,
        Err(fault) => {
            debug!("cannot notify the service manager: {fault}");
            false
        }
    }
}

fn send(words: &str) -> io::Result<()> {
    let Some(name) = env::var_os("NOTIFY_SOCKET") else {
        return Ok(());
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(words.as_bytes(), &address(&name)?).map(drop)
}

/// A path; or behind an `@` a name that is in no file system.
fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes().strip_prefix(b"@") {
        Some(name) => SocketAddr::from_abstract_name(name),
        None => SocketAddr::from_pathname(name),
    }
}
